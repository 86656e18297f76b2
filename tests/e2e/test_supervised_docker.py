"""Containers of a scheduled Airflow: whoever ends a step, deferred or not, its container goes with it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import docker_engine
from lading.execution import attempt_folder
from lading_runner.contract import Attempt
from supervised import Airflow, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.service("docker")]

DAGS = Path(__file__).parent / "docker_dags"
TARGETS = {"docker": {"image": docker_engine.IMAGE}}
WAITS = ("deferred", "waited")


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    docker_engine.require()
    home = tmp_path_factory.mktemp("supervised")
    settings = {
        "AIRFLOW__LADING__TARGETS": json.dumps(TARGETS),
        "AIRFLOW__LADING__POLL_INTERVAL_S": "1",
        # by a connection, which worker and triggerer must ask Airflow for
        "AIRFLOW__LADING__STORE": "artifacts",
        "AIRFLOW_CONN_ARTIFACTS": json.dumps({"conn_type": "lading", "host": (home / "store").as_uri()}),
    }
    server = Airflow(home, DAGS, settings, triggerer=True)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def run_of(airflow: Airflow) -> Callable[[str], str]:
    return cache(airflow.trigger)


def containers(run_id: str, task_id: str) -> list[dict[str, Any]]:
    labels = [f"lading.run_id={run_id}", f"lading.task_id={task_id}"]
    found: list[dict[str, Any]] = docker_engine.api().containers(all=True, filters={"label": labels})
    return found


def runs(run_id: str, task_id: str) -> bool:
    return any(c["State"] == "running" for c in containers(run_id, task_id))


def history(airflow: Airflow, run_id: str, task_id: str) -> list[tuple[str, int, str | None]]:
    """Status, generation and failure class of each attempt."""
    return [
        (e.status, e.task.generation, (e.error or {}).get("class"))
        for e in airflow.events_of(run_id)
        if e.task.task_id == task_id
    ]


def begun(airflow: Airflow, dag_id: str, run_id: str, wait: str) -> None:
    """Returns once the step runs in its container, and its task is in the state to be tested."""
    until(lambda: runs(run_id, wait), f"no container of {dag_id}.{wait}")
    wanted = "deferred" if wait == "deferred" else "running"

    def waited_for() -> bool:
        """A trigger is picked up some time after its task was deferred."""
        ti = airflow.tasks(dag_id, run_id)[wait]
        return ti["state"] == wanted and (wanted == "running" or ti["triggerer_job"] is not None)

    until(waited_for, f"{wait} is not {wanted}")
    # Its first lines are stored some seconds after its start; a clear right then is lost on the scheduler.
    lines = f"{attempt_folder(Attempt(dag_id, run_id, wait))}/log/"
    until(lambda: next(iter(airflow.objects.list(lines)), None), f"nothing was printed by {dag_id}.{wait}")


def test_a_scheduled_step_in_a_container_is_green_with_its_log_and_lineage(airflow: Airflow) -> None:
    run = airflow.trigger("docker_green")
    assert airflow.ended("docker_green", run, "check") == "success"
    (event,) = airflow.events("docker_green", "numbers")
    assert event.target == "docker"
    assert "sha256:" in event.environment["image"]
    logs = [
        p.read_text() for p in (airflow.home / "logs").rglob("*") if f"run_id={run}" in str(p) and p.is_file()
    ]
    assert sum("counting in a container" in text for text in logs) == 1
    assert containers(run, "numbers") == []


@pytest.mark.parametrize("wait", WAITS)
def test_a_step_that_is_marked_failed_ends_with_its_container(
    airflow: Airflow, run_of: Callable[[str], str], wait: str
) -> None:
    run = run_of("docker_marked_failed")
    begun(airflow, "docker_marked_failed", run, wait)

    airflow.mark_failed("docker_marked_failed", run, wait)

    assert_cancelled(airflow, run, wait)
    assert airflow.tasks("docker_marked_failed", run)[wait]["state"] == "failed"


def test_a_run_that_is_deleted_ends_with_its_containers(airflow: Airflow) -> None:
    run = airflow.trigger("docker_deleted")
    for wait in WAITS:
        begun(airflow, "docker_deleted", run, wait)

    airflow.api("PATCH", f"dags/docker_deleted/dagRuns/{run}", {"state": "failed"})  # Airflow demands it
    airflow.api("DELETE", f"dags/docker_deleted/dagRuns/{run}")

    for wait in WAITS:
        assert_cancelled(airflow, run, wait)


def assert_cancelled(airflow: Airflow, run: str, wait: str) -> None:
    until(lambda: containers(run, wait) == [], f"the container of {wait} outlives its kill", 30)
    until(lambda: history(airflow, run, wait) == [("cancelled", 1, "cancelled")], "no event tells of it", 30)


@pytest.mark.parametrize("wait", WAITS)
def test_a_step_cleared_while_its_container_runs_starts_again(airflow: Airflow, wait: str) -> None:
    run = airflow.trigger("docker_cleared")
    begun(airflow, "docker_cleared", run, wait)
    (first,) = containers(run, wait)

    airflow.clear("docker_cleared", run, wait)

    def gone() -> bool:
        return first["Id"] not in {c["Id"] for c in containers(run, wait)}

    until(gone, "the first container outlives the clear", 30)
    assert airflow.ended("docker_cleared", run, wait, try_number=2) == "success"
    assert history(airflow, run, wait) == [("cancelled", 1, "cancelled"), ("succeeded", 2, None)]
    assert containers(run, wait) == []


@pytest.mark.parametrize("wait", WAITS)
def test_a_step_past_its_execution_timeout_loses_its_container(
    airflow: Airflow, run_of: Callable[[str], str], wait: str
) -> None:
    run = run_of("docker_timed_out")
    assert airflow.ended("docker_timed_out", run, wait) == "failed"
    assert history(airflow, run, wait) == [("failed", 1, "timeout")]
    assert containers(run, wait) == []


def test_a_restarted_triggerer_loses_and_doubles_nothing(airflow: Airflow) -> None:
    made = docker_engine.Creations("docker_many")
    run = airflow.trigger("docker_many")

    def deferred() -> int:
        found = airflow.api("GET", f"dags/docker_many/dagRuns/{run}/taskInstances")["task_instances"]
        return sum(ti["state"] == "deferred" for ti in found)

    until(lambda: deferred() >= 5, "no steps are deferred", 300)
    airflow.restart("triggerer")

    assert airflow.over("docker_many", run) == "success"
    states = airflow.api("GET", f"dags/docker_many/dagRuns/{run}/taskInstances")["task_instances"]
    assert [ti["state"] for ti in states] == ["success"] * 20
    events = airflow.events("docker_many", "many")
    assert sorted(e.task.map_index for e in events if e.status == "succeeded") == list(range(20))
    assert len(events) == 20
    assert len(made.stop()) == 20
    assert containers(run, "many") == []
