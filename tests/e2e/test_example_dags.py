"""Every DAG of ``dags/`` runs, and does what its docstring says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lading_testkit import run_dag, task_states

if TYPE_CHECKING:
    from airflow.sdk import DAG

DAGS = Path(__file__).parents[2] / "dags"

# how many task instances end in which state
EXPECTED = {
    "demo_digits": {"success": 7 + 9},
    "example_decorator": {"success": 2},
    "example_elsewhere": {"skipped": 1},  # no target is configured; where two are: test_demo_elsewhere.py
    "example_failing_step": {"success": 1, "failed": 1},
    "example_files": {"success": 3},
    "example_isolated_environment": {"success": 2},
    "example_mapped_sweep": {"success": 2 + 8},
    "example_step_operator": {"success": 2},
}
USE_VENV = {"demo_digits", "example_failing_step", "example_isolated_environment"}


@pytest.fixture(autouse=True)
def dags_folder_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DAGS))


def load(name: str) -> DAG:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(DAGS / f"{name}.py", bundle_path=DAGS, bundle_name="dags-folder")
    assert bag.import_errors == {}
    assert set(bag.dags) == {name}
    return bag.dags[name]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in USE_VENV else n for n in EXPECTED]
)
def test_the_dag_runs_as_its_docstring_says(name: str, airflow_db: None) -> None:
    run = run_dag(load(name))

    assert Counter(task_states(run).values()) == EXPECTED[name]
    assert str(run.state) == ("failed" if "failed" in EXPECTED[name] else "success")


def test_every_dag_file_is_run_here() -> None:
    files = {
        path.stem for path in DAGS.glob("*.py") if "@dag(" in path.read_text() or "DAG(" in path.read_text()
    }

    assert files == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_dag_says_what_it_shows_in_at_most_a_page(name: str) -> None:
    lines = (DAGS / f"{name}.py").read_text().splitlines()

    assert lines[0].startswith('"""')
    assert len(lines) <= 100
