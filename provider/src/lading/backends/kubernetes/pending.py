"""What a pod that has not started yet waits for, and whether that can still come: pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lading.backends.base import FailureClass, JobState, Observation
from lading.backends.kubernetes.status import (
    condition,
    container,
    count,
    in_order,
    install,
    said,
    sentence,
    sentences,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AT_START = ("CreateContainerError", "RunContainerError", "StartError", "ContainerCannotRun")
_NO_PROGRAM = re.compile(r"executable file not found|no such file or directory|permission denied")
_LATER = re.compile(
    r"toomanyrequests|timeout|timed out|deadline exceeded|EOF|connection (refused|reset)|\b50[0-4]\b"
    r"|name .* is reserved",
    re.IGNORECASE,
)
_PULLING = ("ErrImagePull", "ImagePullBackOff")
_PULLS = 2  # a registry may fail once
_PULLS_LATER = 4  # 10, 20 and 40 s apart, where the registry itself asks for patience
_PULL_S = 30.0  # where no event tells how often it was tried
_STUCK = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox")

_AT_ONCE = {
    "InvalidImageName": "correct the name of the image",
    "ErrImageNeverPull": "load the image onto the nodes, or set image_pull_policy in the target",
    "CreateContainerConfigError": "create what it names in the namespace of the pod, or correct the target",
}
_PULL_CURE = (
    "check the name and tag of the image, that the nodes reach its registry, and image_pull_secrets in the "
    "target"
)
_INTERPRETER = (
    "use an image with Python 3.9 or later, or name its Python in the target: "
    '"interpreter": "/usr/bin/python3.11"'
)


def pending(
    pod: Mapping[str, Any], events: Sequence[Mapping[str, Any]], waited: float, max_wait_s: float
) -> Observation:
    statuses = (*pod["status"].get("initContainerStatuses", ()), *pod["status"].get("containerStatuses", ()))
    for status in statuses:
        waiting = status.get("state", {}).get("waiting") or {}
        if (found := _why_waiting(pod, status, waiting, events, waited)) is not None:
            return Observation(JobState.ENDED, None, *found)
    installing = install(pod, "running") is not None
    if waited > max_wait_s and not installing and (late := _too_late(pod, events, max_wait_s)) is not None:
        return Observation(JobState.ENDED, None, *late)
    words = sentences(events) or f"pod {pod['metadata']['name']} is pending"
    if installing:
        words += f"\nthe requirements are being installed in pod {pod['metadata']['name']}"
    return Observation(JobState.QUEUED, reason=words)


def _why_waiting(
    pod: Mapping[str, Any],
    status: Mapping[str, Any],
    waiting: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    waited: float,
) -> tuple[str, FailureClass] | None:
    """Why the container will never start; None: it may."""
    reason = waiting.get("reason")
    if reason in _AT_ONCE:
        text = f'image "{status.get("image")}": {said(waiting)}; {_AT_ONCE[reason]}'
        return text, FailureClass.CONFIG
    if reason in AT_START:
        why = not_started(pod, waiting)
        return why if why[1] is FailureClass.CONFIG else None
    if reason in _PULLING:
        return _pull_failed(str(status.get("image")), waiting, events, waited)
    return None


def _pull_failed(
    image: str, waiting: Mapping[str, Any], events: Sequence[Mapping[str, Any]], waited: float
) -> tuple[str, FailureClass] | None:
    failures = [
        e for e in events if e.get("reason") == "Failed" and "ailed to pull image" in e.get("message", "")
    ]
    words = sentence(in_order(failures)[-1]) if failures else said(waiting)
    times = sum(count(event) for event in failures)
    later = bool(_LATER.search(words))
    if times >= (_PULLS_LATER if later else _PULLS) or (not failures and waited > _PULL_S):
        text = f'image "{image}" cannot be pulled: {words}; {_PULL_CURE}'
        return text, FailureClass.INFRA if later else FailureClass.CONFIG
    return None


def _too_late(
    pod: Mapping[str, Any], events: Sequence[Mapping[str, Any]], max_wait_s: float
) -> tuple[str, FailureClass] | None:
    if condition(pod, "PodScheduled", "True") is None:
        last = condition(pod, "PodScheduled", "False") or {"message": "no scheduler looked at it"}
        text = f"found no node within {max_wait_s:g} s (max_wait_s of the target): {said(last)}"
        return text, FailureClass.CAPACITY
    stuck = next((e for e in reversed(in_order(events)) if e.get("reason") in _STUCK), None)
    if stuck is None:
        return None
    return (
        f"did not start within {max_wait_s:g} s (max_wait_s of the target): {sentence(stuck)}",
        FailureClass.INFRA,
    )


def not_started(pod: Mapping[str, Any], state: Mapping[str, Any]) -> tuple[str, FailureClass]:
    words = said(state)
    if _NO_PROGRAM.search(words):
        image = container(pod).get("image")
        program = (container(pod).get("command") or ["python3"])[0]
        return f'image "{image}" has no "{program}": {words}; {_INTERPRETER}', FailureClass.CONFIG
    if "OOM" in words:
        return f"{out_of_memory(pod)}; not even its start fitted: {words}", FailureClass.OOM
    return words, FailureClass.INFRA if _LATER.search(words) else FailureClass.CONFIG


def out_of_memory(pod: Mapping[str, Any]) -> str:
    limit = container(pod).get("resources", {}).get("limits", {}).get("memory")
    node = f"node {pod['spec']['nodeName']!r}" if pod["spec"].get("nodeName") else "the node"
    if limit is None:
        return f"killed by the kernel: {node} ran out of memory; the pod has no limit of its own"
    # a kubelet says the same of both: a node without memory ends pods that are within their limits, too
    return (
        f"killed by the kernel: it used all of its memory limit of {limit.replace('Mi', ' MiB')} (its peak), "
        f"unless {node} itself had no memory left"
    )
