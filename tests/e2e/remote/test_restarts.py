"""Fifty deferred steps whose triggerer is killed again and again: nothing is lost, nothing doubled.

``LADING_RESTARTS=200`` does it that often, which takes half an hour.
"""

from __future__ import annotations

import math
import os
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from places import Place, say_go
from supervised import Airflow, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * 3600)]

RESTARTS = int(os.environ.get("LADING_RESTARTS", "6"))
STEPS = 50


@pytest.mark.parametrize(
    "place", [pytest.param("docker", marks=pytest.mark.service("docker"))], indirect=True
)
def test_a_triggerer_that_dies_again_and_again_loses_and_doubles_nothing(
    airflow: Airflow, place: Place
) -> None:
    dag_id, chance = f"{place.name}_crowd", random.Random(50)
    made = place.watch(dag_id)
    run = airflow.trigger(dag_id)
    where = f"dags/{dag_id}/dagRuns/{run}/taskInstances?limit={STEPS}"
    lives: set[int] = set()  # of the triggerer: those in which it had a trigger at least

    def instances() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = airflow.api("GET", where)["task_instances"]
        return found

    def another_life() -> bool:
        """Triggers of a dead triggerer still name it, for a while."""
        holders = {ti["triggerer_job"]["id"] for ti in instances() if ti["triggerer_job"]}
        begun = not holders <= lives
        lives.update(holders)
        return begun

    until(lambda: [ti["state"] for ti in instances()] == ["deferred"] * STEPS, "not all deferred", 600, 1.0)
    for number, turn in enumerate(turns(chance)):
        if number % 2:  # while it begins, looks for triggers, or has them all
            time.sleep(chance.uniform(0, 8))
        else:  # when it has just taken some, or tells of their ends
            until(another_life, "nobody takes the triggers", 120, 0.3)
            time.sleep(chance.uniform(0, 2))
        airflow.restart("triggerer")
        for n in turn:
            say_go(airflow, run, n)

    assert airflow.over(dag_id, run, within_s=600) == "success"
    assert len(lives) >= RESTARTS // 2
    assert [ti["state"] for ti in instances()] == ["success"] * STEPS
    events = airflow.events(dag_id, "crowd")
    assert sorted(e.task.map_index for e in events) == list(range(STEPS))
    assert {(e.status, e.task.generation) for e in events} == {("succeeded", 1)}
    assert made.made("crowd") == STEPS
    until(lambda: place.jobs(run, "crowd") == [], "jobs are left behind", 60)


def turns(chance: random.Random) -> Iterator[list[int]]:
    """After each restart, who may end: nobody in the first half of them, then all, evenly."""
    waiting = chance.sample(range(STEPS), STEPS)
    held = RESTARTS // 2
    for number in range(RESTARTS):
        after = (RESTARTS - number - 1) / (RESTARTS - held)  # part of them that waits on
        count = len(waiting) - math.ceil(STEPS * min(1.0, after))
        yield [waiting.pop() for _ in range(count)]
