"""What a target and a step ask of Kubernetes that it cannot do, or may not be asked: pure and offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading import environment
from lading.backends.base import JobRequest, Problem
from lading.backends.kubernetes.settings import KubernetesSettings, is_variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lading.config import Target

_OPTIONS = ("pod_override",)
_NODES = '{"node_selector": {"pool": "x"}, "tolerations": []}'


def problems(job: JobRequest, settings: KubernetesSettings, target: Target) -> list[Problem]:
    found = settings.problems(target, job.store_root)
    found += _job_problems(job, settings)
    if not found:  # else there may be no pod to look at
        found += _pod_problems(job, settings)
    return found


def _job_problems(job: JobRequest, settings: KubernetesSettings) -> Iterator[Problem]:
    if job.image is None:
        yield Problem("image", "a pod needs one", "give the step or its target an image")
    if wrong := [name for name in job.env if not is_variable(name)]:
        cure = "write letters, digits, '_', '-' and '.'; no digit first"
        yield Problem("env", f"{wrong[0]!r} is no name of a variable in a pod", cure)
    if job.resources.spot and not settings.spot:
        text = "the target does not say which nodes may be taken away"
        yield Problem("resources.spot", text, f'drop spot, or say it in the target: "spot": {_NODES}')
    gpu = job.resources.gpu
    if gpu is not None and gpu.type is not None and gpu.type not in settings.gpus:
        known = ", ".join(sorted(settings.gpus)) or "none"
        text = f"the target does not say which nodes have {gpu.type!r}; it knows: {known}"
        yield Problem("resources.gpu", text, f'drop the type, or add it: "gpus": {{"{gpu.type}": {_NODES}}}')
    for name in sorted(set(job.options) - set(_OPTIONS)):
        cure = f"known: {', '.join(_OPTIONS)}; the rest of a pod is the target's"
        yield Problem(f"options.{name}", "is not an option of a step on Kubernetes", cure)
    yield from environment.problems(job)


def _pod_problems(job: JobRequest, settings: KubernetesSettings) -> Iterator[Problem]:
    """Of what is written in Kubernetes' own words. The schema is loaded only where something is."""
    asked = job.options.get("pod_override")
    if not (asked or settings.pod_override or settings.affinity or settings.tolerations or settings.gpus):
        if asked is not None and not isinstance(asked, dict):
            yield _no_table(asked)
        return
    if asked is not None and not isinstance(asked, dict):
        yield _no_table(asked)
        return
    from lading.backends.kubernetes import override_checks

    yield from override_checks.problems(job, settings)


def _no_table(asked: object) -> Problem:
    return Problem(
        "options.pod_override", f"is {asked!r}", 'write a table such as {"spec": {"hostAliases": []}}'
    )
