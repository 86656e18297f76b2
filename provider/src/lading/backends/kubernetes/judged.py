"""What a pod's status and events mean: pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lading.backends.base import FailureClass, JobState, Observation
from lading.backends.kubernetes.pending import AT_START, not_started, out_of_memory, pending
from lading.backends.kubernetes.status import (
    condition,
    image_of,
    in_order,
    install,
    said,
    seconds,
    sentence,
    sentences,
    state,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TAKEN = ("Evicted", "Preempting", "NodeLost", "Shutdown", "NodeShutdown", "Terminated")
_TAKING = ("Preempted", "Preempting", "Evicted", "TaintManagerEviction", "NodeNotReady", "NodeShutdown")
_DUPLICATE = 86  # exit code of the runner
_NODE_SILENT_S = 60.0  # after the end of a pod's grace
_OWN_LIMIT = re.compile(r"exceed\w* (the total|its) |exceeds the (total )?limit|exceeded its", re.IGNORECASE)


def judged(
    pod: Mapping[str, Any], events: Sequence[Mapping[str, Any]], now: float, max_wait_s: float
) -> Observation:
    """``now``: POSIX seconds."""
    status = pod.get("status", {})
    ended = state(pod).get("terminated") or _not_installed(pod)
    if ended is not None or status.get("phase") in ("Succeeded", "Failed"):
        return _ended(pod, ended or {})
    if status.get("phase") == "Running":
        return _running(pod, now)
    return pending(pod, events, now - seconds(pod["metadata"]["creationTimestamp"]), max_wait_s)


def gone(name: str, events: Sequence[Mapping[str, Any]]) -> Observation:
    """Of a pod that is not there any more: only its events may still say why."""
    taken = next((e for e in reversed(in_order(events)) if e.get("reason") in _TAKING), None)
    if taken is not None:
        reason = f"pod {name} is gone: {sentence(taken)}"
        return Observation(JobState.LOST, reason=reason, failure=FailureClass.PREEMPTED)
    reason = f"pod {name} is gone: somebody deleted it, or its node"
    return Observation(JobState.LOST, reason=reason, failure=FailureClass.INFRA)


def judged_job(
    job: Mapping[str, Any], events: Sequence[Mapping[str, Any]], now: float, max_wait_s: float
) -> Observation:
    """Of a Job that has no pod."""
    name = job["metadata"]["name"]
    if "deletionTimestamp" in job["metadata"]:  # it makes no more pods
        return gone(name, events)
    failed = condition(job, "Failed", "True")
    if failed is not None:
        reason = f"Job {name} has no pod any more: {said(failed)}"
        return Observation(JobState.ENDED, None, reason, FailureClass.INFRA)
    words = sentences(events) or f"Job {name} has no pod yet"
    if now - seconds(job["metadata"]["creationTimestamp"]) > max_wait_s:
        last = words.rpartition("\n")[2]
        reason = f"got no pod within {max_wait_s:g} s (max_wait_s of the target): {last}"
        return Observation(JobState.ENDED, None, reason, FailureClass.CAPACITY)
    return Observation(JobState.QUEUED, reason=words)


def replaced(job: Mapping[str, Any], seen: Observation) -> Observation:
    """``seen`` of a Job's newest pod, unless that found the claim taken: a Job makes another pod where its
    first one is deleted, and only that one did the work."""
    if seen.exit_code != _DUPLICATE:
        return seen
    reason = (
        f"Job {job['metadata']['name']} had to make another pod: somebody deleted its first one, or its node"
    )
    return Observation(JobState.ENDED, None, reason, FailureClass.INFRA, seen.environment)


def _running(pod: Mapping[str, Any], now: float) -> Observation:
    name, deleted = pod["metadata"]["name"], pod["metadata"].get("deletionTimestamp")
    if deleted is None:
        return Observation(JobState.RUNNING, reason=f"pod {name} is running")
    if now - seconds(deleted) > _NODE_SILENT_S:
        node = pod["spec"].get("nodeName")
        reason = f"pod {name} was told to end at {deleted}, and its node {node!r} does not say that it did"
        return Observation(JobState.ENDED, None, reason, FailureClass.PREEMPTED)
    return Observation(JobState.RUNNING, reason=f"pod {name} is being deleted")


def _ended(pod: Mapping[str, Any], ended: Mapping[str, Any]) -> Observation:
    code = ended.get("exitCode")
    if code is None and pod["status"].get("phase") == "Succeeded":
        code = 0
    reason, failure = _why_ended(pod, ended, code)
    image = image_of(pod)
    return Observation(JobState.ENDED, code, reason, failure, {"image": image} if image else {})


_Why = tuple[str, FailureClass | None]


def _why_ended(pod: Mapping[str, Any], ended: Mapping[str, Any], code: int | None) -> _Why:
    if (found := _platform(pod, ended)) is not None:
        return found
    if ended.get("reason") in AT_START:
        return not_started(pod, ended)
    if _not_installed(pod) is None and (init := _failed_init(pod)) is not None:
        return init, None
    if code in (137, 143):
        how = "SIGKILL" if code == 137 else "SIGTERM"
        whose = "somebody deleted the pod" if "deletionTimestamp" in pod["metadata"] else "not Lading's doing"
        return f"ended by {how}: {whose}", FailureClass.INFRA
    if code is None:
        return said(pod["status"]), FailureClass.INFRA
    return f"exit code {code}", None


def _platform(pod: Mapping[str, Any], ended: Mapping[str, Any]) -> _Why | None:
    """What the cluster did to the pod."""
    status = pod["status"]
    if ended.get("reason") == "OOMKilled":
        return out_of_memory(pod), FailureClass.OOM
    if status.get("reason") == "DeadlineExceeded":
        return said(status), FailureClass.TIMEOUT
    if status.get("reason") == "Evicted" and _OWN_LIMIT.search(status.get("message", "")):
        return f"{said(status)}; give the step more of it: disk= or shm=", FailureClass.CONFIG
    disrupted = condition(pod, "DisruptionTarget", "True")
    if disrupted is not None or status.get("reason") in _TAKEN:
        return said(disrupted or status), FailureClass.PREEMPTED
    return None


def _not_installed(pod: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """How the installer of the requirements failed: its exit codes are the runner's."""
    ended = install(pod, "terminated")
    return ended if ended is not None and ended.get("exitCode") else None


def _failed_init(pod: Mapping[str, Any]) -> str | None:
    for status in pod["status"].get("initContainerStatuses", ()):
        ended = status.get("state", {}).get("terminated")
        if ended and ended.get("exitCode"):
            return (
                f"init container {status['name']!r} ended with exit code {ended['exitCode']}: {said(ended)}"
            )
    return None
