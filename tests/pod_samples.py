"""Pods and events of a cluster, as its API server writes them."""

from __future__ import annotations

from typing import Any

CREATED = "2026-11-20T12:00:00Z"
NOW = 1795176000.0 + 10  # ten seconds later
WAIT = 600.0
SCHEDULED = {"type": "PodScheduled", "status": "True"}


def pod(phase: str, state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    meta = {"name": "lading-0", "uid": "u", "creationTimestamp": CREATED, **status.pop("metadata", {})}
    limits = {"limits": {"memory": "64Mi"}}
    base = {"name": "base", "image": "acme/train:1", "command": ["python3", "-I"], "resources": limits}
    if state is not None:
        status["containerStatuses"] = [
            {"name": "base", "image": "acme/train:1", "imageID": "", "state": state}
        ]
    return {"metadata": meta, "spec": {"containers": [base]}, "status": {"phase": phase, **status}}


def ended(
    code: int, reason: str = "Error", phase: str = "Failed", message: str = "", **more: Any
) -> dict[str, Any]:
    return pod(phase, {"terminated": {"exitCode": code, "reason": reason, "message": message}}, **more)


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return pod("Pending", {"waiting": {"reason": reason, "message": message}}, conditions=[SCHEDULED])


def event(reason: str, message: str, count: int = 1, at: str = "12:00:01") -> dict[str, Any]:
    return {"reason": reason, "message": message, "count": count, "lastTimestamp": f"2026-11-20T{at}Z"}
