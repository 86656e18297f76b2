"""What an ended job means: results, exit codes, the platform's words."""

from __future__ import annotations

from typing import Any

import pytest

from lading.backends.base import FailureClass, JobState, Observation
from lading.errors import ConfigError, JobCancelled, JobLost, StepFailed
from lading.execution import Action, Outcome, judge
from lading_runner.contract import Attempt, Result

TRAIN = Attempt("dag", "run", "train", 4, try_number=2, generation=3)
GOOD = Result(TRAIN, "succeeded")


def bad(failure: str | None) -> Result:
    return Result(TRAIN, "failed", error={"type": "ValueError", "message": "no rows", "class": failure})


def seen(state: JobState = JobState.ENDED, **fields: Any) -> Observation:
    return Observation(state, **fields)


@pytest.mark.parametrize("observation", [
    seen(exit_code=0),
    seen(exit_code=137, reason="OOMKilled", failure=FailureClass.OOM),
    seen(JobState.LOST, reason="gone"),
])  # fmt: skip
def test_a_succeeded_result_outranks_what_the_backend_says(observation: Observation) -> None:
    assert judge(TRAIN, GOOD, observation).action is Action.ACCEPT


@pytest.mark.parametrize("exit_code", [0, 1, 86, None])
def test_no_result_is_never_success(exit_code: int | None) -> None:
    verdict = judge(TRAIN, None, seen(exit_code=exit_code))
    assert verdict.outcome is Outcome.FAILED
    assert isinstance(verdict.error(), JobLost)
    assert ("os._exit() instead of returning" in verdict.message.splitlines()[0]) is (exit_code == 0)


@pytest.mark.parametrize(
    "change", [{"generation": 2}, {"task_id": "test"}, {"run_id": "r"}, {"map_index": 5}, {"dag_id": "d"}]
)
def test_a_result_of_another_generation_or_task_is_none(change: dict[str, Any]) -> None:
    verdict = judge(TRAIN, GOOD.replace(attempt=TRAIN.replace(**change)), seen(exit_code=0))
    assert verdict.outcome is Outcome.FAILED
    assert "found one of" in verdict.message


def test_the_result_of_an_earlier_try_of_the_same_generation_counts() -> None:
    earlier = GOOD.replace(attempt=TRAIN.replace(try_number=1))
    assert judge(TRAIN, earlier, seen()).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(("failure", "action", "error"), [
    ("user", Action.RETRY, StepFailed),
    ("config", Action.FAIL, ConfigError),
    ("infra", Action.RESUBMIT, JobLost),
    ("preempted", Action.RESUBMIT, JobLost),
    ("oom", Action.RETRY, JobLost),
    ("capacity", Action.RETRY, JobLost),
    ("timeout", Action.RETRY, JobLost),
    ("cancelled", Action.FAIL, JobCancelled),
    ("of a later release", Action.RETRY, StepFailed),
])  # fmt: skip
def test_a_failed_result_is_retried_by_the_rule_of_its_class(
    failure: str, action: Action, error: type
) -> None:
    verdict = judge(TRAIN, bad(failure), seen(exit_code=1))
    assert (verdict.action, type(verdict.error())) == (action, error)
    assert "ValueError: no rows" in str(verdict.error())


def test_a_failed_result_without_a_class_is_the_users() -> None:
    assert judge(TRAIN, Result(TRAIN, "failed"), seen()).failure is FailureClass.USER


@pytest.mark.parametrize(("failure", "expected"), [
    (None, FailureClass.CANCELLED),
    (FailureClass.USER, FailureClass.CANCELLED),
    (FailureClass.PREEMPTED, FailureClass.PREEMPTED),
    (FailureClass.TIMEOUT, FailureClass.TIMEOUT),
])  # fmt: skip
def test_the_backend_says_who_ended_a_job_that_was_told_to_end(
    failure: FailureClass | None, expected: FailureClass
) -> None:
    verdict = judge(TRAIN, Result(TRAIN, "cancelled"), seen(exit_code=143, failure=failure))
    assert verdict.failure is expected
    told_to_end = expected in (FailureClass.CANCELLED, FailureClass.TIMEOUT)
    assert verdict.outcome is (Outcome.CANCELLED if told_to_end else Outcome.FAILED)


@pytest.mark.parametrize(("exit_code", "expected"), [
    (0, FailureClass.INFRA), (1, FailureClass.INFRA), (None, FailureClass.INFRA), (137, FailureClass.INFRA),
    (64, FailureClass.CONFIG), (65, FailureClass.CONFIG), (66, FailureClass.CONFIG), (75, FailureClass.INFRA),
    (-11, FailureClass.USER), (139, FailureClass.USER), (134, FailureClass.USER),
])  # fmt: skip
def test_without_a_result_the_exit_code_gives_the_class(
    exit_code: int | None, expected: FailureClass
) -> None:
    assert judge(TRAIN, None, seen(exit_code=exit_code)).failure is expected


def test_the_backends_class_outranks_the_exit_code() -> None:
    assert judge(TRAIN, None, seen(exit_code=65, failure=FailureClass.OOM)).failure is FailureClass.OOM


def test_a_native_crash_is_the_users_even_where_the_backend_only_saw_a_signal() -> None:
    crash = seen(exit_code=-11, reason="killed by SIGSEGV", failure=FailureClass.INFRA)
    assert judge(TRAIN, None, crash).action is Action.RETRY


@pytest.mark.parametrize(("exit_code", "cause"), [
    (139, "SIGSEGV: native code touched memory that is not its own"), (-11, "SIGSEGV"),
    (134, "SIGABRT: native code gave up"), (-6, "SIGABRT"), (135, "SIGBUS"), (136, "SIGFPE"),
    (132, "SIGILL: native code was built for another processor"),
])  # fmt: skip
@pytest.mark.parametrize("reason", ["", "many\nlines"])
def test_the_first_line_of_a_crash_names_the_signal_and_a_cure(
    exit_code: int, cause: str, reason: str
) -> None:
    first = judge(TRAIN, None, seen(exit_code=exit_code, reason=reason)).message.splitlines()[0]
    assert f"was ended by {cause}" in first
    assert "call faulthandler.enable() in the step" in first
    assert f"exit code {exit_code}" in first


@pytest.mark.parametrize("exit_code", [137, -9])
def test_a_kill_without_a_reason_is_named_with_what_it_may_be(exit_code: int) -> None:
    message = judge(TRAIN, None, seen(exit_code=exit_code)).message
    assert "SIGKILL, as the kernel sends where memory is short" in message.splitlines()[0]
    evicted = seen(exit_code=exit_code, reason="Evicted", failure=FailureClass.PREEMPTED)
    assert "SIGKILL" not in judge(TRAIN, None, evicted).message


@pytest.mark.parametrize("exit_code", [0, 1, 128, 255, 256 + 11, -999])
def test_other_exit_codes_are_no_signals(exit_code: int) -> None:
    assert "ended without a result (exit code" in judge(TRAIN, None, seen(exit_code=exit_code)).message


def test_a_lost_job_is_told_with_step_reason_exit_code_and_what_was_looked_for() -> None:
    message = judge(TRAIN, None, seen(JobState.LOST, exit_code=137, reason="node went away")).message
    for part in ("dag.train[4] generation 3", "vanished", "137", "node went away", "result.json"):
        assert part in message
