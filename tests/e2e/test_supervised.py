"""The promises hold in real task processes: scheduled, supervised, killed, cleared and timed out."""

from __future__ import annotations

import os
import signal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from lading.execution import Outcome
from supervised import Airflow, lives, parent, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lading.lineage.event import LineageEvent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DAGS = Path(__file__).parent / "supervised_dags"
SECRET = "correct-horse-battery-staple"
KILLED_AT = (
    "start.intent_saved",
    "venv.spawn.after",
    "start.handle_saved",
    "finish.reported",
    "finish.final_saved",
)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    home = tmp_path_factory.mktemp("supervised")
    with Airflow(home, DAGS, {"AIRFLOW_VAR_A_PASSWORD": SECRET}).running() as server:
        yield server


@pytest.fixture(scope="module")
def run_of(airflow: Airflow) -> Callable[[str], str]:
    """The one run of a DAG that several tests look at."""
    return cache(airflow.trigger)


class Source(NamedTuple):
    param: str | None
    task_id: str
    key: str


def sources(event: LineageEvent) -> list[Source]:
    return sorted(Source(i.param, i.producer.task_id, i.producer.key) for i in event.inputs)


def history(airflow: Airflow, dag_id: str, task_id: str) -> list[tuple[str, int]]:
    return [(event.status, event.task.generation) for event in airflow.events(dag_id, task_id)]


def test_a_scheduled_run_of_steps_and_plain_tasks_is_green_and_its_lineage_exact(airflow: Airflow) -> None:
    run = airflow.trigger("green")

    assert airflow.ended("green", run, "check") == "success"
    until(lambda: len(airflow.events("green")) >= 3, "no event of each task")  # check's follows its success
    events = {event.task.task_id: event for event in airflow.events("green")}
    assert len(airflow.events("green")) == len(events) == 3
    assert {event.task.run_id for event in events.values()} == {run}
    assert {name: sources(event) for name, event in events.items()} == {
        "numbers": [],
        "total": [Source("numbers", "numbers", "return_value")],
        "check": [
            Source("found", "total", "return_value"),
            Source("numbers", "numbers", "return_value"),
        ],
    }
    assert events["check"].inputs[0].artifact.digest in {
        output.artifact.digest for output in events["total"].outputs
    }
    assert (events["numbers"].target, events["total"].target) == ("local", "venv")
    assert events["total"].params == {"weight": 2}


def test_a_cleared_step_runs_again_and_both_events_are_kept(airflow: Airflow) -> None:
    run = airflow.trigger("green")
    assert airflow.over("green", run) == "success"

    airflow.clear("green", run, "total")

    assert airflow.ended("green", run, "total", try_number=2) == "success"
    found = [event for event in airflow.events("green", "total") if event.task.run_id == run]
    assert [(e.status, e.task.generation) for e in found] == [("succeeded", 1), ("succeeded", 2)]


def test_a_step_that_failed_and_succeeded_on_its_retry_has_both_events(airflow: Airflow) -> None:
    run = airflow.trigger("retried")

    assert airflow.ended("retried", run, "flaky", try_number=2) == "success"
    assert history(airflow, "retried", "flaky") == [("failed", 1), ("succeeded", 2)]
    first = airflow.events("retried", "flaky")[0]
    assert first.error == {"type": "ValueError", "message": "the first time fails", "class": "user"}


@pytest.mark.parametrize("point", KILLED_AT)
def test_a_step_whose_task_process_was_killed_is_green_after_its_retry_and_ran_once(
    airflow: Airflow, run_of: Callable[[str], str], point: str
) -> None:
    state = airflow.ended("killed", run_of("killed"), point, try_number=2)

    assert (airflow.notes / f"fired-{point}").read_text().startswith(f"{point}:kill9")
    assert state == "success"
    assert (airflow.notes / f"effect-{point}").read_text().split() == ["once"]
    assert history(airflow, "killed", point) == [("succeeded", 1)]


