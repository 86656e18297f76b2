"""Hundreds of steps at once on a small machine: all succeed, few slots do, and nothing is left over."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cluster_node
import docker_engine
from places import Docker, Kubernetes
from processes import Held, command, held_below
from supervised import Airflow, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(1800)]

DAGS = Path(__file__).parent / "load_dags"
SLOTS = 8  # of the workers
SELDOM_S = 1.0  # each look at the API costs the machine that is measured

#: Above what a warm process held before: far less than one of each for every job.
BOUND = Held(descriptors=10, threads=8, memory_mib=40.0)


@dataclass
class Load:
    airflow: Airflow
    space: str = ""

    def crowd(self, target: str, size: int, running: Callable[[str], int]) -> str:
        """The run in which ``size`` steps waited at the same time, and succeeded."""
        dag_id, begun = f"{target}_{size}", time.monotonic()
        run = self.airflow.trigger(dag_id)
        until(lambda: self._count(dag_id, run, "deferred") == size, f"{size} are not deferred", 900, SELDOM_S)
        until(lambda: running(dag_id) == size, f"{size} jobs do not run at once", 120, SELDOM_S)
        waited = time.monotonic()
        (self.airflow.home / "store" / "blobs" / dag_id).touch()
        until(lambda: self._count(dag_id, run, "success") == size + 1, "some do not succeed", 900, SELDOM_S)
        print(f"{size} {target} steps: all wait after {waited - begun:.0f} s", end="; ")
        print(f"all ended {time.monotonic() - waited:.0f} s later")
        return run

    def held(self) -> dict[int, Held]:
        """By what lives as long as Airflow: triggerer and scheduler, whose children are the workers."""
        return {
            pid: what
            for name in ("triggerer", "scheduler")
            for pid, what in held_below(self.airflow.pid(name)).items()
        }

    def _count(self, dag_id: str, run: str, state: str) -> int:
        path = f"dags/{dag_id}/dagRuns/{run}/taskInstances?state={state}&limit=1"
        return int(self.airflow.api("GET", path)["total_entries"])


@pytest.fixture(scope="module")
def engine() -> None:
    docker_engine.require()


@pytest.fixture(scope="module")
def cluster() -> Any:
    cluster_node.require()
    return cluster_node.core()


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    home = tmp_path_factory.mktemp("load")
    (home / "store" / "blobs").mkdir(parents=True)
    space = f"lading-load-{os.getpid()}"
    targets = {
        "docker": {"image": docker_engine.IMAGE},
        "kubernetes": {
            "image": docker_engine.IMAGE,
            "namespace": space,
            "mount": {"host_path": str(home / "store")},
            "resources": {"memory": "64MiB"},  # fifty of them fit on one small node
        },
    }
    settings = {
        "AIRFLOW__CORE__PARALLELISM": str(SLOTS),
        "AIRFLOW__LADING__TARGETS": json.dumps(targets),
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",  # the machine is busy
    }
    with Airflow(home, DAGS, settings, triggerer=True).running() as server:
        yield Load(server, space)


@pytest.mark.service("docker")
@pytest.mark.usefixtures("engine")
def test_two_hundred_steps_in_containers_at_once_leave_nothing_behind(load: Load) -> None:
    volumes: set[str] = set()

    def running(dag_id: str) -> int:
        found = containers(dag_id)
        volumes.update(m["Name"] for c in found for m in c["Mounts"] if m["Type"] == "volume")
        return sum(c["State"] == "running" for c in found)

    load.crowd("docker", 20, running)
    warm = settled(load)
    made = Docker().watch("docker_200")
    load.crowd("docker", 200, running)

    assert made.made("waiting") == 200
    assert containers("docker_20") == containers("docker_200") == []
    assert len(volumes) >= 200
    assert volumes & {v["Name"] for v in docker_engine.api().volumes()["Volumes"] or ()} == set()
    assert_no_more_than(warm, settled(load))


@pytest.mark.service("kubernetes")
def test_fifty_steps_in_pods_at_once_leave_nothing_behind(cluster: Any, load: Load) -> None:
    def running(dag_id: str) -> int:
        return sum(pod.status.phase == "Running" for pod in cluster.list_namespaced_pod(load.space).items)

    with cluster_node.namespace(load.space):
        load.crowd("kubernetes", 10, running)
        warm = settled(load)
        made = Kubernetes(load.space).watch("kubernetes_50")
        load.crowd("kubernetes", 50, running)

        until(lambda: cluster.list_namespaced_pod(load.space).items == [], "pods are left", 60)
        assert made.made("waiting") == 50
        runners = [
            c.metadata.name
            for c in cluster.list_namespaced_config_map(load.space).items
            if c.metadata.name.startswith("lading-runner-")
        ]
        assert len(runners) == 1
        assert_no_more_than(warm, settled(load))


def containers(dag_id: str) -> list[dict[str, Any]]:
    label = {"label": f"lading.dag_id={dag_id}"}
    found: list[dict[str, Any]] = docker_engine.api().containers(all=True, filters=label)
    return found


def settled(load: Load) -> dict[int, Held]:
    """Once no task runs and idle connections were given up."""
    time.sleep(10)
    return load.held()


def assert_no_more_than(warm: dict[int, Held], now: dict[int, Held]) -> None:
    """Of the processes that were there before, none holds more than ``BOUND`` above; none came to stay."""
    print(f"\n{'descriptors':>20}{'threads':>14}{'resident MiB':>17}  process")
    for pid, before in warm.items():
        after = now[pid]
        print(
            f"{before.descriptors:>9} ->{after.descriptors:>8}{before.threads:>6} ->{after.threads:>5}"
            f"{before.memory_mib:>9.1f} ->{after.memory_mib:>6.1f}  {command(pid)[-44:]}"
        )
    for pid, before in warm.items():
        more = now[pid] - before
        assert more.descriptors <= BOUND.descriptors, command(pid)
        assert more.threads <= BOUND.threads, command(pid)
        assert more.memory_mib <= BOUND.memory_mib, command(pid)
    assert len(now) <= len(warm), [command(pid) for pid in now.keys() - warm.keys()]
