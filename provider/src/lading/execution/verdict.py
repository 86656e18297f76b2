"""What an ended job means: a pure judgement, in which the result outranks the backend."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lading.backends.base import FailureClass, JobState, Observation
from lading.errors import ConfigError, JobCancelled, JobLost, LadingError, StepFailed
from lading.execution.state import Outcome

if TYPE_CHECKING:
    from lading_runner.contract import Attempt, Result


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

    def error(self) -> LadingError:
        """The exception of a verdict that is not a success."""
        kinds: dict[FailureClass | None, type[LadingError]] = {
            FailureClass.USER: StepFailed,
            FailureClass.CONFIG: ConfigError,
            FailureClass.CANCELLED: JobCancelled,
        }
        return kinds.get(self.failure, JobLost)(self.message)


_ACTIONS = {
    FailureClass.INFRA: Action.RESUBMIT,
    FailureClass.PREEMPTED: Action.RESUBMIT,
    FailureClass.CONFIG: Action.FAIL,
    FailureClass.CANCELLED: Action.FAIL,
}

_ENDED_FROM_OUTSIDE = (FailureClass.CANCELLED, FailureClass.TIMEOUT)

_ADVICE = {
    FailureClass.USER: "the task's own retries apply",
    FailureClass.CONFIG: "correct the step or its target; a retry cannot help",
    FailureClass.INFRA: "infra_retries says how often it is submitted again",
    FailureClass.PREEMPTED: "infra_retries says how often it is submitted again",
    FailureClass.OOM: "give the step more memory",
    FailureClass.CAPACITY: "try later, or ask for what the place has",
    FailureClass.TIMEOUT: "raise execution_timeout, or make the step faster",
    FailureClass.CANCELLED: "clear the task to run it again",
}

# Exit codes of the runner that mean more than "failed", for when it could not write a result.
EXITS = {64: FailureClass.CONFIG, 65: FailureClass.CONFIG, 66: FailureClass.CONFIG, 75: FailureClass.INFRA}

# What a platform says with a reason that stands by itself.
_TOLD = (FailureClass.CONFIG, FailureClass.OOM, FailureClass.CAPACITY)

# Native code that crashes leaves no result: the user's, to retry by the user's rules.
_CRASHES = {
    signal.SIGSEGV: "native code touched memory that is not its own",
    signal.SIGABRT: "native code gave up",
    signal.SIGBUS: "native code touched memory that is not there; /dev/shm may be full",
    signal.SIGFPE: "native code divided by zero",
    signal.SIGILL: "native code was built for another processor",
}
_CRASH_CURE = "call faulthandler.enable() in the step to see where, or try another version of the package"
_LEFT = "as of a step that calls os._exit() instead of returning"
_KILLED = "SIGKILL, as the kernel sends where memory is short, and whoever may end it"


def same_generation(a: Attempt, b: Attempt) -> bool:
    """Whether both name one generation, by whichever try."""
    return _place(a) == _place(b)


def judge(attempt: Attempt, result: Result | None, observation: Observation) -> Verdict:
    """A result of another generation counts as none."""
    if result is None or not same_generation(result.attempt, attempt):
        return _lost(attempt, result, observation)
    if result.status == Outcome.SUCCEEDED:
        return Verdict(Outcome.SUCCEEDED, Action.ACCEPT)
    if result.status == Outcome.FAILED:
        return _failed(result)
    return _terminated(attempt, observation)


def failed(failure: FailureClass, message: str) -> Verdict:
    """A job whose time ran out was cancelled, too; its class says by what."""
    outcome = Outcome.CANCELLED if failure in _ENDED_FROM_OUTSIDE else Outcome.FAILED
    return Verdict(outcome, _ACTIONS.get(failure, Action.RETRY), failure, f"{message}; {_ADVICE[failure]}")


def _failed(result: Result) -> Verdict:
    error = result.error or {}
    try:
        failure = FailureClass(error.get("class", FailureClass.USER))
    except ValueError:  # a class of a later release: the careful reading is the one that runs nothing twice
        failure = FailureClass.USER
    return failed(
        failure, f"{error.get('type', 'the step failed')}: {error.get('message', 'without a message')}"
    )


def _terminated(attempt: Attempt, observation: Observation) -> Verdict:
    """The job got SIGTERM and said so; only the backend knows from whom."""
    failure = observation.failure or FailureClass.CANCELLED
    if failure is FailureClass.USER:  # a backend that judged by the exit code 143 alone
        failure = FailureClass.CANCELLED
    return failed(
        failure, f"the job of {_label(attempt)} was told to end: {observation.reason or 'no reason given'}"
    )


def _lost(attempt: Attempt, result: Result | None, observation: Observation) -> Verdict:
    exit_code = "no exit code" if observation.exit_code is None else f"exit code {observation.exit_code}"
    known = observation.exit_code in EXITS or observation.failure in _TOLD
    if known and observation.reason:  # who ended it said why
        ended = f"the job of {_label(attempt)} ended with {exit_code}"
        return failed(_by_exit(observation), f"{observation.reason} ({ended})")
    looked = f"expected result.json of generation {attempt.generation}"
    if result is not None:
        looked += f", found one of {_label(result.attempt)}"
    how = "vanished without a result" if observation.state is JobState.LOST else "ended without a result"
    if observation.failure in (None, FailureClass.INFRA, FailureClass.USER):  # else the platform has a reason
        sent = _signal(observation.exit_code)
        if sent in _CRASHES:
            how = f"was ended by {sent.name}: {_CRASHES[sent]}; {_CRASH_CURE}"
        elif sent is signal.SIGKILL:
            exit_code += f", {_KILLED}"
        elif observation.exit_code == 0:
            exit_code += f", {_LEFT}"
    said = f"({exit_code}; the backend says {observation.reason or 'nothing'!r}; {looked})"
    return failed(_by_exit(observation), f"the job of {_label(attempt)} {how} {said}")


def _by_exit(observation: Observation) -> FailureClass:
    if _signal(observation.exit_code) in _CRASHES and observation.failure in (None, FailureClass.INFRA):
        return FailureClass.USER
    if observation.failure is not None:
        return observation.failure
    return EXITS.get(observation.exit_code or 0, FailureClass.INFRA)


def _signal(exit_code: int | None) -> signal.Signals | None:
    """Which one ended a process, as subprocess (-11) and as shells (139) report it."""
    code = exit_code or 0
    number = -code if code < 0 else code - 128
    return signal.Signals(number) if number in set(signal.Signals) else None


def _place(attempt: Attempt) -> tuple[str, str, str, int, int]:
    return (attempt.dag_id, attempt.run_id, attempt.task_id, attempt.map_index, attempt.generation)


def _label(attempt: Attempt) -> str:
    mapped = f"[{attempt.map_index}]" if attempt.map_index >= 0 else ""
    return f"{attempt.dag_id}.{attempt.task_id}{mapped} generation {attempt.generation}"
