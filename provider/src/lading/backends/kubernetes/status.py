"""Reading a pod's status and events: pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from lading.backends.kubernetes import installer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def sentences(events: Sequence[Mapping[str, Any]]) -> str:
    """The events' own words, a line each, in their order."""
    return "\n".join(dict.fromkeys(sentence(event) for event in in_order(events)))


def is_over(pod: Mapping[str, Any] | None) -> bool:
    """Whether nothing of it runs any more, or ever will."""
    return pod is not None and pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def never_ran(pod: Mapping[str, Any] | None) -> bool:
    """Whether no container of it began: then there is nothing to end, for which kubelets of 1.20 take a
    minute."""
    status = {} if pod is None else pod.get("status", {})
    containers = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    begun = any({"running", "terminated"} & set(c.get("state", {})) for c in containers)
    return status.get("phase") == "Pending" and not begun


def image_asked(pod: Mapping[str, Any]) -> str:
    return str(container(pod).get("image"))


def image_of(pod: Mapping[str, Any]) -> str | None:
    """The exact image that runs; None: not known yet."""
    found = own_status(pod).get("imageID") or None
    return None if found is None else str(found).removeprefix("docker-pullable://")


def container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    containers = pod["spec"]["containers"]
    return next((c for c in containers if c["name"] == "base"), containers[0])


def own_status(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of the step's own container."""
    found = pod.get("status", {}).get("containerStatuses") or ()
    return next((s for s in found if s["name"] == container(pod)["name"]), {})


def state(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    return own_status(pod).get("state") or {}


def install(pod: Mapping[str, Any], moment: str) -> Mapping[str, Any] | None:
    """Of the container that installs the requirements: its state ``moment``; None: it is in another, or there
    is none."""
    found = pod.get("status", {}).get("initContainerStatuses") or ()
    states = (s.get("state") or {} for s in found if s["name"] == installer.CONTAINER)
    return next(states, {}).get(moment)


def condition(pod: Mapping[str, Any], kind: str, status: str) -> Mapping[str, Any] | None:
    found = pod["status"].get("conditions") or ()
    return next((c for c in found if c["type"] == kind and c["status"] == status), None)


def said(thing: Mapping[str, Any]) -> str:
    """Reason and message, as far as there are."""
    return (
        ": ".join(str(thing[key]).strip() for key in ("reason", "message") if thing.get(key))
        or "nothing said"
    )


def sentence(event: Mapping[str, Any]) -> str:
    return " ".join(said(event).split())


def count(event: Mapping[str, Any]) -> int:
    return int(event.get("count") or (event.get("series") or {}).get("count") or 1)


def in_order(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(events, key=_when)


def _when(event: Mapping[str, Any]) -> str:
    meta = event.get("metadata") or {}
    return str(event.get("lastTimestamp") or event.get("eventTime") or meta.get("creationTimestamp") or "")


def seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
