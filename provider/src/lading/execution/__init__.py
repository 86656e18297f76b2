"""Attempts: a step is submitted once, joined by whoever comes after a crash, and judged by its result."""

from __future__ import annotations

from lading.execution.attempt import AttemptRunner
from lading.execution.names import attempt_folder, event_id, fingerprint, job_name
from lading.execution.patience import Clock, Policy
from lading.execution.points import FAILPOINTS
from lading.execution.records import Ended, Hooks, Started
from lading.execution.state import AttemptState, Outcome, Phase, StateStore
from lading.execution.verdict import Action, Verdict, judge
from lading.execution.waiting import observe_once

__all__ = [
    "FAILPOINTS",
    "Action",
    "AttemptRunner",
    "AttemptState",
    "Clock",
    "Ended",
    "Hooks",
    "Outcome",
    "Phase",
    "Policy",
    "Started",
    "StateStore",
    "Verdict",
    "attempt_folder",
    "event_id",
    "fingerprint",
    "job_name",
    "judge",
    "observe_once",
]
