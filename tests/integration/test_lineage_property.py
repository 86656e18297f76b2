"""Lineage of random DAGs is exactly what an oracle computes from their plans."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from lading import deployment
from lading.lineage import log
from lading_runner import values
from lading_testkit import run_dag
from random_dags import Fact, Oracle, build, plan

pytestmark = pytest.mark.usefixtures("airflow_db")

DAGS = int(os.environ.get("LADING_RANDOM_DAGS", "200"))
BATCH = 20


def array_digest(value: Any) -> str:
    return values.save(value, deployment.store()).digest


def lineage_of(dag_id: str) -> dict[tuple[str, int], Any]:
    events = log.read(deployment.store().objects, dag_id=dag_id)
    return {(e.task.task_id, e.task.map_index): e for e in events}


def facts_of(event: Any) -> set[Fact]:
    return {
        (i.param, p.task_id, p.map_index, p.key, p.element, i.artifact.digest)
        for i in event.inputs
        for p in (i.producer,)
    }


def compare(expected: set[Fact], found: set[Fact]) -> tuple[set[Fact], set[Fact]]:
    """What is missing and what is too much; an expected fact without digest (a collection) matches any."""
    loose = {fact[:5] for fact in expected if not fact[5]}
    found = {(*fact[:5], "") if fact[:5] in loose else fact for fact in found}
    return expected - found, found - expected


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("batch", range((DAGS + BATCH - 1) // BATCH))
def test_lineage_of_random_dags_equals_the_oracle(batch: int) -> None:
    for seed in range(batch * BATCH, min((batch + 1) * BATCH, DAGS)):
        nodes = plan(random.Random(seed))
        run = run_dag(build(f"random_{seed}", nodes))
        oracle = Oracle(nodes, array_digest)
        events = lineage_of(f"random_{seed}")
        assert str(run.state) == "success", f"seed {seed}: {nodes}"
        assert events.keys() == oracle.inputs.keys(), f"seed {seed}: {nodes}"
        for place, expected in oracle.inputs.items():
            difference = compare(expected, facts_of(events[place]))
            assert difference == (set(), set()), f"seed {seed}, {place}\n{nodes}"
