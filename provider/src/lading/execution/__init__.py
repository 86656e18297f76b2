"""Attempts: a step is submitted once, joined by whoever comes after a crash, and judged by its result."""

from __future__ import annotations

from lading.execution.attempt import AttemptRunner
from lading.execution.folder import AttemptFolder
from lading.execution.names import attempt_folder, event_id, fingerprint, job_name
from lading.execution.open_jobs import OpenJob, open_job_key, open_job_keys, read_open_job
from lading.execution.patience import Clock, Patience, Policy
from lading.execution.points import FAILPOINTS
from lading.execution.records import Ended, Hooks, Started
from lading.execution.state import AttemptState, Outcome, Phase, StateStore
from lading.execution.traces import waiting
from lading.execution.verdict import Action, Verdict, judge
from lading.execution.waiting import Wait, late, over

__all__ = [
    "FAILPOINTS",
    "Action",
    "AttemptFolder",
    "AttemptRunner",
    "AttemptState",
    "Clock",
    "Ended",
    "Hooks",
    "OpenJob",
    "Outcome",
    "Patience",
    "Phase",
    "Policy",
    "Started",
    "StateStore",
    "Verdict",
    "Wait",
    "attempt_folder",
    "event_id",
    "fingerprint",
    "job_name",
    "judge",
    "late",
    "open_job_key",
    "open_job_keys",
    "over",
    "read_open_job",
    "waiting",
]
