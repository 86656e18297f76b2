"""A platform, stores and a clock for tests of attempts; they keep state, and only endings are scripted."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from lading.backends.base import (
    Capability,
    FailureClass,
    JobHandle,
    JobRequest,
    JobState,
    Observation,
    Problem,
    StoreView,
    Worker,
)
from lading.errors import TransientError
from lading.execution import (
    AttemptRunner,
    AttemptState,
    Clock,
    Ended,
    Hooks,
    Policy,
    attempt_folder,
    job_name,
)
from lading_runner.contract import ArtifactRef, Attempt, Result, Spec
from lading_runner.errors import StoreUnavailable
from lading_runner.store.keys import blob_key
from lading_runner.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from lading.config import Target
    from lading_runner.store.base import ObjectStore


TASK = Attempt("dag", "run", "train")


@dataclass
class FileState:
    """Survives the death of its process, as Airflow's does; counts round trips."""

    path: Path
    calls: list[str] = field(default_factory=list)

    def load(self) -> AttemptState | None:
        self.calls.append("load")
        return AttemptState.from_json(json.loads(self.path.read_bytes())) if self.path.exists() else None

    def save(self, state: AttemptState) -> None:
        self.calls.append("save")
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(state.to_json()))
        os.replace(new, self.path)


@dataclass
class FakeTime:
    """Sleeping passes the time at once."""

    at: float = 1_780_000_000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    def clock(self) -> Clock:
        return Clock(lambda: self.at, self.sleep)


def request_for(attempt: Attempt) -> JobRequest:
    folder = attempt_folder(attempt)
    return JobRequest(job_name(attempt), attempt.dag_id, attempt.task_id, f"{folder}/spec.json", "", folder)


def spec_for(attempt: Attempt) -> Spec:
    return Spec(attempt, {"digest": None, "entry": "m:f"}, "store", attempt_folder(attempt))


def put_blob(objects: ObjectStore, data: bytes) -> ArtifactRef:
    digest = f"sha256:{sha256(data).hexdigest()}"
    objects.create(blob_key(digest), data)
    return ArtifactRef(digest, len(data), "bytes", "bytes")


def write_result(objects: ObjectStore, job: JobRequest, status: str, **fields: Any) -> None:
    """As the runner does it, last, in the folder of ``job``."""
    attempt = Spec.loads(objects.read(f"{job.folder}/spec.json")).attempt
    result = Result(attempt, status, ended="2026-01-01T00:00:00Z", **fields)
    objects.create(f"{job.folder}/result.json", result.dumps())


class UnsteadyStore(LocalStore):
    """Says "later" to the next ``down`` reads, and shows results only from ``results_at`` on."""

    down = 0
    results_at = 0.0
    now: Callable[[], float] = staticmethod(lambda: 0.0)

    def read(self, key: str) -> bytes:
        if self.down:
            self.down -= 1
            raise StoreUnavailable("503 slow down")
        if key.endswith("result.json") and self.now() < self.results_at:
            raise KeyError(key)
        return super().read(key)


@dataclass
class Job:
    """One job on the platform: what it does when its polls are over."""

    request: JobRequest
    act: Callable[[Platform, Job], Observation]
    polls: int
    observation: Observation = field(default_factory=lambda: Observation(JobState.RUNNING))
    cancels: int = 0


