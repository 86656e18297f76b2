"""What is never loaded where: decoders in Airflow's servers, web frameworks in tasks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# dill is loaded by Airflow itself
DECODERS = (
    "pandas", "pyarrow", "polars", "sklearn", "skops", "joblib", "cloudpickle", "torch",
    "safetensors", "xgboost", "lightgbm", "matplotlib", "PIL",
)  # fmt: skip
_TELL = "import sys; print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"


def loaded(code: str) -> set[str]:
    """Top-level packages that a new process has loaded after ``code``."""
    argv = [sys.executable, "-W", "ignore", "-c", f"{code}\n{_TELL}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return set(done.stdout.rpartition("LOADED ")[2].split())


@pytest.mark.slow
def test_the_api_server_loads_no_decoder(airflow_db: None, tmp_path: Path) -> None:
    """While it starts, looks for events and orphans, and answers what reads the store."""
    code = f"""
import os, sys, time
from pathlib import Path
looked = []
sys.addaudithook(lambda event, given: event == "os.scandir" and looked.append(str(given[0])))
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from api_samples import fill, kept
from api_server import PREFIX, headers, serving
from lineage_samples import DAG, RUN, report, sweep
from urllib.parse import quote
with serving(Path({str(tmp_path)!r}, "store")) as client, client:
    fill([*sweep(), *report()])
    of, run = kept(DAG, RUN), quote(RUN, safe="")
    client.headers.update(headers("admin"))
    artifact = f"/artifacts/{{of['artifact_id']}}"
    of_dag = ("/runs", f"/runs/{{run}}/graph", f"/runs/{{run}}/tasks/keep", f"/runs/{{run}}/tasks/keep/code",
              f"/compare?run_a={{run}}&run_b={{run}}")
    paths = [artifact, *(f"{{artifact}}/{{part}}" for part in ("preview", "download", "ancestry")),
             "/artifacts", "/artifacts/facets", "/index", *(f"/dags/{{DAG}}{{part}}" for part in of_dag)]
    for path in paths:
        answer = client.get(PREFIX + path)
        assert answer.status_code == 200, (path, answer.text)
    end = time.monotonic() + 60
    while not any(path.endswith("/store/open") for path in looked):
        assert time.monotonic() < end, looked
        time.sleep(0.2)
"""
    found = loaded(code)
    assert "fastapi" in found
    assert found.isdisjoint(DECODERS), found & set(DECODERS)


def test_scheduler_and_triggerer_load_no_decoder_by_us() -> None:
    code = "import lading.plugin, lading.provider_info, lading.xcom, lading.triggers.job, lading.database"
    found = loaded(code)
    assert found.isdisjoint(DECODERS), found & set(DECODERS)


def test_a_task_process_loads_no_web_framework_by_us() -> None:
    code = """
import airflow.sdk.execution_time.task_runner
import sys
before = set(sys.modules)
import lading.plugin, lading.capture, lading.decorators.step, lading.xcom.backend
from lading.plugin import LadingPlugin
LadingPlugin.listeners
new = set(sys.modules) - before
for name in [name for name in sys.modules if name not in new]:
    del sys.modules[name]
"""
    found = loaded(code)
    assert "lading" in found
    assert found.isdisjoint({"fastapi", "starlette", "sqlalchemy", "alembic", "uvicorn"})
