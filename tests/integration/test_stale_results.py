"""What an older generation left, and jobs that are gone before anybody looks, on an engine and a cluster."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

import cluster_node
import docker_engine
from cluster_node import wait_until
from lading.backends.base import FailureClass, JobState, Worker
from lading.backends.docker import DockerBackend
from lading.backends.kubernetes import KubernetesBackend
from lading.config import Target
from lading.errors import JobLost
from lading.execution import Outcome, attempt_folder
from lading.testing import Trial, steps
from lading_runner.contract import Attempt, Result
from lading_runner.store import ArtifactStore, LocalStore
from places import Docker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lading.backends.base import Backend, JobHandle
    from lading.execution import AttemptRunner, Started


@dataclass
class Place(ABC):
    folder: Path  # the store
    task: Attempt = field(default_factory=lambda: Attempt(f"dag-{uuid4().hex[:12]}", "run", "train"))

    @abstractmethod
    def backend(self, worker: Worker) -> Backend: ...

    @abstractmethod
    def collect(self, handle: JobHandle) -> None:
        """The ended job, as an engine that is cleaned up and a cluster's garbage collection do it."""

    @abstractmethod
    def made(self) -> int:
        """Containers or pods in all."""

    def trial(self, function: Callable[..., Any], **more: Any) -> Trial:
        store = ArtifactStore(LocalStore(str(self.folder)))
        given = {"request": {"image": docker_engine.IMAGE}, "task": self.task, **more}
        return Trial(self.backend, store, function, **given)

    def say(self, word: str) -> None:
        """To the steps that wait for it."""
        (self.folder / "blobs").mkdir(exist_ok=True)
        (self.folder / "blobs" / word).touch()


@dataclass
class Engine(Place):
    def __post_init__(self) -> None:
        self._seen = Docker().watch(self.task.dag_id)

    def backend(self, worker: Worker) -> Backend:
        return DockerBackend.configured(Target("docker", "docker"), worker)

    def collect(self, handle: JobHandle) -> None:
        docker_engine.api().remove_container(handle.id, v=True)

    def made(self) -> int:
        return self._seen.made(self.task.task_id)


@dataclass(kw_only=True)
class Cluster(Place):
    kind: str
    cluster: cluster_node.Cluster

    def backend(self, worker: Worker) -> Backend:
        extra = {"namespace": self.cluster.space, "kind": self.kind}
        mount = {"host_path": str(self.folder)}
        return KubernetesBackend.configured(
            Target("kubernetes", "kubernetes", mount=mount, extra=extra), worker
        )

    def collect(self, handle: JobHandle) -> None:
        name, space = handle.extra["name"], self.cluster.space
        if self.kind == "job":
            cluster_node.batch().delete_namespaced_job(name, space, propagation_policy="Background")
        else:
            self.cluster.api.delete_namespaced_pod(name, space, grace_period_seconds=0)
        assert self.cluster.left_behind() == []

    def made(self) -> int:
        return self.cluster.made()


