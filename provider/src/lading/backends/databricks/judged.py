"""What Databricks says of a run: pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lading.backends.base import FailureClass, JobState, Observation

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDED = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}
_WAITS = {"PENDING", "QUEUED", "BLOCKED", "WAITING", "WAITING_FOR_RETRY"}
_EXIT_CODE = re.compile(r"exit(?:ed with)?(?: exit)? code:? (\d{1,3})\b", re.IGNORECASE)
_OUR_EXIT_CODE = re.compile(r"\(runner exit code (\d{1,3})\)")
_REASON_CHARS = 1000

_CODES: Mapping[str, FailureClass] = {
    **dict.fromkeys(
        (
            "BUDGET_POLICY_LIMIT_EXCEEDED",
            "DISABLED",
            "FEATURE_DISABLED",
            "INVALID_CLUSTER_REQUEST",
            "INVALID_RUN_CONFIGURATION",
            "LIBRARY_INSTALLATION_ERROR",
            "REPOSITORY_CHECKOUT_FAILED",
            "RESOURCE_NOT_FOUND",
            "UNAUTHORIZED_ERROR",
        ),
        FailureClass.CONFIG,
    ),
    **dict.fromkeys(
        (
            "CLUSTER_REQUEST_LIMIT_EXCEEDED",
            "MAX_CONCURRENT_RUNS_EXCEEDED",
            "MAX_JOB_QUEUE_SIZE_EXCEEDED",
            "MAX_SPARK_CONTEXTS_EXCEEDED",
            "WORKSPACE_RUN_LIMIT_EXCEEDED",
        ),
        FailureClass.CAPACITY,
    ),
    **dict.fromkeys(
        (
            "BREAKING_CHANGE",
            "CLOUD_FAILURE",
            "CLUSTER_ERROR",
            "DRIVER_ERROR",
            "INTERNAL_ERROR",
            "RUN_EXECUTION_ERROR",  # of the user's code there would be a result
            "SKIPPED",
            "STORAGE_ACCESS_ERROR",
        ),
        FailureClass.INFRA,
    ),
    "CANCELED": FailureClass.CANCELLED,
    "USER_CANCELED": FailureClass.CANCELLED,
}

#: Why a cluster ended, in the words of its API (``TerminationReasonCode``), which stand in the run's message.
CLUSTER_REASONS: Mapping[str, FailureClass] = {
    **dict.fromkeys(
        ("SPOT_INSTANCE_TERMINATION", "CLOUD_PROVIDER_SHUTDOWN", "DRIVER_EVICTION"), FailureClass.PREEMPTED
    ),
    "DRIVER_OUT_OF_MEMORY": FailureClass.OOM,
    **dict.fromkeys(
        (
            "AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE",
            "AWS_INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET_FAILURE",
            "AWS_MAX_SPOT_INSTANCE_COUNT_EXCEEDED_FAILURE",
            "AWS_RESOURCE_QUOTA_EXCEEDED",
            "AZURE_QUOTA_EXCEEDED_EXCEPTION",
            "CLOUD_PROVIDER_RESOURCE_STOCKOUT",
            "GCP_INSUFFICIENT_CAPACITY",
            "GCP_QUOTA_EXCEEDED",
            "GCP_RESOURCE_QUOTA_EXCEEDED",
            "INSTANCE_POOL_MAX_CAPACITY_REACHED",
        ),
        FailureClass.CAPACITY,
    ),
    **dict.fromkeys(
        (
            "AWS_AUTHORIZATION_FAILURE",
            "DOCKER_CONTAINER_CREATION_EXCEPTION",
            "DOCKER_IMAGE_PULL_FAILURE",
            "DOCKER_IMAGE_TOO_LARGE_FOR_INSTANCE_EXCEPTION",
            "DOCKER_INVALID_OS_EXCEPTION",
            "GCP_SERVICE_ACCOUNT_ACCESS_DENIED",
            "GCP_SERVICE_ACCOUNT_NOT_FOUND",
            "IMAGE_PULL_PERMISSION_DENIED",
            "INSTANCE_POOL_NOT_FOUND",
            "SECRET_PERMISSION_DENIED",
            "SECRET_RESOLUTION_ERROR",
            "SPARK_IMAGE_NOT_FOUND",
            "UNSUPPORTED_INSTANCE_TYPE",
        ),
        FailureClass.CONFIG,
    ),
}
_WORDS: tuple[tuple[re.Pattern[str], FailureClass], ...] = (
    (
        re.compile(r"spot (instance|node|vm)s? .*(reclaim|terminat|evict|interrupt)|preempt", re.I),
        FailureClass.PREEMPTED,
    ),
    (re.compile(r"insufficient.?(instance)?.?capacity|stockout", re.I), FailureClass.CAPACITY),
    (re.compile(r"out of memory|outofmemory|oom.?kill", re.I), FailureClass.OOM),
)

_CURES = {
    "LIBRARY_INSTALLATION_ERROR": "correct requirements of the step or its target",
    "UNAUTHORIZED_ERROR": "give the identity that runs the job the right to it",
    "INVALID_CLUSTER_REQUEST": "correct node type, policy or runtime of the target",
    "RESOURCE_NOT_FOUND": "see that files of the target is a folder that the job can read",
    "BUDGET_POLICY_LIMIT_EXCEEDED": "raise the limit of the budget policy, or wait for its next period",
    "FEATURE_DISABLED": "let an administrator turn it on in the workspace",
}
_IMAGE_CURE = "check the image's name, image_login of the target, and that its nodes reach the registry"


def ended(run: Mapping[str, Any]) -> bool:
    status, state = run.get("status") or {}, run.get("state") or {}
    return status.get("state") == "TERMINATED" or state.get("life_cycle_state") in _ENDED


def judged(run: Mapping[str, Any], output: Mapping[str, Any]) -> Observation:
    """``output``: of its task's run, once the run has ended; else empty."""
    status, state = run.get("status") or {}, run.get("state") or {}
    if not ended(run):
        return _alive(run, status, state)
    details = status.get("termination_details") or {}
    code = str(details.get("code") or state.get("result_state") or "")
    if code == "SUCCESS":
        return Observation(JobState.ENDED, 0, "the run succeeded")
    if state.get("result_state") == "TIMEDOUT":
        return Observation(
            JobState.ENDED, None, "Databricks ended it at its time limit", FailureClass.TIMEOUT
        )
    return _failed(code, _said(details, state, output), output)


