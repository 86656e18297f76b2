"""Steps in pods of a real cluster."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

import cluster_node
from lading_testkit import run_dag, task_states

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.service("kubernetes"), pytest.mark.usefixtures("airflow_db")]


@pytest.fixture(scope="module")
def space() -> Iterator[str]:
    cluster_node.require()
    with cluster_node.namespace(f"lading-{os.getpid()}") as name:
        yield name


@pytest.fixture
def target(space: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[cluster_node.Cluster]:
    from lading import deployment

    made = cluster_node.Cluster(space, monkeypatch)
    made.configure()
    yield made
    deployment.settings.cache_clear()


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize("kind", ["pod", "job"])
def test_a_step_runs_in_a_pod_and_hands_its_value_on(
    target: cluster_node.Cluster, kind: str, deferrable: bool
) -> None:
    from airflow.sdk import dag

    from lading import step

    target.configure(kind=kind)

    @dag(schedule=None)
    def in_a_pod():
        @step(on="kubernetes", deferrable=deferrable)
        def where(n: int) -> dict[str, object]:
            import os
            import socket

            print("hello from", socket.gethostname())
            return {"uid": os.getuid(), "host": socket.gethostname(), "n": n}

        @step
        def check(found: dict[str, object]) -> None:
            assert str(found["host"]).startswith("lading-")
            assert found["uid"] == 65534
            assert found["n"] == 7

        check(where(7))

    run = run_dag(in_a_pod())
    assert task_states(run) == {"where": "success", "check": "success"}
    assert target.made() == 1
    assert target.left_behind() == []