@pytest.mark.parametrize("backend", ["venv", "local"])
@pytest.mark.parametrize("how", ["marked_failed", "sigterm"])
def test_a_killed_step_is_gone_not_green_and_recorded_as_cancelled(
    airflow: Airflow, run_of: Callable[[str], str], how: str, backend: str
) -> None:
    run = run_of(how)
    pid = int(airflow.noted(f"{how}-{backend}"))
    worker = int(airflow.noted(f"worker-{how}-{backend}"))
    assert lives(pid)

    if how == "marked_failed":
        airflow.mark_failed(how, run, backend)
    else:
        os.kill(worker, signal.SIGTERM)

    until(lambda: not lives(pid), f"process {pid} of the step outlives its kill", 30)
    until(lambda: not lives(worker), f"task process {worker} outlives its kill", 30)
    assert airflow.ended(how, run, backend) == "failed"
    assert history(airflow, how, backend) == [(Outcome.CANCELLED, 1)]
    assert not (airflow.notes / f"{how}-{backend}-went-on").exists()


@pytest.mark.parametrize("backend", ["venv", "local"])
def test_a_step_past_its_execution_timeout_is_ended_and_its_retry_is_a_new_generation(
    airflow: Airflow, run_of: Callable[[str], str], backend: str
) -> None:
    run = run_of("timed_out")
    pid = int(airflow.noted(f"timed_out-{backend}"))

    assert airflow.ended("timed_out", run, backend, try_number=2) == "success"
    assert not lives(pid)
    assert history(airflow, "timed_out", backend) == [("cancelled", 1), ("succeeded", 2)]
    event = airflow.events("timed_out", backend)[0]
    assert (event.error or {})["class"] == "timeout"
    assert event.target == backend


@pytest.mark.parametrize("backend", ["venv", "local"])
def test_a_step_cleared_while_it_runs_is_ended_and_runs_again(
    airflow: Airflow, run_of: Callable[[str], str], backend: str
) -> None:
    run = run_of("cleared_running")
    pid = int(airflow.noted(f"cleared_running-{backend}"))

    airflow.clear("cleared_running", run, backend)

    until(lambda: not lives(pid), f"process {pid} of the step outlives its clear", 30)
    assert airflow.ended("cleared_running", run, backend, try_number=2) == "success"
    assert history(airflow, "cleared_running", backend) == [("cancelled", 1), ("succeeded", 2)]


def test_a_job_whose_worker_and_supervisor_died_is_joined_by_the_retry(airflow: Airflow) -> None:
    run = airflow.trigger("lost_worker")
    pid = airflow.noted("lost_worker-venv")
    worker = int(airflow.noted("worker-lost_worker-venv"))
    for process in (parent(worker), worker):
        os.kill(process, signal.SIGKILL)

    until(lambda: airflow.tasks("lost_worker", run)["venv"]["try_number"] == 2, "no second try")
    (airflow.notes / "lost_worker-venv-go").touch()

    assert airflow.ended("lost_worker", run, "venv", try_number=2) == "success"
    assert (airflow.notes / "lost_worker-venv-effect").read_text().split() == ["once"]
    assert (airflow.notes / "lost_worker-venv").read_text() == pid
    assert history(airflow, "lost_worker", "venv") == [("succeeded", 1)]


def test_a_killed_step_in_native_code_is_gone(airflow: Airflow) -> None:
    run = airflow.trigger("native")
    pid = int(airflow.noted("native-venv"))
    worker = int(airflow.noted("worker-native-venv"))

    airflow.mark_failed("native", run, "venv")

    until(lambda: not lives(worker), f"task process {worker} outlives its kill", 30)
    assert lives(pid), "the worker lived to see the end: nothing is proved"
    until(lambda: not lives(pid), f"process {pid} of the step outlives its kill", 30)


def test_what_a_step_prints_of_a_secret_is_masked_in_the_log_of_its_task(airflow: Airflow) -> None:
    run = airflow.trigger("secret")
    assert airflow.ended("secret", run, "show_secret") == "success"

    found = airflow.log_of("secret", run, "show_secret")

    assert "password *** shown" in found
    assert SECRET not in found
