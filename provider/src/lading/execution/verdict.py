"""What an ended job means: a pure judgement, in which the result outranks the backend."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lading.backends.base import FailureClass
from lading.execution.state import Outcome


class Action(StrEnum):
    ACCEPT = "accept"
    RETRY = "retry"  # fail; the task's own retries apply
    FAIL = "fail"  # fail; a retry cannot help
    RESUBMIT = "resubmit"  # a new generation within infra_retries; past them as RETRY


@dataclass(frozen=True)
class Verdict:
    outcome: Outcome
    action: Action
    failure: FailureClass | None = None  # None: succeeded
    message: str = ""
