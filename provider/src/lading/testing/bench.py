"""What all tests of a backend stand on: the backend under test, a store, trials, and patience."""

from __future__ import annotations

import string
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import pytest

from lading.backends.base import Capability, Connection, JobHandle, JobState, Observation, Worker
from lading.errors import TransientError
from lading.execution import judge
from lading.resources import GPU, Resources
from lading.testing.hooks import Hooks
from lading.testing.trial import Trial
from lading_runner.contract import Attempt
from lading_runner.store import ArtifactStore, open_object_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lading.backends.base import Backend, FailureClass, JobRequest
    from lading_runner.store import ObjectStore

T = TypeVar("T")

SECRET = "s3cr3t-of-the-worker-that-nobody-may-see"  # noqa: S105  # of nobody

# 200 characters each, and every one that Airflow lets stand in them
_LEGAL = string.ascii_letters + string.digits + "_.-"
LONG_ID = ("ü日-" + _LEGAL * 4)[:200]
LONG_RUN_ID = ("manual__2026-11-20T12:00:00.000001+00:00~" + _LEGAL * 4)[:200]
LONG = Attempt(LONG_ID, LONG_RUN_ID, LONG_ID[::-1], 1023)


def worker_with_secrets() -> Worker:
    return Worker(
        secrets=lambda: [SECRET],
        connection=lambda name: Connection(login="user", password=SECRET, extra={"token": SECRET}),
        store_options=lambda: {"secret_access_key": SECRET},
    )


#: What a step may ask for, by capability; each more than the least that a place gives.
RESOURCES: Mapping[str, Resources] = {
    "cpu": Resources(cpu=1.5),
    "memory": Resources(memory="700MiB"),
    "gpu": Resources(gpu=GPU(count=2)),
    "disk": Resources(disk="3GiB"),
    "shm": Resources(shm="80MiB"),
    "spot": Resources(spot=True),
}


class Bench(Hooks):
    """``backend`` and ``request`` say what is under test; the rest may stay as it is."""

    #: Fields of every ``JobRequest``, such as ``{"image": "python:3.12-slim"}``.
    request: ClassVar[Mapping[str, Any]] = {}
    #: What is asked for to see that it is honoured; a place whose least is more needs other numbers.
    resources: ClassVar[Mapping[str, Resources]] = RESOURCES
    #: How long a job may take from its submission to its end.
    patience_s: ClassVar[float] = 120.0
    #: Jobs that the platform bears at once.
    at_once: ClassVar[int] = 6
    #: Whether jobs learn, by a way that the request does not show, what they have to mask.
    masks: ClassVar[bool] = True
    #: Whether the platform may take one name twice: then the claim lets one of the jobs do the work.
    duplicates: ClassVar[bool] = False
    #: Whether the platform tells the exit code of a running job that was cancelled, too.
    tells_codes: ClassVar[bool] = True

    def backend(self, worker: Worker) -> Backend:
        """A new object of the backend under test, for one target; ``worker`` is what it may borrow."""
        raise NotImplementedError(f"{type(self).__name__} has to define backend(self, worker)")

    @pytest.fixture(scope="class")
    @classmethod
    def store_root(cls, tmp_path_factory: pytest.TempPathFactory) -> str:
        """The artifact store as the worker sees it, as a URL or a path."""
        return str(tmp_path_factory.mktemp("store") / """it's a "store" of $HOME, ü""")

    @pytest.fixture(scope="class")
    @classmethod
    def objects(cls, store_root: str) -> ObjectStore:
        return open_object_store(store_root)

    @pytest.fixture(scope="class")
    @classmethod
    def trials(cls, objects: ObjectStore) -> Iterator[Callable[..., Trial]]:
        """Makes ``Trial``s of a step and its parameters; their jobs are removed in the end."""
        self, store = cls(), ArtifactStore(objects)
        made: list[Trial] = []

        def trial(
            function: Callable[..., Any], /, *, fields: dict[str, Any] | None = None, **given: Any
        ) -> Trial:
            request = {**self.request, **(fields or {})}
            made.append(Trial(self.backend, store, function, request=request, **given))
            return made[-1]

        yield trial
        for one in made:
            self._clear(one)

    def capabilities(self) -> frozenset[Capability]:
        return self.backend(Worker()).capabilities

    def takes_env(self, job: JobRequest) -> bool:
        return not self.backend(Worker()).validate(replace(job, env={"A": "b"}))

    def only_detached(self) -> None:
        if Capability.DETACHED not in self.capabilities():
            pytest.skip("a job of this backend is the worker's own process: nobody else can look at it")

    def begun(self, trial: Trial) -> JobHandle:
        """A job of ``trial`` that has the claim."""
        self.only_detached()
        handle = trial.submit()
        self.until(lambda: trial.read("claim"), "the job did not begin")
        return handle

    def ended(self, trial: Trial, handle: JobHandle, backend: Any = None) -> Observation:
        look = (backend or trial.backend()).observe
        seen: list[Observation] = []

        def over() -> bool:
            seen.append(self.ask(lambda: look(handle)))
            return seen[-1].state in (JobState.ENDED, JobState.LOST)

        self.until(over, "the job did not end")
        return seen[-1]

    def verdict(self, trial: Trial, handle: JobHandle) -> FailureClass | None:
        seen = self.ended(trial, handle)
        return judge(trial.task, trial.result(), seen).failure

    def unsuccessful(self, seen: Observation) -> None:
        """Of a job that was cancelled: nothing of it could be taken for a success."""
        if seen.exit_code is None:
            assert seen.state is JobState.LOST or seen.failure is not None, seen
        assert seen.exit_code != 0

    def made_one(self, trial: Trial) -> None:
        if self.has("count_jobs"):
            assert self.count_jobs(trial.name) == 1

    def ask(self, call: Callable[[], T]) -> T:
        """What ``call`` gives, called again while the platform says "later"."""
        given: list[T] = []

        def answered() -> bool:
            with suppress(TransientError):
                given.append(call())
            return bool(given)

        self.until(answered, "the platform gave no answer")
        return given[0]

    def until(self, true: Callable[[], object], otherwise: str) -> None:
        end = time.monotonic() + self.patience_s
        while not true():
            assert time.monotonic() < end, f"{otherwise} within {self.patience_s:.0f} s"
            time.sleep(0.05)

    def _clear(self, trial: Trial) -> None:
        if Capability.DETACHED not in self.capabilities():
            return
        backend = trial.backend()
        for generation in (1, 2):
            job = trial.job(trial.task.replace(generation=generation))
            if (left := backend.find(job.name)) is not None:
                backend.cancel(left, 1)
                backend.remove(left, failed=False)
