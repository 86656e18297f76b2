"""What a Job and its pods mean."""

from __future__ import annotations

from typing import Any

from lading.backends.base import FailureClass, JobState, Observation
from lading.backends.kubernetes.judged import judged, judged_job, replaced
from pod_samples import CREATED, NOW, WAIT, ended, event


def a_job(deleted: bool = False, **status: Any) -> dict[str, Any]:
    meta = {"name": "lading-0", "creationTimestamp": CREATED}
    if deleted:
        meta["deletionTimestamp"] = CREATED
    return {"metadata": meta, "status": status}


def look(pod: dict[str, Any]) -> Observation:
    return judged(pod, (), NOW, WAIT)


def test_a_job_without_a_pod_waits_as_long_as_a_pod_without_a_node() -> None:
    job = a_job()
    quota = event("FailedCreate", "exceeded quota: small")
    assert judged_job(job, [quota], NOW, WAIT) == Observation(
        JobState.QUEUED, reason="FailedCreate: exceeded quota: small"
    )
    seen = judged_job(job, [quota], NOW, 5)
    assert (seen.state, seen.failure) == (JobState.ENDED, FailureClass.CAPACITY)
    assert "exceeded quota: small" in seen.reason


def test_a_job_that_lost_its_pod_is_lost() -> None:
    failed = {
        "type": "Failed",
        "status": "True",
        "reason": "BackoffLimitExceeded",
        "message": "reached the limit",
    }
    job = a_job(conditions=[failed])
    seen = judged_job(job, [], NOW, WAIT)
    assert (seen.state, seen.failure) == (JobState.ENDED, FailureClass.INFRA)
    assert "reached the limit" in seen.reason


def test_a_second_pod_of_a_job_found_its_claim_taken_since_the_first_was_deleted() -> None:
    job = a_job()
    seen = replaced(job, look(ended(86)))
    assert (seen.state, seen.exit_code, seen.failure) == (JobState.ENDED, None, FailureClass.INFRA)
    for other in (ended(0), ended(3), ended(137, "OOMKilled")):
        assert replaced(job, look(other)) == look(other)


def test_a_job_that_is_being_deleted_and_has_no_pod_is_gone() -> None:
    seen = judged_job(a_job(deleted=True), [], NOW, WAIT)
    assert (seen.state, seen.failure) == (JobState.LOST, FailureClass.INFRA)
    assert "deleted" in seen.reason
    preempted = event("Preempted", "by ml/urgent")
    assert judged_job(a_job(deleted=True), [preempted], NOW, WAIT).failure is FailureClass.PREEMPTED
