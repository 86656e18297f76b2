"""What a scheduled step elsewhere leaves behind, in the log and in the lineage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from places import ON_CONTAINERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from places import Place
    from supervised import Airflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

OTHER_SCRIPTS = "ßéżøДжअ日本語한글ﬁＡ"


def test_a_scheduled_step_elsewhere_is_green_with_its_log_and_lineage(airflow: Airflow, place: Place) -> None:
    dag_id = f"{place.name}_green"
    run = airflow.trigger(dag_id)
    assert airflow.ended(dag_id, run, "check") == "success"
    (event,) = airflow.events(dag_id, "numbers")
    assert event.target == place.name
    name, text = place.environment
    assert text in event.environment[name]
    logs = [
        p.read_text() for p in (airflow.home / "logs").rglob("*") if f"run_id={run}" in str(p) and p.is_file()
    ]
    assert sum("counting elsewhere" in text for text in logs) == 1
    assert place.jobs(run, "numbers") == []


@pytest.mark.parametrize("place", ON_CONTAINERS, indirect=True)
def test_names_in_every_script_are_names_of_steps(airflow: Airflow, place: Place) -> None:
    dag_id = f"{place.name}_{OTHER_SCRIPTS}"
    run = airflow.trigger(dag_id)
    assert airflow.ended(dag_id, run, OTHER_SCRIPTS) == "success"
    assert airflow.history(run, OTHER_SCRIPTS) == [("succeeded", 1, None)]
    assert place.jobs(run, OTHER_SCRIPTS) == []


@pytest.mark.parametrize("place", ON_CONTAINERS, indirect=True)
@pytest.mark.parametrize("wait", ["deferred", "waited"])
def test_the_user_s_traceback_comes_before_what_airflow_says(
    airflow: Airflow, place: Place, run_of: Callable[[str], str], wait: str
) -> None:
    dag_id = f"{place.name}_raised"
    run = run_of(dag_id)
    assert airflow.ended(dag_id, run, wait) == "failed"
    report = report_after_traceback(airflow.shown(dag_id, run, wait))
    assert report["exc_value"].startswith("ZeroDivisionError: division by zero; ")
    (note,) = report["exc_notes"]
    assert note.startswith("Traceback")
    assert "in inverse\n    return 1 / n" in note


def test_the_user_s_traceback_comes_before_what_airflow_says_of_a_local_step(airflow: Airflow) -> None:
    run = airflow.trigger("local_raised")
    assert airflow.ended("local_raised", run, "local") == "failed"
    report = report_after_traceback(airflow.shown("local_raised", run, "local"))
    assert [frame["name"] for frame in report["frames"]][-2:] == ["divide", "inverse"]


def report_after_traceback(shown: list[dict[str, Any]]) -> dict[str, Any]:
    """What Airflow says of the exception; before it, once, stands a traceback of the user's frames alone."""
    lines = [entry["event"] for entry in shown]
    (begin,) = (i for i, line in enumerate(lines) if line.startswith("Traceback"))
    (failed,) = (i for i, line in enumerate(lines) if line == "Task failed with exception")
    end = lines.index("ZeroDivisionError: division by zero")
    assert begin < end < failed
    frames = [line for line in lines[begin:end] if line.startswith("  File ")]
    assert [(Path(frame.split('"')[1]).name, frame.rpartition(" ")[2]) for frame in frames] == [
        ("remote_steps.py", "divide"),
        ("remote_steps.py", "inverse"),
    ]
    (report,) = shown[failed]["error_detail"]
    assert not [frame for frame in report["frames"] if "/src/lading" in frame["filename"]]
    return dict(report)
