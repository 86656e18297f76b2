"""A job that somebody else ends in the middle of its step: the step is done by another one, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from places import ON_CONTAINERS, begun
from supervised import Airflow, until

if TYPE_CHECKING:
    from places import Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WAITS = ("deferred", "waited")
# A triggerer begins so late that a pod waits for nothing any more.
WHILE_IT_WAITS = {("kubernetes", "waited"): ("Scheduled: Successfully assigned",)}


@pytest.mark.parametrize("place", ON_CONTAINERS, indirect=True)
def test_a_job_that_is_killed_on_its_platform_is_made_again_once(airflow: Airflow, place: Place) -> None:
    dag_id = f"{place.name}_killed"
    made = place.watch(dag_id)
    run = airflow.trigger(dag_id)
    for wait in WAITS:
        begun(airflow, place, dag_id, run, wait)
        for line in (*WHILE_IT_WAITS.get((place.name, wait), ()), "begun"):  # seen before the job ends
            until_said(airflow, dag_id, run, wait, line)

    for wait in WAITS:
        (job,) = place.jobs(run, wait)
        place.kill(job)

    for wait in WAITS:
        assert airflow.ended(dag_id, run, wait) == "success"
        assert airflow.tasks(dag_id, run)[wait]["try_number"] == 1
        assert airflow.history(run, wait) == [("failed", 1, "infra"), ("succeeded", 2, None)]
        assert (made.made(wait), made.most_at_once(wait)) == (2, 1)
        assert place.jobs(run, wait) == []


def until_said(airflow: Airflow, dag_id: str, run: str, wait: str, line: str) -> None:
    def said() -> bool:
        return any(line in str(entry["event"]) for entry in airflow.shown(dag_id, run, wait))

    until(said, f"{line!r} is not in the log of {wait}")
