"""Where the jobs of killed workers run: one line per backend."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

import cluster_node
import databricks_workspace
import docker_engine
from lading.backends import registry
from lading.config import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from lading.backends.base import Backend, Worker


KILLS = int(os.environ.get("LADING_KILLS", "0"))


def spread(points: Sequence[str], kills: int | None) -> list[str]:
    """The point of each kill: as many as asked for, spread over all points or going round them."""
    kills = KILLS or kills or len(points)
    step = max(1.0, len(points) / kills)
    return [points[int(number * step) % len(points)] for number in range(kills)]


class Place(NamedTuple):
    require: Callable[[], None]
    request: dict[str, Any]  # fields of the job's
    points: tuple[str, ...]  # failpoints of the backend itself
    count: Callable[[Path, str], int]  # jobs of that name that were ever begun
    kills: int | None = None  # of a run of the suite; None: one at each point


def backend_of(place: str, folder: Path, worker: Worker) -> Backend:
    """A backend whose jobs have ``folder / "store"``."""
    if place == "databricks":
        own = {"files": databricks_workspace.FILES}
        target = Target(place, place, store=str(folder / "store"), extra=own)
        return registry.get(place).configured(target, worker)
    mount, extra = {"host_path": str(folder / "store")}, {}
    if place == "kubernetes":
        extra = {"namespace": (folder / "space").read_text()}
    return registry.get(place).configured(Target(place, place, mount=mount, extra=extra), worker)


def _processes(folder: Path, name: str) -> int:
    """A second process of that name would have its own record, in the place of the first one's claim."""
    return len(list((folder.parent / "environments/jobs" / name).glob("record.json")))


def _containers(folder: Path, name: str) -> int:
    filters = {"event": "create", "type": "container", "label": f"lading.job={name}"}
    return len(list(docker_engine.api().events(since=0, until=time.time(), filters=filters)))


def _pods(folder: Path, name: str) -> int:
    events = cluster_node.core().list_namespaced_event((folder / "space").read_text()).items
    pod = f"lading-{name}"
    return len({e.involved_object.uid for e in events if e.involved_object.name == pod})


def _runs(folder: Path, name: str) -> int:
    return databricks_workspace.opened[-1].workspace.started[name]


IMAGE = {"image": docker_engine.IMAGE}
PLACES = {
    "venv": Place(
        lambda: None,
        {},
        tuple(
            f"venv.{at}.after" for at in ("spawn", "lock", "absent", "environment", "find", "runner", "start")
        ),
        _processes,
        8,
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
    "kubernetes": Place(
        cluster_node.require, IMAGE, ("kubernetes.create.after", "kubernetes.runner.after"), _pods, 12
    ),
}
