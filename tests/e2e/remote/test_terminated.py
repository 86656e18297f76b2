"""A task process that gets SIGTERM, as when its worker shuts down, leaves no job behind, and no success."""

from __future__ import annotations

import os
import signal
from functools import cache
from typing import TYPE_CHECKING

import pytest

from places import ON_CONTAINERS, History, Place, begun
from supervised import Airflow, until

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TASKS = (
    "deferred-create.after",
    "deferred-start.handle_saved",
    "deferred-wait.ended",
    "waited-start.intent_saved",
    "waited-wait.ended",
)


@pytest.fixture(scope="package")
def terminated(airflow: Airflow) -> Callable[[Place], tuple[str, History]]:
    """The one run whose steps are told to end at points of their start and their end."""

    @cache
    def run_of(place: Place) -> tuple[str, History]:
        made = place.watch(f"{place.name}_terminated")
        return airflow.trigger(f"{place.name}_terminated"), made

    return run_of


@pytest.mark.parametrize("place", ON_CONTAINERS, indirect=True)
@pytest.mark.parametrize("task_id", TASKS)
def test_a_task_process_told_to_end_cancels_its_job_before_the_retry_begins_another(
    airflow: Airflow, place: Place, terminated: Callable[[Place], tuple[str, History]], task_id: str
) -> None:
    dag_id = f"{place.name}_terminated"
    run, made = terminated(place)

    assert airflow.ended(dag_id, run, task_id, try_number=2) == "success"

    fired = (airflow.notes / f"fired-{dag_id}-{task_id}").read_text()
    assert ":sigterm" in fired
    assert len(fired.splitlines()) == 1
    assert airflow.history(run, task_id) == [("cancelled", 1, "cancelled"), ("succeeded", 2, None)]
    assert made.made(task_id) <= 2
    assert made.most_at_once(task_id) == 1
    assert place.jobs(run, task_id) == []


@pytest.mark.parametrize("place", ON_CONTAINERS, indirect=True)
def test_a_task_process_told_to_end_while_its_job_runs_takes_it_along(airflow: Airflow, place: Place) -> None:
    dag_id = f"{place.name}_stopped"
    made = place.watch(dag_id)
    run = airflow.trigger(dag_id)
    begun(airflow, place, dag_id, run, "waited")
    (first,) = place.jobs(run, "waited")

    os.kill(int(airflow.noted(f"worker-{dag_id}-waited")), signal.SIGTERM)

    until(lambda: first not in place.jobs(run, "waited"), "the job outlives its worker", 30)
    assert airflow.ended(dag_id, run, "waited", try_number=2) == "success"
    assert airflow.history(run, "waited") == [("cancelled", 1, "cancelled"), ("succeeded", 2, None)]
    assert (made.made("waited"), made.most_at_once("waited")) == (2, 1)