def _alive(run: Mapping[str, Any], status: Mapping[str, Any], state: Mapping[str, Any]) -> Observation:
    word = str(status.get("state") or state.get("life_cycle_state") or "of no state")
    if word in _WAITS:
        queue = status.get("queue_details") or {}
        why = queue.get("message") or state.get("state_message") or "waits for its compute"
        return Observation(JobState.QUEUED, reason=f"{word.lower()}: {why}")
    return Observation(JobState.RUNNING, reason=f"run {run.get('run_id')} is {word.lower()}")


def _failed(code: str, said: str, output: Mapping[str, Any]) -> Observation:
    exit_code = _exit_code(output)
    failure = _of_text(said) or _CODES.get(code, FailureClass.INFRA)
    if exit_code == 137 and code == "RUN_EXECUTION_ERROR":  # what else ends a process so is named by its code
        failure = FailureClass.OOM
    ours = bool(_OUR_EXIT_CODE.search(str(output.get("error") or "")))
    if ours and failure is FailureClass.INFRA:
        return Observation(JobState.ENDED, exit_code, said, _of_exit(exit_code))
    return Observation(JobState.ENDED, exit_code, f"{said} ({code}){_cure(code, said)}", failure)


def _of_exit(code: int | None) -> FailureClass | None:
    """The runner's exit codes speak for themselves, signals do not."""
    return FailureClass.OOM if code == 137 else FailureClass.INFRA if code == 143 else None


def _of_text(said: str) -> FailureClass | None:
    named = [failure for reason, failure in CLUSTER_REASONS.items() if reason in said]
    if named:
        return named[0]
    return next((failure for words, failure in _WORDS if words.search(said)), None)


def _cure(code: str, said: str) -> str:
    if "IMAGE_PULL" in said or "DOCKER_" in said:
        return f"; {_IMAGE_CURE}"
    return f"; {_CURES[code]}" if code in _CURES else ""


def _exit_code(output: Mapping[str, Any]) -> int | None:
    text = f"{output.get('error') or ''}\n{output.get('error_trace') or ''}"
    found = _OUR_EXIT_CODE.search(text) or _EXIT_CODE.search(text)
    return int(found[1]) if found else None


def _said(details: Mapping[str, Any], state: Mapping[str, Any], output: Mapping[str, Any]) -> str:
    """The task's own error tells more than the run's message, which often only points there."""
    texts = [output.get("error"), details.get("message"), state.get("state_message")]
    told = dict.fromkeys(" ".join(str(text).split()) for text in texts if text)
    return "; ".join(told)[:_REASON_CHARS] or "no reason given"
