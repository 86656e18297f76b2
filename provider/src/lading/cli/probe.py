"""``lading doctor --target T``: a real job on the target, as a step would be."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.backends import registry
from lading.backends.base import Capability, Surveyed, Worker
from lading.cli.checks import Check
from lading.cli.terminal import quiet
from lading.code.slicing import slice_function
from lading.config import Settings, resolve_target
from lading.errors import LadingError
from lading.execution import AttemptRunner, AttemptState, Ended, Hooks, Policy, attempt_folder
from lading_runner import values
from lading_runner.contract import Attempt, Spec
from lading_runner.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lading.backends.base import Backend, Finding, JobRequest
    from lading_runner.contract import Result
    from lading_runner.store import ArtifactStore

DAG_ID = "lading-doctor"
_TIME_S = 900.0  # a first image may be large


def look_around() -> dict[str, Any]:
    """The probe: runs in the job."""
    import os
    import platform

    return {"python": platform.python_version(), "machine": platform.machine(), "uid": os.getuid()}


@dataclass
class _Memory:
    """The state of an attempt that nobody resumes."""

    state: AttemptState | None = None

    def load(self) -> AttemptState | None:
        return self.state

    def save(self, state: AttemptState) -> None:
        self.state = state


@dataclass
class Probe:
    backend: Backend
    request: JobRequest
    runner: AttemptRunner
    store: ArtifactStore
    attempt: Attempt
    ended: list[Ended]
    lines: list[str]
    said: list[str]
    removed: list[Attempt]


def target(settings: Settings, name: str) -> Iterator[Check]:
    """Submits a job that reads its code from the store and writes its result there, and removes it."""
    found = resolve_target(settings, name, registry.names(), registry.target_keys)
    if Capability.IN_PROCESS in registry.get(found.backend).capabilities:
        yield Check(f"target {name}", "job", True, "runs in the task process: nothing to reach")
        return
    with quiet():
        probe = _probe(found)
        room = list(probe.backend.room(probe.request)) if isinstance(probe.backend, Surveyed) else []
    yield from (Check(f"target {name}", seen.name, seen.ok, seen.detail, seen.cure) for seen in room)
    if why := _not_tried(probe, room):
        yield Check(f"target {name}", "job", None, f"not tried: {why}")
        return
    begun = time.monotonic()
    try:
        with quiet():
            result = probe.runner.run()
    except (LadingError, RunnerError) as e:
        with quiet(), suppress(LadingError, RunnerError):
            probe.runner.cancel()  # nobody else will ask for it
        yield Check(f"target {name}", "job", False, str(e), "do what the message says, then try again")
        for line in probe.lines[-5:]:
            yield Check(f"target {name}", "its log", None, line)
        yield from _left_behind(name, probe)
        return
    finally:
        _tidy(probe)
    yield from _seen(name, probe, result, time.monotonic() - begun)


def _not_tried(probe: Probe, room: Sequence[Finding]) -> str:
    """Why not; empty: it is."""
    if any(seen.ok is False for seen in room):
        return "it would not fit"
    if any(problem.field == "image" for problem in probe.backend.validate(probe.request)):
        return "the target has no image of its own, so each step names one; give it one to try"
    return ""


def _seen(name: str, probe: Probe, result: Result, seconds: float) -> Iterator[Check]:
    area = f"target {name}"
    found = values.load(result.outputs["return_value"], probe.store)
    handle = probe.ended[-1].handle
    image = handle.extra.get("environment", {}).get("image") if handle else None
    did = "created, ran, removed" if probe.removed else "created, ran"
    yield Check(area, "job", True, f"{did}; {seconds:.1f} s from submission to result")
    yield from _left_behind(name, probe)
    yield Check(area, "store", True, "read and written from inside the job")
    yield Check(area, "Python", True, f"{found['python']} on {found['machine']}, user {found['uid']}")
    if image:
        yield Check(area, "image", None, str(image))


def _left_behind(name: str, probe: Probe) -> Iterator[Check]:
    """A step goes on where its job cannot be removed; here it is what is asked for."""
    made = next((ended.handle for ended in probe.ended if ended.handle), None)
    if made is None or probe.removed:
        return
    cure = f"give who runs this the right to delete its jobs, then remove {made.id} by hand"
    yield Check(f"target {name}", "removal", False, probe.said[-1], cure)


def _probe(found: Any) -> Probe:
    from lading import deployment
    from lading.operators.request import job_request

    store, ended, lines = deployment.store(), list[Ended](), list[str]()
    said, removed = list[str](), list[Attempt]()
    worker = Worker(
        cache=deployment.settings().environments,
        log=lines.append,
        secrets=deployment.secrets,
        connection=deployment.connection,
        store_options=deployment.store_options,
    )
    backend = registry.get(found.backend).configured(found, worker)
    code = slice_function(look_around, roots=())
    store.put_bytes(code.archive)
    attempt = Attempt(DAG_ID, uuid.uuid4().hex, "probe")
    view = backend.store_view(store.root)

    def spec_for(generation: Attempt) -> Spec:
        return Spec(
            attempt=generation,
            code=code.to_spec(),
            store=view.root,
            folder=attempt_folder(generation),
            outbox=view.outbox or None,
        )

    def request_for(generation: Attempt) -> JobRequest:
        return job_request(
            generation,
            found,
            backend,
            store_root=store.root,
            requirements=found.requirement_lines,
            timeout_s=_TIME_S,
        )

    runner = AttemptRunner(
        task=attempt,
        backend=backend,
        state=_Memory(),
        objects=store.objects,
        fingerprint="probe",
        max_tries=1,
        request_for=request_for,
        spec_for=spec_for,
        hooks=Hooks(ended.append, on_log=lines.append, on_removed=removed.append, say=said.append),
        policy=Policy(timeout_s=_TIME_S, infra_retries=0, transient_s=20.0),
    )
    return Probe(backend, request_for(attempt), runner, store, attempt, ended, lines, said, removed)


def _tidy(probe: Probe) -> None:
    """The attempts of a doctor are nobody's history."""
    above = attempt_folder(probe.attempt).rpartition("/")[0] + "/"
    for stat in list(probe.store.objects.list(above)):
        probe.store.objects.delete(stat.key)
