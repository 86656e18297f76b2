"""Where the jobs of killed workers run: one line per backend."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

import cluster_node
import databricks_workspace
import docker_engine
from counted import counting_runner, starts
from lading.backends import registry
from lading.backends.venv import VenvBackend
from lading.config import Target
from lading.execution import FAILPOINTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from lading.backends.base import Backend, Worker


KILLS = int(os.environ.get("LADING_KILLS", "0"))


def points_of(own: Sequence[str], kills: int | None = None) -> list[str]:
    """The point of each kill: each of the backend's ``own``, then as many of the protocol's as are left,
    spread over all of them, or going round all points."""
    left = max(0, (KILLS or kills or len(own) + len(FAILPOINTS)) - len(own))
    rest, step = [*FAILPOINTS, *own], max(1.0, len(FAILPOINTS) / max(1, left))
    return [*own, *(rest[int(number * step) % len(rest)] for number in range(left))]


class Place(NamedTuple):
    require: Callable[[], None]
    request: dict[str, Any]  # fields of the job's
    points: tuple[str, ...]  # failpoints of the backend itself
    count: Callable[[Path, str], int]  # jobs of that name that were ever begun
    kills: int | None = None  # of a run of the suite; None: one at each point of the protocol, too


def backend_of(place: str, folder: Path, worker: Worker) -> Backend:
    """A backend whose jobs have ``folder / "store"``."""
    if place == "databricks":
        own = {"files": databricks_workspace.FILES}
        target = Target(place, place, store=str(folder / "store"), extra=own)
        return registry.get(place).configured(target, worker)
    if place == "venv":
        cache = worker.cache
        assert cache is not None
        runner = counting_runner(cache / "starts")
        return VenvBackend(cache, worker.log, worker.secrets, runner, store_options=worker.store_options)
    mount, extra = {"host_path": str(folder / "store")}, {}
    service, _, kind = place.partition("-")
    if service == "kubernetes":
        extra = {"namespace": (folder / "space").read_text(), "kind": kind or "pod"}
    return registry.get(service).configured(Target(place, service, mount=mount, extra=extra), worker)


def _processes(folder: Path, name: str) -> int:
    return starts(folder.parent / "environments/starts", name)


def _containers(folder: Path, name: str) -> int:
    filters = {"event": "create", "type": "container", "label": f"lading.job={name}"}
    return len(list(docker_engine.api().events(since=0, until=time.time(), filters=filters)))


def _pods(folder: Path, name: str) -> int:
    events = cluster_node.core().list_namespaced_event((folder / "space").read_text()).items
    mine = [e.involved_object for e in events if e.involved_object.name.startswith(f"lading-{name}")]
    return len({made.uid for made in mine if made.kind == "Pod"})  # those of a Job are named after it


def _runs(folder: Path, name: str) -> int:
    return databricks_workspace.opened[-1].workspace.started[name]


IMAGE = {"image": docker_engine.IMAGE}
PODS = ("kubernetes.create.after", "kubernetes.runner.after")
PLACES = {
    "venv": Place(
        lambda: None,
        {},
        tuple(
            f"venv.{at}.after" for at in ("spawn", "lock", "absent", "environment", "find", "runner", "start")
        ),
        _processes,
        15,
    ),
    "docker": Place(
        docker_engine.require,
        IMAGE,
        ("docker.create.after", "docker.find.after", "docker.put.after", "docker.start.after"),
        _containers,
    ),
    "databricks": Place(
        databricks_workspace.require,
        {},
        tuple(f"databricks.{at}.after" for at in ("intent", "runner", "submit")),
        _runs,
        8,
    ),
    "kubernetes": Place(cluster_node.require, IMAGE, PODS, _pods),
    "kubernetes-job": Place(cluster_node.require, IMAGE, PODS, _pods, 8),
}
