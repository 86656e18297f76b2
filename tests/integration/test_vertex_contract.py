"""Vertex AI passes the contract of all backends, on the fake that runs its jobs."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import pytest

import vertex_project
from fakes.gcs import TOKEN
from lading.resources import GPU, Resources
from lading.testing import BackendContract, steps
from lading.testing.jobs import DUPLICATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lading.backends.base import JobHandle, Worker
    from lading.backends.vertex import VertexBackend
    from lading.testing import Trial


MORE = {
    "cpu": Resources(cpu=20),
    "memory": Resources(memory="100GiB"),
    "gpu": Resources(gpu=GPU("l4", 2)),
    "disk": Resources(disk="300GiB"),
    "shm": Resources(shm="80MiB"),
    "spot": Resources(spot=True),
}


@pytest.mark.service("vertex")
class TestVertex(BackendContract):
    request: ClassVar = {"image": vertex_project.IMAGE, "python": "3.12"}
    required = frozenset(
        {"kill_job", "erase_job", "preempt", "exhaust_memory", "lose_answer", "hold", "silence", "count_jobs"}
    )
    masks = False  # nothing secret reaches a job
    at_once = 4
    resources: ClassVar = MORE
    duplicates = True  # the service has no token: each submitter may make a job
    tells_codes = False  # of what was cancelled
    project: ClassVar[vertex_project.Project]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def cloud(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        vertex_project.require()
        with (
            vertex_project.project(tmp_path_factory.mktemp("vertex")) as cls.project,
            pytest.MonkeyPatch.context() as patch,
        ):
            for name, value in cls.project.vertex.node.items():  # the worker's own credentials of the bucket
                patch.setenv(name, value)
            yield

    @pytest.fixture(scope="class")
    @classmethod
    def store_root(cls, cloud: None) -> str:
        return vertex_project.STORE

    def backend(self, worker: Worker) -> VertexBackend:
        """With options of a bucket where the contract has those of another store."""
        options = {"bearer_token": TOKEN} if worker.store_options() else {}
        return vertex_project.configured({}, replace(worker, store_options=lambda: options))

    def kill_job(self, handle: JobHandle) -> None:
        """As when the machine breaks: nobody else can kill the container of a job."""
        from fakes.vertex import Fate

        self.project.vertex.strike(handle.id, Fate((13, "Internal error occurred.")))

    def erase_job(self, handle: JobHandle) -> None:
        self.project.vertex.erase(handle.id)

    def preempt(self, handle: JobHandle) -> None:
        from fakes.vertex import Fate

        self.project.vertex.strike(handle.id, Fate.preempted())

    def exhaust_memory(self, handle: JobHandle) -> None:
        from fakes.vertex import Fate

        self.project.vertex.strike(handle.id, Fate.out_of_memory())

    @contextmanager
    def lose_answer(self) -> Iterator[None]:
        from fakes.vertex import Fault

        fault = Fault("CreateCustomJob", "UNAVAILABLE", "no answer", after=True)
        self.project.vertex.faults.append(fault)
        yield
        assert fault.times == 0

    @contextmanager
    def hold(self) -> Iterator[None]:
        from fakes.vertex import Fate

        self.project.vertex.fates.append(Fate(queued_s=3600))
        yield
        assert self.project.vertex.fates == []

    @contextmanager
    def silence(self) -> Iterator[None]:
        from fakes.vertex import Fault

        fault = Fault("GetCustomJob", "UNAVAILABLE", "no answer", times=1000)
        self.project.vertex.faults.append(fault)
        yield
        assert fault.times < 1000
        fault.times = 0

    def count_jobs(self, name: str) -> int:
        return len(self.project.vertex.named(name))

    def test_of_jobs_that_were_made_twice_one_works_and_is_found(self, trials: Callable[..., Trial]) -> None:
        """The claim is its own, by the number that the service gave it."""
        from fakes.vertex import Fate

        trial = trials(steps.nothing)
        self.project.vertex.fates += [Fate(hidden_s=3600), Fate(hidden_s=3600)]
        made = [trial.submit() for _ in range(2)]
        assert self.count_jobs(trial.name) == 2
        codes = {handle.id: self.ended(trial, handle).exit_code for handle in made}
        (holder,) = (number for number, code in codes.items() if code == 0)
        assert sorted(codes.values()) == [0, DUPLICATE]
        assert trial.read("claim") == holder.encode()
        for job in self.project.vertex.named(trial.name):
            job.visible = 0.0
        found = trial.backend().find(trial.name)
        assert found is not None
        assert found.id == holder
