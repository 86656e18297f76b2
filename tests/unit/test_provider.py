"""The package as Airflow and DAG files meet it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import airflow
import jsonschema
import pytest

from lading.provider_info import get_provider_info

HEAVY = (
    "pandas",
    "numpy",
    "pyarrow",
    "polars",
    "torch",
    "sklearn",
    "matplotlib",
    "obstore",
    "fastapi",
    "boto3",
)


def modules_after(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter has loaded after ``code``."""
    probe = f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_provider_info_fits_airflows_own_schema() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_airflow_discovers_decorator_connection_and_options() -> None:
    from airflow.providers_manager import ProvidersManager
    from airflow.sdk import task
    from airflow.sdk.configuration import conf
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    from lading.decorators.step import step_task

    assert "step" in ProvidersManagerTaskRuntime().taskflow_decorators
    assert task.step is step_task
    assert "airflow-provider-lading" in ProvidersManager().providers
    assert conf.get("lading", "default_target") == "local"


def test_importing_lading_loads_no_airflow() -> None:
    found = modules_after("from lading import GPU, Resources, log_metrics")
    assert not {name for name in found if name.partition(".")[0] in {"airflow", *HEAVY}}


DAG_FILE = """
from airflow.sdk import dag
{imports}
@dag
def d():
    @step{arguments}
    def a(): ...
    @step
    def b(x): ...
    b(a())
d()
"""


def test_a_dag_file_loads_nothing_heavy() -> None:
    plain = modules_after(DAG_FILE.format(imports="from airflow.sdk import task as step", arguments=""))
    ours = DAG_FILE.format(
        imports="from lading import step, Resources", arguments="(on='venv', requirements=['pandas'])"
    )
    added = modules_after(ours) - plain
    assert not {name for name in added if name.partition(".")[0] in HEAVY}
    assert "lading.operators.run" not in added  # what only a running task needs


@pytest.mark.parametrize("name", ["GPU", "Resources", "StepOperator", "log_metrics", "open_store", "step"])
def test_every_export_resolves(name: str) -> None:
    import lading

    assert name in lading.__all__
    assert getattr(lading, name) is not None


def test_an_unknown_export_is_an_attribute_error() -> None:
    import lading

    with pytest.raises(AttributeError, match="no attribute 'stepp'"):
        _ = lading.stepp
