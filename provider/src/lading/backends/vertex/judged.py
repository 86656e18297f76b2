"""What the service says of a job, as JSON of the published API, means: pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lading.backends.base import FailureClass, JobState, Observation

if TYPE_CHECKING:
    from collections.abc import Mapping

WAITING = ("JOB_STATE_UNSPECIFIED", "JOB_STATE_QUEUED", "JOB_STATE_PENDING")
OVER = (
    "JOB_STATE_SUCCEEDED",
    "JOB_STATE_FAILED",
    "JOB_STATE_CANCELLED",
    "JOB_STATE_EXPIRED",
    "JOB_STATE_PARTIALLY_SUCCEEDED",
)
DUPLICATE = 86  # exit code of the runner
_EXIT = re.compile(r"non-zero status of (\d+)")
_CANCELLED = 1  # codes of gRPC
_DEADLINE, _EXHAUSTED = 4, 8

#: Words of an error that stands without an exit code, and what they mean; the first that fit hold.
_WORDS: tuple[tuple[re.Pattern[str], FailureClass], ...] = tuple(
    (re.compile(words, re.IGNORECASE), failure)
    for words, failure in (
        (r"preempt|spot vm|reclaim", FailureClass.PREEMPTED),
        (r"out[- ]of[- ]memory|oom[- ]?kill", FailureClass.OOM),
        (
            r"(pull|fetch|access|find)\w*[^.]{0,40} image|manifest unknown|artifactregistry"
            r"|image[^.]{0,120}(not found|not exist|denied|permission|pulled)",
            FailureClass.CONFIG,
        ),
        (r"executable file not found|exec format|failed to start container", FailureClass.CONFIG),
        (
            r"stock-?out|insufficient|not have enough|quota|resources? (is|are) not available",
            FailureClass.CAPACITY,
        ),
        (r"service account|permission|not authorized", FailureClass.CONFIG),
        (r"timed? ?out|deadline|exceeded the (maximum|timeout)", FailureClass.TIMEOUT),
    )
)

_CURES = {
    "image": "check its name, and that Vertex AI's service agent may read it (roles/artifactregistry.reader)",
    "program": "use an image with Python 3.9 or later, or name its Python in the target: "
    '"interpreter": "/usr/bin/python3.11"',
    "rights": "give the job's service_account what it needs",
}


def is_over(job: Mapping[str, Any]) -> bool:
    return job["state"] in OVER


def exit_code(job: Mapping[str, Any]) -> int | None:
    if job["state"] == "JOB_STATE_SUCCEEDED":
        return 0
    found = _EXIT.search(_said(job))
    return int(found[1]) if found else None


def judged(job: Mapping[str, Any], now: float, max_wait_s: float) -> Observation:
    """``now``: POSIX seconds."""
    state, number = job.get("state", WAITING[0]), job["name"].rpartition("/")[2]
    if state in WAITING:
        return _waiting(job, number, now, max_wait_s)
    if state not in OVER:
        return Observation(JobState.RUNNING, reason=f"custom job {number} is {_word(state)}")
    if state in ("JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED"):
        return Observation(JobState.ENDED, 0, "the job succeeded")
    if state == "JOB_STATE_EXPIRED":
        return Observation(JobState.ENDED, None, _said(job) or "the job expired", FailureClass.TIMEOUT)
    return _failed(job, number)


def _waiting(job: Mapping[str, Any], number: str, now: float, max_wait_s: float) -> Observation:
    state = job.get("state", WAITING[0])
    waited = now - _seconds(job["createTime"]) if "createTime" in job else 0.0
    if waited > max_wait_s:
        reason = f"custom job {number} got no machine within {max_wait_s:g} s (max_wait_s of the target)"
        return Observation(JobState.ENDED, None, reason, FailureClass.CAPACITY)
    what = "waits for quota" if state == "JOB_STATE_QUEUED" else "waits for its machine and image"
    return Observation(JobState.QUEUED, reason=f"custom job {number} is {_word(state)}: it {what}")


def _failed(job: Mapping[str, Any], number: str) -> Observation:
    said, code = _said(job), int(job.get("error", {}).get("code", 0))
    if (exit_ := exit_code(job)) is not None:
        reason, failure = _by_exit(job, said, exit_)
        return Observation(JobState.ENDED, exit_, reason, failure)
    failure = next((found for words, found in _WORDS if words.search(said)), None)
    if failure is FailureClass.CONFIG:
        return Observation(JobState.ENDED, None, f"{said}; {_cure(said)}", failure)
    if failure is None and (job["state"] == "JOB_STATE_CANCELLED" or code == _CANCELLED):
        reason = f"custom job {number} was cancelled{f': {said}' if said else ''}"
        return Observation(JobState.ENDED, None, reason, FailureClass.CANCELLED)
    by_code = {_DEADLINE: FailureClass.TIMEOUT, _EXHAUSTED: FailureClass.CAPACITY}
    failure = failure or by_code.get(code, FailureClass.INFRA)
    return Observation(JobState.ENDED, None, said or f"custom job {number} failed without a word", failure)


def _by_exit(job: Mapping[str, Any], said: str, code: int) -> tuple[str, FailureClass | None]:
    """Of a container that ran: its exit code says most."""
    if re.search(r"preempt", said, re.IGNORECASE):
        return said, FailureClass.PREEMPTED
    if code in (9, 137) or re.search(r"out[- ]of[- ]memory", said, re.IGNORECASE):
        machine = _machine(job)
        return f"{said.rstrip('.')} on machine type {machine}", FailureClass.OOM
    if code in (126, 127):
        return f"{said}; {_CURES['program']}", FailureClass.CONFIG
    if code == 143:
        return f"{said}: ended by SIGTERM from outside of Lading", FailureClass.INFRA
    return said, None


def _cure(said: str) -> str:
    if re.search(r"image|manifest|artifactregistry", said, re.IGNORECASE):
        return _CURES["image"]
    if re.search(r"executable|exec format|start container", said, re.IGNORECASE):
        return _CURES["program"]
    return _CURES["rights"]


def _machine(job: Mapping[str, Any]) -> str:
    pools = job.get("jobSpec", {}).get("workerPoolSpecs") or [{}]
    return str(pools[0].get("machineSpec", {}).get("machineType", "unknown"))


def _said(job: Mapping[str, Any]) -> str:
    """The error in the service's own words, without its address of a log viewer."""
    text = " ".join(str(job.get("error", {}).get("message", "")).split())
    return re.sub(r"\s*To find out more about why your job exited[^:]*:.*", "", text)[:600]


def _word(state: str) -> str:
    return state.removeprefix("JOB_STATE_").lower().replace("_", " ")


def _seconds(time: str) -> float:
    # nanoseconds, which datetime does not read
    return datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*", r"\1", time)).timestamp()
