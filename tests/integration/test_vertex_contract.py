"""Vertex AI passes the contract of all backends, on the fake that runs its jobs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import pytest

import vertex_project
from fakes.gcs import TOKEN
from lading.backends.base import Capability
from lading.resources import GPU, Resources
from lading.testing import BackendContract, steps
from lading.testing.jobs import DUPLICATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lading.backends.base import JobHandle, JobRequest, Worker
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
        {"kill_job", "erase_job", "preempt", "exhaust_memory", "lose_answer", "silence", "count_jobs"}
    )
    masks = False  # nothing secret reaches a job
    at_once = 4
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
    def silence(self) -> Iterator[None]:
        from fakes.vertex import Fault

        fault = Fault("GetCustomJob", "UNAVAILABLE", "no answer", times=1000)
        self.project.vertex.faults.append(fault)
        yield
        assert fault.times < 1000
        fault.times = 0

    def count_jobs(self, name: str) -> int:
        return len(self.project.vertex.named(name))

    @pytest.mark.parametrize("resource", MORE)
    def test_a_resource_changes_the_request_or_is_refused(self, job: JobRequest, resource: str) -> None:
        """The smallest machine has all that the contract asks for: more of it makes another."""
        asked = replace(job, resources=MORE[resource])
        self._honoured_or_refused(job, asked, f"resources.{resource}", Capability(resource))

    def test_four_submitters_at_once_make_one_job(self, trials: Callable[..., Trial]) -> None:
        """The service has no token, so that each may make a job: of which one does the work."""
        trial, gate = trials(steps.nothing), threading.Barrier(4)
        trial.write_spec()

        def submit(_: int) -> JobHandle:
            backend = trial.backend()
            gate.wait(30)
            return self.ask(lambda: backend.submit(trial.job()))

        with ThreadPoolExecutor(4) as pool:
            made = {handle.id: handle for handle in pool.map(submit, range(4))}
        codes = {number: self.ended(trial, handle).exit_code for number, handle in made.items()}
        (holder,) = (number for number, code in codes.items() if code == 0)
        assert set(codes.values()) <= {0, DUPLICATE}
        assert trial.read("claim") == holder.encode()
        found = trial.backend().find(trial.name)
        assert found is not None
        assert found.id == holder
