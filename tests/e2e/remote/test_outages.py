"""A platform that goes away in the middle of steps: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

import cluster_node
import docker_engine
from lading_testkit import require_service
from places import say_go
from supervised import Airflow, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from places import Frail, Place
    from private_engine import PrivateEngine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

AWAY_S = 30.0
WAITS = ("deferred", "waited")


@pytest.mark.service("kubernetes")
def test_an_api_server_that_is_away_for_half_a_minute_costs_nothing(airflow: Airflow, frail: Frail) -> None:
    """One refuses, the other takes connections and says nothing, as when it is stopped."""
    cluster_node.require()
    refusing, silent = frail.gates["refusing"], frail.gates["silent"]
    made = {name: frail.places[name].watch(f"{name}_outlived") for name in frail.gates}
    runs = {name: airflow.trigger(f"{name}_outlived") for name in frail.gates}
    for name, run in runs.items():
        running(frail.places[name], run)
    silent.hold()
    refusing.close()
    time.sleep(AWAY_S / 2)
    for run in runs.values():
        say_go(airflow, run)  # nobody sees the jobs end
    time.sleep(AWAY_S / 2)
    assert refusing.refused > 10
    assert silent.held >= 2
    refusing.reopen()
    silent.reopen()

    for name, run in runs.items():
        for wait in WAITS:
            assert airflow.ended(f"{name}_outlived", run, wait) == "success"
            assert airflow.history(run, wait) == [("succeeded", 1, None)]
            assert made[name].made(wait) == 1
            assert frail.places[name].jobs(run, wait) == []


@pytest.fixture
def engine(frail: Frail) -> Iterator[PrivateEngine]:
    docker_engine.require()
    require_service("docker", frail.engine is not None, "an engine of the test's own needs dockerd and root")
    assert frail.engine is not None
    try:
        yield frail.engine
    finally:
        frail.engine.stop()


@pytest.mark.service("docker")
def test_containers_that_end_with_their_engine_are_submitted_again(
    airflow: Airflow, frail: Frail, engine: PrivateEngine
) -> None:
    run = run_in(airflow, frail, engine, live_restore=False)

    engine.stop()
    time.sleep(5)  # while worker and triggerer ask in vain
    engine.start()

    for wait in WAITS:
        assert airflow.ended("private_outlived", run, wait) == "success"
        assert airflow.history(run, wait) == [("failed", 1, "infra"), ("succeeded", 2, None)]
        assert frail.places["private"].jobs(run, wait) == []


@pytest.mark.service("docker")
def test_containers_that_outlive_the_crash_of_their_engine_are_waited_for(
    airflow: Airflow, frail: Frail, engine: PrivateEngine
) -> None:
    run = run_in(airflow, frail, engine, live_restore=True)
    before = {wait: frail.places["private"].jobs(run, wait) for wait in WAITS}

    engine.stop(signal.SIGKILL)
    time.sleep(5)
    engine.start(live_restore=True)
    say_go(airflow, run)

    for wait in WAITS:
        assert airflow.ended("private_outlived", run, wait) == "success"
        assert airflow.history(run, wait) == [("succeeded", 1, None)]
        (event,) = [e for e in airflow.events_of(run) if e.task.task_id == wait]
        assert [event.job["id"]] == before[wait]
        assert frail.places["private"].jobs(run, wait) == []


def run_in(airflow: Airflow, frail: Frail, engine: PrivateEngine, *, live_restore: bool) -> str:
    """A run whose containers are under way in the private engine."""
    engine.start(live_restore=live_restore)
    engine.load(docker_engine.IMAGE)
    run = airflow.trigger("private_outlived")
    running(frail.places["private"], run)
    return run


def running(place: Place, run: str) -> None:
    until(lambda: all(place.runs(run, wait) for wait in WAITS), f"no jobs of {run}")
