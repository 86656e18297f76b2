"""Whether what a target and a step write in Kubernetes' own words is right, and weakens nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lading.backends.base import JobRequest, Problem
from lading.backends.kubernetes import request
from lading.backends.kubernetes.schema import flaws
from lading.backends.kubernetes.walls import weak_points

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lading.backends.kubernetes.settings import KubernetesSettings

_NAME = "lading-runner-0"
#: What finds the job again, or makes it one that ends once.
_OURS = ("name", "generateName", "namespace", "uid", "ownerReferences", "finalizers")


def problems(job: JobRequest, settings: KubernetesSettings) -> list[Problem]:
    step = job.options.get("pod_override") or {}
    found = [*_target_flaws(settings), *_patch_flaws("pod_override", settings.pod_override)]
    found += _patch_flaws("options.pod_override", step)
    if found:
        return found
    whole = request.overridden(job, settings, _NAME)
    found = [
        Problem("pod_override", f"{flaw.path} {flaw.message}", flaw.cure) for flaw in flaws(_template(whole))
    ]
    found += _broken(whole, job, settings)
    if step:
        found += _weakened(whole, job, settings)
    return found


def _target_flaws(settings: KubernetesSettings) -> Iterator[Problem]:
    nodes = [("spot", settings.spot), *((f"gpus.{name}", said) for name, said in settings.gpus.items())]
    parts: list[tuple[str, Any, Any]] = [
        ("affinity", settings.affinity, "Affinity"),
        ("tolerations", settings.tolerations, {"list": "Toleration"}),
        *(
            (f"{name}.tolerations", said.get("tolerations", ()), {"list": "Toleration"})
            for name, said in nodes
        ),
    ]
    for name, value, form in parts:
        for flaw in flaws(value, form, name):
            path = flaw.path.removeprefix(name)
            yield Problem(name, f"{path} {flaw.message}".lstrip(" ."), flaw.cure)


def _patch_flaws(field: str, patch: Any) -> list[Problem]:
    return [
        Problem(field, f"{flaw.path} {flaw.message}".strip(), flaw.cure)
        for flaw in flaws(patch, partial=True)
    ] + [
        Problem(field, f"metadata.{name} is Lading's own: it finds the pod by it", f"drop {name}")
        for name in _OURS
        if name in ((patch or {}).get("metadata") or {})
    ]


def _template(pod: dict[str, Any]) -> dict[str, Any]:
    return {name: pod[name] for name in ("metadata", "spec")}


def _broken(pod: dict[str, Any], job: JobRequest, settings: KubernetesSettings) -> Iterator[Problem]:
    """What would make it another job, or none."""
    own = _base(request.pod(job, settings, _NAME))
    base = _base(pod)
    field = "pod_override"
    if base is None or own is None:
        yield Problem(field, f"takes container {request.CONTAINER!r} away", "leave it: the step runs there")
        return
    for name in ("command", "args"):
        if base.get(name) != own.get(name):
            text = f"spec.containers[base].{name} starts something else than the step"
            yield Problem(field, text, 'name another Python in the target: "interpreter"')
    if pod["spec"].get("restartPolicy") != "Never":
        text = f"spec.restartPolicy is {pod['spec'].get('restartPolicy')!r}"
        yield Problem(field, text, "drop it: retries and infra_retries say how often the step runs")


def _base(pod: dict[str, Any]) -> dict[str, Any] | None:
    return next((c for c in pod["spec"]["containers"] if c.get("name") == request.CONTAINER), None)


def _weakened(pod: dict[str, Any], job: JobRequest, settings: KubernetesSettings) -> list[Problem]:
    """A step may ask for anything but what its target's walls keep away from it."""
    allowed = weak_points(request.overridden(replace(job, options={}), settings, _NAME))
    return [
        Problem(
            "options.pod_override",
            f"{path} as {value!r} weakens the walls around the step",
            "drop it; only a target may say so, in its own pod_override",
        )
        for path, value in weak_points(pod).items()
        if allowed.get(path, path) != value
    ]
