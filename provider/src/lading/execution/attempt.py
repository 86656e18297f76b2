"""One step, one effect: start, wait, finish and cancel, each safe to repeat after a crash at any line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lading.backends.base import Backend, JobHandle, JobRequest, Observation
from lading.execution.records import Ended, Hooks, Started
from lading.execution.state import StateStore
from lading_runner.contract import Attempt, Result, Spec
from lading_runner.store.base import ObjectStore


@dataclass(frozen=True)
class Policy:
    """Seconds and counts of an attempt's patience."""

    timeout_s: float | None = None  # from the start of this try; None: for ever
    infra_retries: int = 3
    poll_min_s: float = 0.1
    poll_max_s: float = 10.0
    transient_s: float = 600.0  # how long a silent platform or store is asked again
    settle_s: float = 10.0  # how long an ended job's result is looked for
    grace_s: float = 30.0  # between asking a job to end and forcing it
    backoff_s: float = 10.0  # before the first resubmission; doubles


class AttemptRunner:
    """Carries one task instance through its generations.

    ``task`` names it; its ``generation`` is ignored. ``request_for`` and ``spec_for`` are pure: for the same
    attempt and fingerprint they give the same (but for ``Spec.deadline``), with ``job_name(attempt)`` as the name
    and ``attempt_folder(attempt)`` as the folder.
    """

    def __init__(
        self,
        *,
        task: Attempt,
        backend: Backend,
        state: StateStore,
        objects: ObjectStore,
        fingerprint: str,
        max_tries: int,
        request_for: Callable[[Attempt], JobRequest],
        spec_for: Callable[[Attempt], Spec],
        hooks: Hooks,
        policy: Policy | None = None,
    ) -> None:
        raise NotImplementedError

    def run(self) -> Result:
        """Start, wait, resubmit what infrastructure lost, finish."""
        raise NotImplementedError

    def start(self) -> Started:
        """Join the open generation's job, or begin a generation and submit its job."""
        raise NotImplementedError

    def wait(self, started: Started) -> Ended:
        """Poll until the job ended or the deadline passed, then judge."""
        raise NotImplementedError

    def conclude(self, started: Started, observation: Observation) -> Ended:
        """Judge a job that somebody else (a trigger) saw ending."""
        raise NotImplementedError

    def resubmit(self, ended: Ended) -> Started | None:
        """The next generation of a job that infrastructure lost; None: not lost, or the budget is used up."""
        raise NotImplementedError

    def finish(self, ended: Ended) -> Result:
        """Verify the outputs, report the end, close the generation.

        :raises StepFailed: the user's code failed; the task's own retries apply
        :raises ConfigError: a retry cannot help
        :raises JobLost: no result
        :raises JobCancelled: cancelled, or overtaken by another worker
        """
        raise NotImplementedError

    def cancel(self) -> None:
        """Cancel the open generation's job, whichever worker started it; it can never end in success."""
        raise NotImplementedError


def observe_once(backend: Backend, handle: JobHandle) -> Observation:
    """One poll, for triggers.

    :raises TransientError: no answer; ask again
    """
    return backend.observe(handle)
