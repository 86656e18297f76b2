"""The lineage event of a step, and what its asset outlets are told."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading import capture, deployment
from lading.backends.base import FailureClass, JobState, Observation
from lading.execution import Ended
from lading.execution.verdict import failed
from lading.lineage.event import Input, LineageEvent, Output, now
from lading_runner.masks import masked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lading.execution import Started
    from lading.operators.run import StepRun
    from lading.resources import Resources


def step_event(
    run: StepRun, ended: Ended, status: str, inputs: tuple[Input, ...], outputs: tuple[Output, ...]
) -> LineageEvent:
    """The fact of one generation: the same bytes however often its end is reported."""
    result, plan = ended.result, run.plan
    source = getattr(plan.call.function, "__code__", None)
    return LineageEvent(
        id=ended.event_id,
        time=result.ended if result and result.ended else now(),
        status=status,
        task=ended.attempt,
        operator=capture.operator_name(run.operator),
        target=plan.target.name,
        job={"id": ended.handle.id, "url": ended.handle.url} if ended.handle else {},
        code={
            "digest": plan.code.digest if plan.code else None,
            "entry": plan.entry,
            "bundle": capture.bundle_of(run.ti),
            "git": git_of(str(Path(source.co_filename).parent)) if source else None,
        },
        environment=_environment(ended),
        params=capture.literals(run.ti, inputs),
        inputs=inputs,
        outputs=outputs,
        external=_hidden(result.external) if result else {},
        metrics=_hidden(result.metrics) if result else {},
        metrics_higher_is_better=_hidden(result.metrics_higher_is_better) if result else {},
        timings=dict(result.timings) if result else {},
        profile=dict(result.profile) if result else {},
        requested=requested(plan.target.resources),
        error=_error(run, ended) if status != "succeeded" else None,
    )


def _hidden(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a job said, which may not know every secret that is known here."""
    return dict(masked(said, deployment.mask))


def requested(resources: Resources) -> dict[str, Any] | None:
    """As JSON; None: nothing in particular."""
    asked = resources.asked()
    if resources.gpu is not None:
        asked["gpu"] = {"type": resources.gpu.type, "count": resources.gpu.count}
    return asked or None


def _environment(ended: Ended) -> dict[str, Any]:
    """As the job found it, and what only its platform knows, such as the image's digest."""
    found = dict(ended.result.environment) if ended.result else {}
    platform = ended.handle.extra.get("environment", {}) if ended.handle else {}
    return {**found, **platform, **ended.observation.environment}


def cancelled_event(run: StepRun, started: Started) -> LineageEvent:
    """The fact of a generation that is killed from now on, while a trigger waits for its job."""
    gone = Observation(JobState.LOST)
    verdict = failed(FailureClass.CANCELLED, "the task was killed while its job ran")
    ended = Ended(started.attempt, started.handle, started.since, gone, None, verdict)
    return step_event(run, ended, "cancelled", capture.inputs_of(run.ti), ())


def _error(run: StepRun, ended: Ended) -> dict[str, Any]:
    found = dict(ended.result.error or {}) if ended.result else {}
    failure = ended.verdict.failure.value if ended.verdict.failure else found.get("class", "user")
    if found.get("class", failure) != failure:  # the job knows that it was told to end, the verdict knows why
        found = {}
    message = found.get("message") or ended.verdict.message
    return {
        "type": found.get("type", "JobLost"),
        "message": deployment.mask(str(message))[:2000],
        "class": failure,
    }


def fill_outlets(run: StepRun, event: LineageEvent) -> None:
    """Asset events carry the artifact, so that data-aware scheduling and lineage meet."""
    from airflow.sdk import Asset

    whole = next((o.artifact for o in event.outputs if o.name == "return_value"), None)
    facts: dict[str, Any] = {"lading_event": event.id}
    if whole is not None:
        facts |= {"lading_digest": whole.digest, "lading_type": whole.type, "lading_size": whole.size}
    for outlet in run.operator.outlets:
        if isinstance(outlet, Asset):
            run.context["outlet_events"][outlet].extra.update(facts)


@cache
def git_of(folder: str) -> dict[str, Any] | None:
    """Commit of the DAG's folder, and whether the working tree differs from it; None outside a repository."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return {
            "commit": commit,
            "dirty": bool(_git(folder, "status", "--porcelain", "--untracked-files=no")),
        }
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: str, *words: str) -> str:
    argv = ("git", "-C", folder, *words)
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=2)  # noqa: S603
    return done.stdout.strip()
