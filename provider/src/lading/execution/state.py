"""What is remembered of a step between workers: which generation is open, and how to find its job."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from lading.errors import LadingError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Phase(StrEnum):
    SUBMITTING = "submitting"  # the intent: a job may exist
    SUBMITTED = "submitted"  # the backend has answered
    FINAL = "final"  # reported; nothing is left to do


class Outcome(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"  # with an open phase: a cancellation has begun and must be carried through


@dataclass(frozen=True)
class AttemptState:
    """State of the latest generation of one task instance."""

    generation: int
    phase: Phase
    fingerprint: str
    handle: Mapping[str, Any] | None = None  # JobHandle as JSON
    outcome: Outcome | None = None
    max_tries: int | None = None  # Airflow's, when the generation began; a clear raises it, a retry does not
    try_number: int = 1  # the try that began the generation
    started: str = ""  # RFC 3339, UTC
    resubmits: int = 0  # generations lost to infrastructure since the last one that Airflow asked for

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> AttemptState:
        """:raises LadingError: not a state that this release wrote"""
        try:
            known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
            outcome = data.get("outcome")
            phases = {"phase": Phase(data["phase"]), "outcome": Outcome(outcome) if outcome else None}
            return cls(**{**known, **phases})
        except (KeyError, TypeError, ValueError) as e:
            raise LadingError(
                f"the state of this attempt is unreadable: {data!r:.200}; "
                f"expected generation, phase and fingerprint; "
                f"delete the task's state in Airflow if no job of it runs any more"
            ) from e


class StateStore(Protocol):
    """Kept by Airflow per task instance, through retries and clears. Each call is a round trip."""

    def load(self) -> AttemptState | None: ...

    def save(self, state: AttemptState) -> None: ...
