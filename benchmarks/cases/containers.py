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

    desks = []

    def attempt() -> None:
        folder = bench.folder / f"{len(desks)}"
        folder.mkdir()
        desks.append(Desk(folder, _nothing, image=IMAGE))
        desks[-1].run()

    return quickest(bench, attempt)


def docker_run(bench: Bench) -> Sample:
    """Create, start, wait, remove, by the same client."""
    import docker

    api = docker.APIClient(version="auto")
    return quickest(bench, lambda: _alone(api))


def worker(bench: Bench) -> Sample:
    """CPU of a process whose step waits for its job, the import of Lading and of the client included."""
    import airflow.sdk.execution_time.task_runner  # noqa: F401
    import pytest  # noqa: F401  # the desk is of the tests, and loads it; no worker does

    before = cpu_s()
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    from docker_engine import Desk
    from lading.execution import Policy

    Desk(bench.folder, _nothing, image=IMAGE, policy=Policy(poll_max_s=5.0)).run()
    return {"cpu_s": cpu_s() - before}


def by_its_client(bench: Bench) -> Sample:
    """CPU of all that a worker does for a container alone, the import of the client included."""
    import airflow.sdk.execution_time.task_runner  # noqa: F401

    before = cpu_s()
    import docker

    _alone(docker.APIClient(version="auto"))
    return {"cpu_s": cpu_s() - before}


def _nothing() -> int:
    return 1


def _alone(api: Any) -> None:
    made = api.create_container(
        IMAGE, ["python3", "-c", "pass"], host_config=api.create_host_config(init=True)
    )
    api.start(made["Id"])
    api.wait(made["Id"])
    api.remove_container(made["Id"], v=True)


def quickest(bench: Bench, call: Callable[[], object], calls: int = STARTS) -> Sample:
    """The median is of the harness; within a process the first call warms up, the quickest counts."""
    walls = []
    for _ in range(2 if bench.quick else calls):
        begun = time.perf_counter()
        call()
        walls.append(time.perf_counter() - begun)
    return {"wall_s": min(walls[1:])}


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


LADING = Contestant("container lading", (f"{__name__}:lading",))
DOCKER = Contestant("container docker", (f"{__name__}:docker_run",))
WORKER = Contestant("container worker lading", (f"{__name__}:worker",))
CLIENT = Contestant("container worker alone", (f"{__name__}:by_its_client",))

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
            "the worker's own CPU for it, imports included",
            "s",
            (Term(WORKER, "cpu_s"),),
            (Term(CLIENT, "cpu_s"),),
            Target(Kind.OURS, 0.3),
            "client imported; create, start, wait, remove",
        ),
    ),
    absent,
)