@pytest.fixture(
    params=[
        pytest.param("docker", marks=pytest.mark.service("docker")),
        pytest.param("pod", marks=pytest.mark.service("kubernetes")),
        pytest.param("job", marks=pytest.mark.service("kubernetes")),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    folder = tmp_path / "store"
    folder.mkdir()
    if request.param == "docker":
        docker_engine.require()
        return Engine(folder)
    return Cluster(folder, kind=request.param, cluster=request.getfixturevalue("target"))


def wait_for(word: str) -> str:
    """Until it is said."""
    import time
    from pathlib import Path

    end = time.monotonic() + 300
    while not Path("/lading/store/blobs", word).exists():
        if time.monotonic() > end:
            raise TimeoutError(word)
        time.sleep(0.1)
    return word


def leave_at(word: str) -> None:
    """As ``wait_for``, and ends well without a result."""
    import os

    wait_for(word)
    os._exit(0)


def result_of(trial: Trial, generation: int) -> Result | None:
    key = f"{attempt_folder(trial.task.replace(generation=generation))}/result.json"
    with suppress(KeyError):
        return Result.loads(trial.store.objects.read(key))
    return None


def ended(trial: Trial, handle: JobHandle) -> None:
    """Returns once the platform says so."""
    assert wait_until(lambda: trial.observe(handle).state is JobState.ENDED, 120)


def collected(place: Place, trial: Trial) -> tuple[AttemptRunner, Started]:
    """A worker that looked away while its job ended well and went."""
    worker = trial.worker()
    started = worker.start()
    assert started.handle is not None
    ended(trial, started.handle)
    assert trial.observe(started.handle).exit_code == 0
    place.collect(started.handle)
    return worker, started


def outcomes(trial: Trial) -> list[tuple[int, Outcome]]:
    return [(end.attempt.generation, end.verdict.outcome) for end in trial.ended]


def test_a_late_success_of_an_older_generation_is_none_of_the_newer(place: Place) -> None:
    """Airflow forgot the first generation, as of a run that was deleted and made anew; its job runs on."""
    old = place.trial(wait_for, params={"word": "old"})
    first = old.worker().start().handle
    assert first is not None
    assert wait_until(lambda: old.read("claim") is not None, 120)
    new = place.trial(leave_at, params={"word": "new"})
    failed: list[JobLost] = []

    def work() -> None:
        try:
            new.run()
        except JobLost as e:
            failed.append(e)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    claim = f"{attempt_folder(old.task.replace(generation=2))}/claim"
    assert wait_until(lambda: new.store.objects.stat(claim) is not None, 120)
    place.say("old")
    assert wait_until(lambda: result_of(old, 1) is not None, 120)
    place.say("new")
    worker.join(120)
    old.backend().remove(first, failed=False)

    late = result_of(old, 1)
    assert late is not None
    assert late.status == "succeeded"
    assert result_of(new, 2) is None
    assert [str(e).partition("(exit code 0")[0] for e in failed] == [
        f"the job of {old.task.dag_id}.train generation 2 ended without a result "
    ]
    assert outcomes(new) == [(2, Outcome.FAILED)]
    assert place.made() == 2


def test_a_result_of_an_older_generation_in_the_folder_of_a_newer_is_none(place: Place) -> None:
    old = place.trial(steps.one)
    assert old.value(old.run()) == 1
    stale = old.read("result.json")
    assert stale is not None
    new = place.trial(steps.leave, state=old.state)
    key = f"{attempt_folder(old.task.replace(generation=2))}/result.json"
    new.store.objects.create(key, stale)
    with pytest.raises(JobLost, match=r"generation 2 ended without a result \(exit code 0"):
        new.worker("other code").run()
    assert new.store.objects.read(key) == stale
    assert outcomes(new) == [(2, Outcome.FAILED)]
    assert place.made() == 2


@pytest.mark.parametrize("who", ["same worker", "next worker"])
def test_a_job_that_was_collected_before_it_was_read_keeps_its_result(place: Place, who: str) -> None:
    trial = place.trial(steps.one)
    worker, started = collected(place, trial)
    if who == "same worker":
        result = worker.finish(worker.wait(started))
        assert trial.ended[0].observation.state is JobState.LOST
    else:
        result = trial.run()
    assert trial.value(result) == 1
    assert outcomes(trial) == [(1, Outcome.SUCCEEDED)]
    assert place.made() == 1


@pytest.mark.parametrize("who", ["same worker", "next worker"])
def test_a_job_that_was_collected_before_it_was_read_is_no_success(place: Place, who: str) -> None:
    """It ended with exit code 0, and left no result."""
    trial = place.trial(steps.leave)
    worker, started = collected(place, trial)
    with pytest.raises(JobLost, match="without a result"):
        worker.finish(worker.wait(started)) if who == "same worker" else trial.run()
    lost, *again = trial.ended
    assert (lost.attempt.generation, lost.verdict.failure) == (1, FailureClass.INFRA)
    assert lost.observation.state is JobState.LOST
    assert [end.verdict.outcome for end in again] == ([] if who == "same worker" else [Outcome.FAILED])
    assert place.made() == 1 + len(again)
