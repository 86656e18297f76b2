"""What the stages of an attempt hand to each other, and what the caller plugs in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.backends.base import JobHandle, Observation
from lading.errors import LadingError, StepFailed
from lading.execution.names import event_id
from lading_runner.contract import Attempt, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lading.execution.verdict import Verdict


@dataclass(frozen=True)
class Started:
    """A generation whose job exists or has ended. JSON, so that a trigger can wait for it."""

    attempt: Attempt
    handle: JobHandle | None  # None: the result was there already
    since: str  # RFC 3339, UTC: when the generation began, by whichever worker
    deadline: float | None  # POSIX seconds
    reason: str  # which and why, for the log

    def to_json(self) -> dict[str, Any]:
        return {
            "attempt": self.attempt.to_json(),
            "handle": self.handle.to_json() if self.handle else None,
            "since": self.since,
            "deadline": self.deadline,
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Started:
        handle = JobHandle.from_json(data["handle"]) if data["handle"] else None
        attempt = Attempt.from_json(data["attempt"])
        return cls(attempt, handle, data["since"], data["deadline"], data["reason"])


@dataclass(frozen=True)
class Ended:
    """A generation that is over, with all that is known of it."""

    attempt: Attempt
    handle: JobHandle | None
    since: str  # RFC 3339, UTC: when the generation began
    observation: Observation
    result: Result | None  # of this generation, or None
    verdict: Verdict
    removed: bool = False  # from its platform, by whoever waited

    @property
    def event_id(self) -> str:
        """Of the generation's lineage event: equal however often the end is reported."""
        return event_id(self.attempt, self.since)

    def error(self) -> LadingError:
        """Of a generation that did not succeed; with the user's traceback as a note, for whoever sees the
        exception and not the job's log."""
        made = self.verdict.error()
        found = ((self.result.error or {}) if self.result else {}).get("traceback")
        if isinstance(made, StepFailed) and found:
            made.add_note(str(found).rstrip())
        return made


@dataclass(frozen=True)
class Hooks:
    """What the caller does at its own cost.

    ``on_attempt_end`` is called at least once per generation, and again for the same one after a crash: write
    under ``ended.event_id``, where it does not exist.
    """

    on_attempt_end: Callable[[Ended], None]
    on_log: Callable[[str], None] = lambda line: None  # live lines of the job
    heartbeat: Callable[[], None] = lambda: None  # at every poll; may raise to end the wait
    on_submit: Callable[[Started], None] = lambda started: None  # before the job is there
    on_removed: Callable[[Attempt], None] = lambda attempt: None  # after it is off its platform
    on_wait: Callable[[Started], None] = lambda started: None  # before a wait; raises to wait elsewhere
    say: Callable[[str], None] = lambda sentence: None  # decisions, for the task log
