"""What the Databricks backend makes of a run's states, and of refusals."""

from __future__ import annotations

from typing import Any

import pytest

import databricks_workspace
from lading.backends.base import FailureClass, JobState
from lading.backends.databricks.judged import _CODES, CLUSTER_REASONS, judged
from lading.backends.databricks.refusals import Refused, config_error, is_absent, is_later

BROKE = "Task step failed with message: Workload failed, see run output."


def run(state: str, result: str = "", code: str = "", message: str = "", **status: Any) -> dict[str, Any]:
    details = {"termination_details": {"code": code, "message": message}} if code else {}
    word = "TERMINATED" if code else state
    return {
        "run_id": 7,
        "state": {"life_cycle_state": state, "result_state": result, "state_message": message},
        "status": {"state": word, **details, **status},
    }


@pytest.mark.parametrize(
    ("seen", "error", "state", "exit_code", "failure", "reason"),
    [
        (run("PENDING"), "", JobState.QUEUED, None, None, "pending: waits for its compute"),
        (
            run(
                "QUEUED", queue_details={"code": "ACTIVE_RUNS_LIMIT_REACHED", "message": "limit of 1000 runs"}
            ),
            "",
            JobState.QUEUED,
            None,
            None,
            "queued: limit of 1000 runs",
        ),
        (run("RUNNING"), "", JobState.RUNNING, None, None, "run 7 is running"),
        (run("TERMINATING"), "", JobState.RUNNING, None, None, "terminating"),
        (run("SOMETHING_NEW"), "", JobState.RUNNING, None, None, "something_new"),
        (run("TERMINATED", "SUCCESS", "SUCCESS"), "", JobState.ENDED, 0, None, "succeeded"),
        (
            {"state": {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"}},
            "",
            JobState.ENDED,
            0,
            None,
            "",
        ),
        (
            run("TERMINATED", "FAILED", "RUN_EXECUTION_ERROR", BROKE),
            "LadingJobFailed: no pandas (runner exit code 65)",
            JobState.ENDED,
            65,
            None,
            "no pandas",
        ),
        (
            run("TERMINATED", "FAILED", "RUN_EXECUTION_ERROR", BROKE),
            "LadingJobFailed: killed (runner exit code 137)",
            JobState.ENDED,
            137,
            FailureClass.OOM,
            "killed",
        ),
        (
            run("TERMINATED", "FAILED", "RUN_EXECUTION_ERROR", BROKE),
            "SyntaxError: no such syntax",
            JobState.ENDED,
            None,
            FailureClass.INFRA,
            "no such syntax",
        ),
        (
            run("TERMINATED", "TIMEDOUT", "CANCELED", "Run timed out"),
            "",
            JobState.ENDED,
            None,
            FailureClass.TIMEOUT,
            "at its time limit",
        ),
        (
            run("TERMINATED", "CANCELED", "USER_CANCELED", "Run cancelled by me"),
            "",
            JobState.ENDED,
            None,
            FailureClass.CANCELLED,
            "cancelled by me",
        ),
        (
            run("INTERNAL_ERROR", "FAILED", "CLUSTER_ERROR", "DRIVER_OUT_OF_MEMORY: gone"),
            "",
            JobState.ENDED,
            None,
            FailureClass.OOM,
            "gone",
        ),
        (
            run("INTERNAL_ERROR", "FAILED", "RUN_EXECUTION_ERROR", "the spot instance was reclaimed"),
            "The Python process exited with exit code 137.",
            JobState.ENDED,
            137,
            FailureClass.OOM,
            "reclaimed",
        ),
        (
            run("INTERNAL_ERROR", "FAILED", "INVALID_CLUSTER_REQUEST", "no such zone"),
            "",
            JobState.ENDED,
            None,
            FailureClass.CONFIG,
            "no such zone (INVALID_CLUSTER_REQUEST); correct node type, policy or runtime",
        ),
        (
            run("TERMINATED", "FAILED", "A_CODE_OF_TOMORROW", "?"),
            "",
            JobState.ENDED,
            None,
            FailureClass.INFRA,
            "A_CODE_OF_TOMORROW",
        ),
    ],
)
def test_a_run_is_judged_by_what_databricks_says(
    seen: dict[str, Any],
    error: str,
    state: JobState,
    exit_code: int | None,
    failure: FailureClass | None,
    reason: str,
) -> None:
    found = judged(seen, {"error": error} if error else {})
    assert (found.state, found.exit_code, found.failure) == (state, exit_code, failure)
    assert reason in found.reason


@pytest.mark.service("databricks")
def test_every_code_of_the_official_sdk_has_a_class_and_no_other_has() -> None:
    databricks_workspace.require()
    from databricks.sdk.service.compute import TerminationReasonCode
    from databricks.sdk.service.jobs import TerminationCodeCode

    assert set(_CODES) | {"SUCCESS", "SUCCESS_WITH_FAILURES"} == {code.value for code in TerminationCodeCode}
    assert set(CLUSTER_REASONS) <= {code.value for code in TerminationReasonCode}


@pytest.mark.parametrize(
    ("refused", "absent", "later"),
    [
        (Refused(404, "RESOURCE_DOES_NOT_EXIST", "Path (/x) doesn't exist."), True, False),
        (Refused(404, "NOT_FOUND", "The file being accessed is not found."), True, False),
        (Refused(400, "INVALID_PARAMETER_VALUE", "Run 7 does not exist."), True, False),
        (Refused(404, "ENDPOINT_NOT_FOUND", "No API found"), False, False),
        (Refused(404, "", "<html>"), False, False),
        (Refused(400, "INVALID_PARAMETER_VALUE", "Node type x is not supported"), False, False),
        (Refused(429, "REQUEST_LIMIT_EXCEEDED", "slow down"), False, True),
        (Refused(400, "COULD_NOT_ACQUIRE_LOCK", "busy"), False, True),
        (Refused(503, "", "<html>"), False, True),
    ],
)
def test_absent_and_later_are_told_apart(refused: Refused, absent: bool, later: bool) -> None:
    assert (is_absent(refused), is_later(refused)) == (absent, later)


def test_a_refusal_that_nobody_foresaw_still_says_what_and_by_whom() -> None:
    text = str(config_error(Refused(418, "TEAPOT", "short and stout"), "look", "dbx"))
    assert text == "Databricks refuses to look: short and stout (418 TEAPOT); correct the target or the step"
