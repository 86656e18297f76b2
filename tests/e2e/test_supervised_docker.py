"""Containers of a scheduled Airflow: whoever ends a step, deferred or not, its container goes with it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import docker_engine
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
    settings = {"AIRFLOW__LADING__TARGETS": json.dumps(TARGETS), "AIRFLOW__LADING__POLL_INTERVAL_S": "1"}
    server = Airflow(tmp_path_factory.mktemp("supervised"), DAGS, settings, triggerer=True)
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
    dag_id = next(e.task.dag_id for e in airflow.events_of(run_id))
    return [
        (e.status, e.task.generation, (e.error or {}).get("class"))
        for e in airflow.events(dag_id, task_id)
        if e.task.run_id == run_id
    ]


def begun(airflow: Airflow, dag_id: str, run_id: str, wait: str) -> None:
    """Returns once the step runs in its container, and its task is in the state to be tested."""
    until(lambda: runs(run_id, wait), f"no container of {dag_id}.{wait}")
    wanted = "deferred" if wait == "deferred" else "running"
    until(lambda: airflow.tasks(dag_id, run_id)[wait]["state"] == wanted, f"{wait} is not {wanted}")


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
@pytest.mark.parametrize("dag_id", ["docker_marked_failed", "docker_deleted"])
def test_whoever_ends_a_step_ends_its_container(
    airflow: Airflow, run_of: Callable[[str], str], dag_id: str, wait: str
) -> None:
    if dag_id == "docker_deleted":
        run = airflow.trigger(dag_id)
        for each in WAITS:
            begun(airflow, dag_id, run, each)
        airflow.api("DELETE", f"dags/{dag_id}/dagRuns/{run}")
    else:
        run = run_of(dag_id)
        begun(airflow, dag_id, run, wait)
        airflow.mark_failed(dag_id, run, wait)

    until(lambda: containers(run, wait) == [], f"the container of {wait} outlives its kill", 30)
    until(lambda: history(airflow, run, wait) == [("cancelled", 1, "cancelled")], "no event tells of it", 30)
    if dag_id == "docker_marked_failed":
        assert airflow.tasks(dag_id, run)[wait]["state"] == "failed"


@pytest.mark.parametrize("wait", WAITS)
def test_a_step_cleared_while_its_container_runs_starts_again(
    airflow: Airflow, run_of: Callable[[str], str], wait: str
) -> None:
    run = run_of("docker_cleared")
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
    assert len(docker_engine.created(run)) == 20
    assert containers(run, "many") == []
