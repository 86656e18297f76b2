"""A one-time run per job, always with an idempotency token, and secrets by reference only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lading.backends.base import (
    Capability,
    FailureClass,
    Finding,
    JobHandle,
    JobRequest,
    JobState,
    Observation,
    Problem,
    StoreView,
    Worker,
)
from lading.backends.databricks import checks, request, room
from lading.backends.databricks.judged import ended, judged
from lading.backends.databricks.script import script
from lading.backends.databricks.settings import KEYS, DatabricksSettings
from lading.backends.databricks.workspace import RunDeleted, Unreachable, Workspace
from lading.errors import ConfigError
from lading_runner.failpoints import failpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lading.config import Target


class DatabricksBackend:
    name = "databricks"
    capabilities = frozenset(
        {
            Capability.IMAGE,
            Capability.REQUIREMENTS,
            Capability.CPU,
            Capability.MEMORY,
            Capability.GPU,
            Capability.DISK,
            Capability.SPOT,
            Capability.TIMEOUT,
            Capability.DETACHED,
            Capability.DEFERRABLE,
        }
    )
    target_keys = KEYS

    def __init__(self, target: Target, worker: Worker) -> None:
        self._target, self._worker = target, worker
        self._settings = DatabricksSettings.of(target)
        self._workspace = Workspace(self._settings.connection)

    @classmethod
    def configured(cls, target: Target, worker: Worker) -> DatabricksBackend:
        return cls(target, worker)

    def store_view(self, store_root: str) -> StoreView:
        return self._settings.store_view(store_root)

    def validate(self, job: JobRequest) -> list[Problem]:
        return checks.problems(job, self._settings, self._target)

    def render(self, job: JobRequest) -> Mapping[str, object]:
        return request.run(job, self._settings, request.runner_file(self._settings, script()[1]))

    def room(self, job: JobRequest) -> Iterator[Finding]:
        return room.findings(job, self._settings, self._workspace)

    def submit(self, job: JobRequest) -> JobHandle:
        """:raises ConfigError: the workspace refuses the request, or the connection cannot be used"""
        wanted = self.render(job)
        try:
            self._workspace.put(request.runner_file(self._settings, script()[1]), script()[0])
        except Unreachable as e:
            raise ConfigError(str(e)) from e
        if packages := request.requirements_file(job, self._settings):
            self._workspace.put(*packages)
        failpoint("databricks.runner.after")
        intent = request.intent_file(self._settings, job.name)
        self._workspace.put(intent, json.dumps(wanted, sort_keys=True).encode())
        failpoint("databricks.intent.after")
        try:
            return self._submitted(job.name, wanted)
        except ConfigError:  # there is no such run, and ``find`` must not begin one
            self._workspace.delete(intent)
            raise

    def find(self, name: str) -> JobHandle | None:
        """Sure at once, where a list of runs may be late: the token gives the run that was submitted under
        it, or begins the one whose submission was cut off."""
        intent = self._workspace.read(request.intent_file(self._settings, name))
        if intent is None:
            return None
        try:
            return self._submitted(name, json.loads(intent))
        except RunDeleted:
            return None

    def observe(self, handle: JobHandle) -> Observation:
        run = self._workspace.run(int(handle.id))
        if run is None:
            reason = f"the workspace has no run {handle.id} any more: somebody deleted it"
            return Observation(JobState.LOST, reason=reason, failure=FailureClass.INFRA)
        return judged(run, self._output(run) if ended(run) else {})

    def cancel(self, handle: JobHandle, grace_s: float) -> None:
        """Databricks ends the process at once: it knows no grace."""
        self._workspace.cancel(int(handle.id))

    def logs(self, handle: JobHandle, since: str | None) -> Iterator[str]:
        run = self._workspace.run(int(handle.id))
        output = self._output(run) if run is not None and ended(run) else {}
        yield from str(output.get("logs") or "").splitlines()
        if trace := output.get("error_trace"):
            yield from str(trace).splitlines()
        if error := output.get("error"):
            yield str(error)

    def remove(self, handle: JobHandle, *, failed: bool) -> None:
        """The run stays in the workspace's history, which forgets it by itself."""
        self._workspace.delete(request.intent_file(self._settings, handle.name))

    def _submitted(self, name: str, wanted: Mapping[str, Any]) -> JobHandle:
        run_id = self._workspace.submit(wanted)
        failpoint("databricks.submit.after")
        run = self._workspace.run(run_id) or {}
        extra = {"environment": _environment(wanted)}
        return JobHandle(self.name, str(run_id), name, run.get("run_page_url"), extra)

    def _output(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """Of the run's only task, which has an id of its own."""
        tasks = run.get("tasks") or [{}]
        task_run = tasks[0].get("run_id")
        return {} if task_run is None else self._workspace.output(int(task_run))


def _environment(wanted: Mapping[str, Any]) -> dict[str, str]:
    """What only the platform knows of the job's environment."""
    cluster = wanted["tasks"][0].get("new_cluster")
    if cluster is None:
        version = wanted["environments"][0]["spec"]["environment_version"]
        return {"runtime": f"serverless environment {version}"}
    image = (cluster.get("docker_image") or {}).get("url")
    return {"runtime": cluster["spark_version"], **({"image": image} if image else {})}
