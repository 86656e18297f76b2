"""A trivial step in a container beside the container alone; needs a Docker engine with the image."""

from __future__ import annotations

import os
import resource
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.model import Area, Bench, Contestant, Kind, Row, Sample, Target, Term

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGE = os.environ.get("LADING_BENCH_IMAGE", "lading/python:3.11")
STARTS = 5


def absent() -> str:
    """Why no container can be measured here; empty where one can."""
    try:
        import docker
    except ImportError as e:
        return f"the Docker SDK is not installed: {e}"
    if not listens():
        return "no Docker engine listens"
    client = docker.APIClient(version="1.41", timeout=5)
    try:
        client.inspect_image(IMAGE)
    except docker.errors.DockerException as e:
        return f"the engine does not give the image {IMAGE}: {e}"
    finally:
        client.close()
    return ""


def listens() -> bool:
    """Whether anybody listens where the engine should; the SDK leaves its socket open where nobody does."""
    url = urlsplit(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    unix = url.scheme == "unix"
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as probe:
        probe.settimeout(5)
        try:
            probe.connect(url.path if unix else (url.hostname, url.port))
        except OSError:
            return False
    return True


def lading(bench: Bench) -> Sample:
    """One attempt: code and specification stored, container run, result taken, container removed."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    from docker_engine import Desk

    def nothing() -> int:
        return 1

    desks = []

    def attempt() -> None:
        folder = bench.folder / f"{len(desks)}"
        folder.mkdir()
        desks.append(Desk(folder, nothing, image=IMAGE))
        desks[-1].run()

    return quickest(bench, attempt)


def docker_run(bench: Bench) -> Sample:
    """Create, start, wait, remove, by the same client."""
    import docker

    api = docker.APIClient(version="auto")
    return quickest(bench, lambda: _alone(api))


def _alone(api: Any) -> None:
    made = api.create_container(
        IMAGE, ["python3", "-c", "pass"], host_config=api.create_host_config(init=True)
    )
    api.start(made["Id"])
    api.wait(made["Id"])
    api.remove_container(made["Id"], v=True)


def quickest(bench: Bench, call: Callable[[], object], calls: int = STARTS) -> Sample:
    """The median is of the harness; within a process the first call warms up, the quickest counts."""
    walls, cpus = [], []
    for _ in range(2 if bench.quick else calls):
        wall, cpu = time.perf_counter(), cpu_s()
        call()
        walls.append(time.perf_counter() - wall)
        cpus.append(cpu_s() - cpu)
    return {"wall_s": min(walls[1:]), "cpu_s": min(cpus[1:])}


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


LADING = Contestant("container lading", (f"{__name__}:lading",))
DOCKER = Contestant("container docker", (f"{__name__}:docker_run",))

AREA = Area(
    "docker",
    (
        Row(
            "docker",
            "trivial step in a container, wall",
            "s",
            (Term(LADING, "wall_s"),),
            (Term(DOCKER, "wall_s"),),
            Target(Kind.ADDED, 1.0),
            "create, start, wait, remove",
        ),
        Row(
            "docker",
            "the worker's own CPU for it",
            "s",
            (Term(LADING, "cpu_s"),),
            (Term(DOCKER, "cpu_s"),),
            Target(Kind.OURS, 0.3),
            "create, start, wait, remove",
        ),
    ),
    absent,
)