@dataclass
class Platform:
    """A detached backend in memory. ``acts`` gives each new job its behaviour, the last one all others."""

    objects: ObjectStore
    acts: list[Callable[[Platform, Job], Observation]]
    polls: int = 2
    lose_answers: int = 0  # submissions that are accepted and answered with an error
    silent: int = 0  # polls that get no answer
    stubborn: bool = False  # jobs that outlive their cancellation
    jobs: dict[str, Job] = field(default_factory=dict)
    effects: list[str] = field(default_factory=list)  # names of the jobs that did their work
    native_log: list[str] = field(default_factory=list)
    removed: list[tuple[str, bool]] = field(default_factory=list)
    queued: list[str] = field(default_factory=list)  # reasons of the next polls, in which the job waits

    name = "fake"
    capabilities = frozenset({Capability.DETACHED})
    target_keys: frozenset[str] = frozenset()

    @classmethod
    def configured(cls, target: Target, worker: Worker) -> Platform:
        raise NotImplementedError("tests make it themselves")

    def validate(self, job: JobRequest) -> list[Problem]:
        return []

    def render(self, job: JobRequest) -> Mapping[str, object]:
        return {}

    def submit(self, job: JobRequest) -> JobHandle:
        if job.name not in self.jobs:
            act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
            self.jobs[job.name] = Job(job, act, self.polls)
        if self.lose_answers:
            self.lose_answers -= 1
            raise TransientError("the connection broke")
        return self._handle(job.name)

    def find(self, name: str) -> JobHandle | None:
        return self._handle(name) if name in self.jobs else None

    def observe(self, handle: JobHandle) -> Observation:
        if self.silent:
            self.silent -= 1
            raise TransientError("no answer")
        if self.queued:
            return Observation(JobState.QUEUED, reason=self.queued.pop(0))
        job = self.jobs[handle.name]
        if job.observation.state is JobState.RUNNING:
            job.polls -= 1
            if job.polls <= 0:
                job.observation = job.act(self, job)
        return job.observation

    def cancel(self, handle: JobHandle, grace_s: float) -> None:
        job = self.jobs[handle.name]
        job.cancels += 1
        if not self.stubborn and job.observation.state is JobState.RUNNING:
            job.observation = Observation(JobState.ENDED, 143, "killed", FailureClass.CANCELLED)

    def store_view(self, store_root: str) -> StoreView:
        return StoreView(store_root)

    def remove(self, handle: JobHandle, *, failed: bool) -> None:
        self.removed.append((handle.name, failed))

    def logs(self, handle: JobHandle, since: str | None) -> Iterator[str]:
        return iter(self.native_log)

    def _handle(self, name: str) -> JobHandle:
        return JobHandle(self.name, f"id-{name[:6]}", name)


TRACEBACK = 'Traceback (most recent call last):\n  File "dag.py", line 1, in f\nValueError: no rows\n'


def succeed(platform: Platform, job: Job) -> Observation:
    objects = platform.objects
    if not objects.create(f"{job.request.folder}/claim", job.request.name.encode()):
        return Observation(JobState.ENDED, 86)
    platform.effects.append(job.request.name)
    write_result(objects, job.request, "succeeded", outputs={"return_value": put_blob(objects, b"model")})
    return Observation(JobState.ENDED, 0)


def fail(failure: str | None = "user", **observed: Any) -> Callable[[Platform, Job], Observation]:
    def act(platform: Platform, job: Job) -> Observation:
        platform.effects.append(job.request.name)
        error = {"type": "ValueError", "message": "no rows", "traceback": TRACEBACK}
        error |= {"class": failure} if failure else {}
        write_result(platform.objects, job.request, "failed", error=error)
        return Observation(JobState.ENDED, 1, **observed)

    return act


def vanish(**observed: Any) -> Callable[[Platform, Job], Observation]:
    """Ends without a result."""

    def act(platform: Platform, job: Job) -> Observation:
        return Observation(**{"state": JobState.ENDED, **observed})

    return act


def run_for_ever(platform: Platform, job: Job) -> Observation:
    return Observation(JobState.RUNNING)


@dataclass
class Desk:
    """One task instance with all around it; ``worker()`` gives a new worker, as each try has one."""

    folder: Path
    acts: list[Callable[[Platform, Job], Observation]] = field(default_factory=lambda: [succeed])
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        self.time = FakeTime()
        self.objects = UnsteadyStore(str(self.folder / "store"))
        self.objects.now = lambda: self.time.at
        self.platform = Platform(
            LocalStore(str(self.folder / "store")), self.acts
        )  # as its jobs see the store
        self.ends: list[Ended] = []
        self.said: list[str] = []
        self.lines: list[str] = []

    @property
    def state(self) -> AttemptState | None:
        return FileState(self.folder / "state.json").load()

    def put_state(self, **fields: Any) -> None:
        from lading.execution import Phase

        known: dict[str, Any] = {
            "generation": 1,
            "phase": Phase.SUBMITTING,
            "fingerprint": "f",
            "max_tries": 1,
            "started": "2026-01-01T00:00:00+00:00",
        }
        FileState(self.folder / "state.json").save(AttemptState(**{**known, **fields}))

    def worker(self, **changes: Any) -> AttemptRunner:
        known: dict[str, Any] = {
            "task": TASK,
            "backend": self.platform,
            "state": FileState(self.folder / "state.json"),
            "objects": self.objects,
            "fingerprint": "f",
            "max_tries": 1,
            "request_for": request_for,
            "spec_for": spec_for,
            "hooks": Hooks(self.ends.append, on_log=self.lines.append, say=self.said.append),
            "policy": self.policy,
            "clock": self.time.clock(),
        }
        return AttemptRunner(**{**known, **changes})

    def generation(self, number: int) -> Job:
        return self.platform.jobs[job_name(TASK.replace(generation=number))]
