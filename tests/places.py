"""The platforms that supervised tests run on: what is there of a step's jobs, and what there ever was."""

from __future__ import annotations

import json
import threading
import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import docker
import pytest

import cluster_node
import docker_engine
from lading.backends.kubernetes.names import label_value
from lading.execution import attempt_folder
from lading_runner.contract import Attempt
from private_engine import PrivateEngine
from supervised import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fakes.gate import Gate
    from supervised import Airflow

#: For tests of what differs between containers, and is the same wherever else a job runs.
ON_CONTAINERS = [pytest.param(name, marks=pytest.mark.service(name)) for name in ("docker", "kubernetes")]


@dataclass
class History:
    """Of the jobs of one DAG that begin from now on: whatever begins and ends, in its order."""

    seen: list[tuple[str, str, bool]] = field(default_factory=list)  # task id, job id, whether it begins

    def begins(self, task_id: str, job_id: str) -> None:
        if (task_id, job_id, True) not in self.seen:
            self.seen.append((task_id, job_id, True))

    def ends(self, task_id: str, job_id: str) -> None:
        begun = (task_id, job_id, True) in self.seen
        if begun and (task_id, job_id, False) not in self.seen:
            self.seen.append((task_id, job_id, False))

    def made(self, task_id: str) -> int:
        return sum(begins for task, _, begins in self.seen if task == task_id)

    def most_at_once(self, task_id: str) -> int:
        there, most = 0, 0
        for task, _, begins in self.seen:
            if task == task_id:
                there += 1 if begins else -1
                most = max(most, there)
        return most


class Place(ABC):
    name: str
    environment = ("image", "sha256:")  # what an event says of where the step ran
    many = 20  # steps at once

    @abstractmethod
    def require(self) -> None:
        """Skip, or fail where it is required, unless the platform is there."""

    def opened(self, folder: Path) -> AbstractContextManager[object]:
        """While it is used; ``folder`` is its own."""
        return nullcontext()

    def environ(self) -> dict[str, str]:
        """Of the processes of an Airflow."""
        return {}

    def store(self, store: Path) -> str:
        """The folder ``store`` as a job sees it."""
        return "/lading/store"

    @abstractmethod
    def target(self, store: Path) -> dict[str, Any]: ...

    @abstractmethod
    def jobs(self, run_id: str, task_id: str) -> list[str]:
        """Ids of those that are there, ended ones too; of a platform that keeps its history, open ones."""

    @abstractmethod
    def runs(self, run_id: str, task_id: str) -> bool:
        """Whether a job of the task runs now."""

    def kill(self, job: str) -> None:
        """From outside, as an operator of the platform would."""
        raise NotImplementedError(f"no test kills a job of {self.name}")

    @abstractmethod
    def watch(self, dag_id: str) -> History: ...


def is_there(place: Place) -> bool:
    try:
        place.require()
    except (pytest.skip.Exception, pytest.fail.Exception):
        return False
    return True


class Docker(Place):
    name = "docker"

    def __init__(self, host: str | None = None) -> None:
        self._host = host

    def require(self) -> None:
        docker_engine.require()

    def target(self, store: Path) -> dict[str, Any]:
        own = {"host": self._host} if self._host else {}
        return {"backend": "docker", "image": docker_engine.IMAGE, **own}

    def jobs(self, run_id: str, task_id: str) -> list[str]:
        return [c["Id"] for c in self._containers(run_id, task_id)]

    def runs(self, run_id: str, task_id: str) -> bool:
        return any(c["State"] == "running" for c in self._containers(run_id, task_id))

    def kill(self, job: str) -> None:
        with closing(self._api()) as api:
            api.kill(job)

    def watch(self, dag_id: str) -> History:
        found = History()
        filters = {"type": "container", "label": f"lading.dag_id={dag_id}"}
        events = self._api(timeout=None).events(decode=True, filters=filters)

        def read() -> None:
            for event in events:
                job = event["Actor"]["Attributes"]["lading.task_id"], event["Actor"]["ID"]
                if event["Action"] == "create":
                    found.begins(*job)
                elif event["Action"] in ("die", "destroy"):
                    found.ends(*job)

        threading.Thread(target=read, daemon=True).start()
        return found

    def _containers(self, run_id: str, task_id: str) -> list[dict[str, Any]]:
        labels = [f"lading.run_id={run_id}", f"lading.task_id={task_id}"]
        with closing(self._api()) as api:
            found: list[dict[str, Any]] = api.containers(all=True, filters={"label": labels})
        return found

    def _api(self, **more: Any) -> Any:
        given = {"base_url": self._host} if self._host else {}
        return docker.APIClient(version="auto", **given, **more)


