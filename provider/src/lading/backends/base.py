"""What a backend author writes. Everything else (attempts, adoption, results, lineage) is ours."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from lading.resources import Resources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lading.config import Target


class Capability(StrEnum):
    """What a place can honour. A resource or option outside a backend's set is refused at parse time."""

    IMAGE = "image"
    REQUIREMENTS = "requirements"
    CPU = "cpu"
    MEMORY = "memory"
    GPU = "gpu"
    DISK = "disk"
    SHM = "shm"
    SPOT = "spot"
    TIMEOUT = "timeout"
    DETACHED = "detached"  # the job outlives the worker and can be found by name
    DEFERRABLE = "deferrable"  # the job can be observed from any host, so also from the triggerer
    IN_PROCESS = "in_process"  # the job is the task process itself; submit returns after it ended


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"
    LOST = "lost"  # certainly gone without a trace


class FailureClass(StrEnum):
    USER = "user"
    CONFIG = "config"
    INFRA = "infra"
    PREEMPTED = "preempted"
    OOM = "oom"
    CAPACITY = "capacity"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Problem:
    """One thing a backend cannot do, found offline: ``field`` is the step argument, ``cure`` what to write
    instead."""

    field: str
    message: str
    cure: str


@dataclass(frozen=True)
class Finding:
    """One thing that a platform told of itself when it was asked, for ``lading doctor``."""

    name: str
    ok: bool | None  # None: a fact, neither good nor bad
    detail: str
    cure: str = ""


@dataclass(frozen=True)
class JobRequest:
    """One submission. ``name`` is deterministic per attempt: the same name is the same job."""

    name: str  # 40 lower-case hex digits
    dag_id: str
    task_id: str
    spec_uri: str  # URL or path of spec.json as the job sees it
    store_root: str  # the artifact store as the worker sees it
    folder: str  # key of the attempt's folder
    resources: Resources = field(default_factory=Resources)
    image: str | None = None
    requirements: Sequence[
        str
    ] = ()  # requirement lines, files, uv.lock or the step's PEP 723 file, see environment
    python: str | None = None  # version asked for, "3.12"
    env: Mapping[str, str] = field(default_factory=dict)  # nothing secret
    labels: Mapping[str, str] = field(default_factory=dict)  # who owns it: dag_id, run_id, task_id, …
    options: Mapping[str, Any] = field(default_factory=dict)  # backend-native escape hatch
    timeout_s: float | None = None


@dataclass(frozen=True)
class JobHandle:
    """How to find a job again. JSON only: it lives in task state and in the trigger."""

    backend: str
    id: str
    name: str
    url: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "backend": self.backend,
            "id": self.id,
            "name": self.name,
            "url": self.url,
            "extra": dict(self.extra),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> JobHandle:
        return cls(data["backend"], data["id"], data["name"], data.get("url"), data.get("extra") or {})


@dataclass(frozen=True)
class Observation:
    state: JobState
    exit_code: int | None = None
    reason: str = ""  # the platform's own words; of a queued job a line for each thing that happened to it
    failure: FailureClass | None = None  # the platform's view; result.json outranks it
    environment: Mapping[str, Any] = field(default_factory=dict)  # as in ``JobHandle.extra``, known since

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Observation:
        failure = data.get("failure")
        return cls(
            JobState(data["state"]),
            data.get("exit_code"),
            data.get("reason", ""),
            FailureClass(failure) if failure else None,
            data.get("environment") or {},
        )


@dataclass(frozen=True)
class StoreView:
    """The artifact store as a job sees it. With ``outbox`` the job may write into its attempt's folder only:
    new artifacts wait there for the worker, which moves them to where artifacts lie."""

    root: str
    outbox: bool = False


@dataclass(frozen=True)
class Connection:
    """An Airflow connection, for backends that must not import Airflow."""

    host: str = ""
    login: str = ""
    password: str = field(default="", repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


def _silent(line: str) -> None:
    """Nobody follows."""


def _no_connection(name: str) -> Connection:
    raise LookupError(f"connection {name!r} is asked for where there is no Airflow; ask in a running task")


@dataclass(frozen=True)
class Worker:
    """What the process that runs a task lends to a backend. While a DAG is parsed it lends nothing."""

    cache: Path | None = None  # for what can be made again: environments, locks
    log: Callable[[str], None] = _silent  # progress of what takes long before the job starts
    secrets: Callable[[], Sequence[str]] = tuple  # what the job has to mask in all it writes
    connection: Callable[[str], Connection] = _no_connection
    store_options: Callable[[], Mapping[str, Any]] = dict  # what the store's connection says
    run: Callable[[JobRequest], int] | None = None  # the job itself, where it is this process


class Backend(Protocol):
    """Synchronous; handles are JSON. Any method may raise ``TransientError``: it is called again."""

    name: str
    capabilities: frozenset[Capability]
    target_keys: frozenset[str]  # keys of a target beyond those that every backend has

    @classmethod
    def configured(cls, target: Target, worker: Worker) -> Backend:
        """For one target. Opens nothing: connections are made when they are needed."""
        ...

    def store_view(self, store_root: str) -> StoreView:
        """Pure: the store at ``store_root`` as the jobs of this target see it."""
        ...

    def validate(self, job: JobRequest) -> list[Problem]:
        """Pure, offline; called while the DAG is parsed."""
        ...

    def render(self, job: JobRequest) -> Mapping[str, object]:
        """Pure: the exact request, shown by ``--dry-run``."""
        ...

    def submit(self, job: JobRequest) -> JobHandle:
        """Idempotent in ``job.name``: attaches on conflict."""
        ...

    def find(self, name: str) -> JobHandle | None:
        """None: certainly absent."""
        ...

    def observe(self, handle: JobHandle) -> Observation: ...

    def cancel(self, handle: JobHandle, grace_s: float) -> None:
        """Idempotent; a job that ended is left alone."""
        ...

    def logs(self, handle: JobHandle, since: str | None) -> Iterator[str]:
        """Native lines, for when the runner never wrote any."""
        ...

    def remove(self, handle: JobHandle, *, failed: bool) -> None:
        """Free what an ended job still holds on its platform, once its result is safe. Idempotent."""
        ...


@runtime_checkable
class Surveyed(Protocol):
    """What a backend may offer besides, where its platform can tell what it has left."""

    def room(self, job: JobRequest) -> Iterator[Finding]:
        """Whether the platform would take ``job`` now. What it does not tell is a ``Finding`` that says so.

        :raises LadingError: it cannot be asked at all
        """
        ...
