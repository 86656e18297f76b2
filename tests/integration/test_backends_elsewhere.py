"""Backends whose jobs are containers of a real engine and pods of a real cluster pass the contract of all."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

import pytest

import cluster_node
import docker_engine
from lading.backends.docker import DockerBackend
from lading.backends.kubernetes import KubernetesBackend
from lading.config import Target
from lading.testing import BackendContract
from lading.testing.bench import Bench
from lading.testing.hooks import Hooks
from lading.testing.jobs import JobContract
from lading_testkit import failing_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any

    from lading.backends.base import JobHandle, Worker


@pytest.mark.service("docker")
class TestDocker(BackendContract):
    request: ClassVar = {"image": docker_engine.IMAGE}
    required = frozenset({"kill_job", "erase_job", "lose_answer", "silence", "count_jobs"})
    extra: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def engine(cls) -> None:
        docker_engine.require()

    def backend(self, worker: Worker) -> DockerBackend:
        return DockerBackend.configured(Target("docker", "docker", extra=self.extra), worker)

    def kill_job(self, handle: JobHandle) -> None:
        docker_engine.api().kill(handle.id)

    def erase_job(self, handle: JobHandle) -> None:
        docker_engine.api().remove_container(handle.id, force=True, v=True)

    def lose_answer(self) -> AbstractContextManager[None]:
        return failing_at("docker.start.after")

    @contextmanager
    def silence(self) -> Iterator[None]:
        """An address where nobody listens."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(self), "extra", {"host": "tcp://127.0.0.1:1"})
            yield

    def count_jobs(self, name: str) -> int:
        filters = {"event": "create", "type": "container", "label": f"lading.job={name}"}
        return len(list(docker_engine.api().events(since=0, until=time.time(), filters=filters)))


class InCluster(Bench):
    kind = "pod"
    request: ClassVar = {"image": docker_engine.IMAGE}
    required = frozenset({"kill_job", "erase_job", "preempt", "lose_answer", "hold", "silence", "count_jobs"})
    masks = False  # jobs know the secrets of their own ``secret_env`` alone
    tells_codes = False  # unless somebody looks before the pod is deleted
    extra: ClassVar[dict[str, Any]] = {}
    space: str
    root: str
    config_file: str | None = None
    folder: Path

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def cluster(cls, space: str, store_root: str, tmp_path_factory: pytest.TempPathFactory) -> None:
        cls.space, cls.root, cls.folder = space, store_root, tmp_path_factory.mktemp("gate")
        os.makedirs(store_root)

    def backend(self, worker: Worker) -> KubernetesBackend:
        own = {"config_file": self.config_file} if self.config_file else {}
        own |= self.extra
        own |= {"kind": self.kind} if self.kind != "pod" else {}
        target = Target(
            "kubernetes",
            "kubernetes",
            mount={"host_path": self.root},
            extra={"namespace": self.space, **own},
        )
        return KubernetesBackend.configured(target, worker)

    def kill_job(self, handle: JobHandle) -> None:
        """A Job makes another pod, which finds the claim taken and does nothing."""
        api = cluster_node.core()
        for pod in api.list_namespaced_pod(self.space).items:
            if pod.metadata.name.startswith(handle.extra["name"]):
                api.delete_namespaced_pod(pod.metadata.name, self.space, grace_period_seconds=0)

    def erase_job(self, handle: JobHandle) -> None:
        if self.kind == "job":
            cluster_node.batch().delete_namespaced_job(
                handle.extra["name"], self.space, propagation_policy="Background", grace_period_seconds=0
            )
        else:
            self.kill_job(handle)

    def preempt(self, handle: JobHandle) -> None:
        """As the scheduler does it, which says so in an event before it deletes the pod."""
        now = datetime.now(UTC).isoformat()
        pod = {"kind": "Pod", "name": handle.extra["name"], "namespace": self.space, "uid": handle.id}
        event = {
            "metadata": {"generateName": f"{pod['name']}.", "namespace": self.space},
            "involvedObject": pod,
            "reason": "Preempted",
            "message": "Preempted by ml/urgent on node one",
            "type": "Normal",
            "firstTimestamp": now,
            "lastTimestamp": now,
        }
        cluster_node.core().create_namespaced_event(self.space, event)
        self.kill_job(handle)

    def lose_answer(self) -> AbstractContextManager[None]:
        return failing_at("kubernetes.create.after")

    @contextmanager
    def hold(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(self), "extra", {"node_selector": {"lading": "no-such-node"}})
            yield

    @contextmanager
    def silence(self) -> Iterator[None]:
        with cluster_node.gate(self.folder) as (gate, config), pytest.MonkeyPatch.context() as patch:
            gate.close()
            patch.setattr(type(self), "config_file", config)
            yield
            assert gate.refused

    def count_jobs(self, name: str) -> int:
        events = cluster_node.core().list_namespaced_event(self.space).items
        pod = f"lading-{name}"
        return len({e.involved_object.uid for e in events if e.involved_object.name == pod})


@pytest.mark.service("kubernetes")
class TestKubernetes(InCluster, BackendContract):
    pass


@pytest.mark.service("kubernetes")
class TestKubernetesJob(InCluster, JobContract):
    """What a step does is the same in both: only who has the job differs."""

    kind = "job"
    required = InCluster.required - {"preempt"}
    preempt = Hooks.preempt
