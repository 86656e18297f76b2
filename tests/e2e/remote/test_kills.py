"""Jobs elsewhere of a scheduled Airflow: whoever ends a step, deferred or not, its job goes with it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from places import Place, begun, say_go
from supervised import Airflow, until

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WAITS = ("deferred", "waited")


@pytest.mark.parametrize("wait", WAITS)
def test_a_step_that_is_marked_failed_ends_with_its_job(
    airflow: Airflow, place: Place, run_of: Callable[[str], str], wait: str
) -> None:
    dag_id = f"{place.name}_marked_failed"
    run = run_of(dag_id)
    begun(airflow, place, dag_id, run, wait)

    airflow.mark_failed(dag_id, run, wait)

    assert_cancelled(airflow, place, run, wait)
    assert airflow.tasks(dag_id, run)[wait]["state"] == "failed"


def test_a_run_that_is_deleted_ends_with_its_jobs(airflow: Airflow, place: Place) -> None:
    dag_id = f"{place.name}_deleted"
    made = place.watch(dag_id)
    run = airflow.trigger(dag_id)
    for wait in WAITS:
        begun(airflow, place, dag_id, run, wait)

    airflow.api("PATCH", f"dags/{dag_id}/dagRuns/{run}", {"state": "failed"})  # Airflow demands it
    airflow.api("DELETE", f"dags/{dag_id}/dagRuns/{run}")

    for wait in WAITS:
        assert_cancelled(airflow, place, run, wait)
        assert made.made(wait) == 1


def test_jobs_that_neither_worker_nor_trigger_can_end_are_ended_by_the_api_server(
    airflow: Airflow, place: Place
) -> None:
    """One task is killed before a triggerer takes its trigger, one loses its worker with its last try."""
    dag_id = f"{place.name}_abandoned"
    with airflow.without("triggerer"):
        run = airflow.trigger(dag_id)
        until(lambda: all(place.runs(run, wait) for wait in WAITS), f"no jobs of {dag_id}")
        until(lambda: airflow.tasks(dag_id, run)["deferred"]["state"] == "deferred", "not deferred")
        assert airflow.tasks(dag_id, run)["deferred"]["triggerer_job"] is None

        os.kill(int(airflow.noted(f"worker-{dag_id}-waited")), signal.SIGKILL)
        airflow.mark_failed(dag_id, run, "deferred")

        for wait in WAITS:
            assert_cancelled(airflow, place, run, wait)
        assert {ti["state"] for ti in airflow.tasks(dag_id, run).values()} == {"failed"}


def assert_cancelled(airflow: Airflow, place: Place, run: str, wait: str) -> None:
    until(lambda: place.jobs(run, wait) == [], f"the job of {wait} outlives its kill", 30)
    until(lambda: airflow.history(run, wait) == [("cancelled", 1, "cancelled")], "no event tells of it", 30)


@pytest.mark.parametrize("wait", WAITS)
def test_a_step_cleared_while_its_job_runs_starts_again(airflow: Airflow, place: Place, wait: str) -> None:
    dag_id = f"{place.name}_cleared"
    made = place.watch(dag_id)
    run = airflow.trigger(dag_id)
    begun(airflow, place, dag_id, run, wait)
    (first,) = place.jobs(run, wait)

    airflow.clear(dag_id, run, wait)

    until(lambda: first not in place.jobs(run, wait), "the first job outlives the clear", 30)
    assert airflow.ended(dag_id, run, wait, try_number=2) == "success"
    assert airflow.history(run, wait) == [("cancelled", 1, "cancelled"), ("succeeded", 2, None)]
    assert (made.made(wait), made.most_at_once(wait)) == (2, 1)
    assert place.jobs(run, wait) == []
    # the other step of the run would keep a slot of the worker for minutes
    airflow.api("PATCH", f"dags/{dag_id}/dagRuns/{run}", {"state": "failed"})
    (other,) = set(WAITS) - {wait}
    until(lambda: place.jobs(run, other) == [], f"the job of {other} outlives its run", 60)


@pytest.mark.parametrize("wait", WAITS)
def test_a_step_past_its_execution_timeout_loses_its_job(
    airflow: Airflow, place: Place, run_of: Callable[[str], str], wait: str
) -> None:
    dag_id = f"{place.name}_timed_out"
    run = run_of(dag_id)
    assert airflow.ended(dag_id, run, wait) == "failed"
    assert airflow.history(run, wait) == [("cancelled", 1, "timeout")]
    until(lambda: place.jobs(run, wait) == [], f"the job of {wait} outlives its time", 30)


def test_a_restarted_triggerer_loses_and_doubles_nothing(airflow: Airflow, place: Place) -> None:
    dag_id = f"{place.name}_many"
    made = place.watch(dag_id)
    run = airflow.trigger(dag_id)

    def states() -> list[str]:
        found = airflow.api("GET", f"dags/{dag_id}/dagRuns/{run}/taskInstances")["task_instances"]
        return [ti["state"] for ti in found]

    until(lambda: states() == ["deferred"] * place.many, "not all steps are deferred", 300)
    airflow.restart("triggerer")
    say_go(airflow, run)

    assert airflow.over(dag_id, run, within_s=300) == "success"
    assert states() == ["success"] * place.many
    events = airflow.events(dag_id, "many")
    assert sorted(e.task.map_index for e in events if e.status == "succeeded") == list(range(place.many))
    assert len(events) == place.many
    assert made.made("many") == place.many
    until(lambda: place.jobs(run, "many") == [], "jobs are left behind", 30)
