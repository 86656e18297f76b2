"""What a backend author writes. Everything else (attempts, adoption, results, lineage) is ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from lading.resources import Resources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


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
    labels: Mapping[str, str] = field(default_factory=dict)
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
    reason: str = ""  # the platform's own words
    failure: FailureClass | None = None  # the platform's view; result.json outranks it


class Backend(Protocol):
    """Synchronous; handles are JSON. Any method may raise ``TransientError``: it is called again."""

    name: str
    capabilities: frozenset[Capability]

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