class Kubernetes(Place):
    name = "kubernetes"

    def __init__(self, space: str, config_file: str | None = None) -> None:
        self.space, self._config_file = space, config_file

    def opened(self, folder: Path) -> AbstractContextManager[object]:
        return cluster_node.namespace(self.space)

    def require(self) -> None:
        cluster_node.require()

    def target(self, store: Path) -> dict[str, Any]:
        own = {"config_file": self._config_file} if self._config_file else {}
        mount = {"host_path": str(store)}
        return {
            "backend": "kubernetes",
            "image": docker_engine.IMAGE,
            "namespace": self.space,
            "mount": mount,
            **own,
        }

    def jobs(self, run_id: str, task_id: str) -> list[str]:
        return [pod.metadata.uid for pod in self._pods(run_id, task_id)]

    def runs(self, run_id: str, task_id: str) -> bool:
        return any(pod.status.phase == "Running" for pod in self._pods(run_id, task_id))

    def kill(self, job: str) -> None:
        core = cluster_node.core()
        (name,) = [
            pod.metadata.name for pod in core.list_namespaced_pod(self.space).items if pod.metadata.uid == job
        ]
        core.delete_namespaced_pod(name, self.space, grace_period_seconds=0)

    def watch(self, dag_id: str) -> History:
        found = History()
        label = f"lading/dag_id={label_value(dag_id)}"
        now = cluster_node.core().list_namespaced_pod(self.space, label_selector=label)

        def read() -> None:
            for kind, pod in self._changes(label, now.metadata.resource_version):
                job = pod.metadata.labels["lading/task_id"], pod.metadata.uid
                found.begins(*job)
                if kind == "DELETED" or pod.status.phase in ("Succeeded", "Failed"):
                    found.ends(*job)

        threading.Thread(target=read, daemon=True).start()
        return found

    def _changes(self, label: str, since: str) -> Iterator[tuple[str, Any]]:
        """Of the pods with the label, without end. What the server forgot is taken from what is there."""
        from kubernetes import client, watch
        from urllib3.exceptions import HTTPError

        pods = cluster_node.core().list_namespaced_pod
        while True:
            try:
                seen = watch.Watch().stream(pods, self.space, label_selector=label, resource_version=since)
                yield from ((event["type"], event["object"]) for event in seen)
                there = pods(self.space, label_selector=label)
                yield from (("ADDED", pod) for pod in there.items)
                since = there.metadata.resource_version
            except (client.ApiException, HTTPError):  # gone, or too old: then from what is there
                since = "0"
                time.sleep(0.5)

    def _pods(self, run_id: str, task_id: str) -> list[Any]:
        labels = f"lading/run_id={label_value(run_id)},lading/task_id={label_value(task_id)}"
        found = cluster_node.core().list_namespaced_pod(self.space, label_selector=labels).items
        return list(found)


@dataclass
class Frail:
    """Ways to the platforms that a test may shut, and an engine that it may stop, by target."""

    space: str
    folder: Path
    kubernetes: bool
    places: dict[str, Place] = field(default_factory=dict)
    gates: dict[str, Gate] = field(default_factory=dict)
    engine: PrivateEngine | None = None
    _open: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        for name in ("refusing", "silent") if self.kubernetes else ():
            (self.folder / name).mkdir()
            self.gates[name], config = self._open.enter_context(cluster_node.gate(self.folder / name))
            self.places[name] = Kubernetes(self.space, config)
        if PrivateEngine.possible():
            self.engine = PrivateEngine()
            self.places["private"] = Docker(self.engine.host)

    def end(self) -> None:
        self._open.close()
        if self.engine is not None:
            self.engine.end()


def begun(airflow: Airflow, place: Place, dag_id: str, run_id: str, wait: str) -> None:
    """Returns once the step runs elsewhere, and its task is in the state to be tested."""
    until(lambda: place.runs(run_id, wait), f"no job of {dag_id}.{wait}")
    wanted = "deferred" if wait == "deferred" else "running"

    def waited_for() -> bool:
        """A trigger is picked up some time after its task was deferred."""
        ti = airflow.tasks(dag_id, run_id)[wait]
        return ti["state"] == wanted and (wanted == "running" or ti["triggerer_job"] is not None)

    until(waited_for, f"{wait} is not {wanted}")
    # Its first lines are stored some seconds after its start; a clear right then is lost on the scheduler.
    lines = f"{attempt_folder(Attempt(dag_id, run_id, wait))}/log/"
    until(lambda: next(iter(airflow.objects.list(lines)), None), f"nothing was printed by {dag_id}.{wait}")


def say_go(airflow: Airflow, run_id: str, number: int | None = None) -> None:
    """To the steps of a run that wait for it, or to that one whose turn it is."""
    turn = "" if number is None else f"-{number}"
    (airflow.home / "store/blobs" / f"go-{quote(run_id, safe='')}{turn}").touch()


def targets(places: dict[str, Place], store: Path) -> str:
    """``[lading] targets``."""
    return json.dumps({name: place.target(store) for name, place in places.items()})
