"""A custom job of Vertex AI per job: one container on one machine, found again by its label."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from lading import environment
from lading.backends.base import (
    Capability,
    FailureClass,
    JobHandle,
    JobRequest,
    JobState,
    Observation,
    Problem,
    StoreView,
    Worker,
)
from lading.backends.vertex import machines, packages, request
from lading.backends.vertex.judged import DUPLICATE, exit_code, is_over, judged
from lading.backends.vertex.service import JobService
from lading.backends.vertex.settings import KEYS, VertexSettings
from lading.code.runner_zip import runner_archive
from lading.errors import ConfigError
from lading_runner.failpoints import failpoint
from lading_runner.store import open_object_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lading.config import Target

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_CONSOLE = "https://console.cloud.google.com/vertex-ai/locations/{region}/training/{id}/cpu?project={project}"


class VertexBackend:
    name = "vertex"
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
        self._settings = VertexSettings.of(target)
        self._service = JobService(self._settings)

    @classmethod
    def configured(cls, target: Target, worker: Worker) -> VertexBackend:
        return cls(target, worker)

    def store_view(self, store_root: str) -> StoreView:
        return self._settings.store_view(store_root)

    def validate(self, job: JobRequest) -> list[Problem]:
        found = self._settings.problems(self._target, job.store_root)
        return [*found, *_job_problems(job, self._settings), *environment.problems(job)]

    def render(self, job: JobRequest) -> Mapping[str, object]:
        return request.create(job, self._settings, request.runner_key(runner_archive()[1]))

    def submit(self, job: JobRequest) -> JobHandle:
        """The service takes any number of jobs of one name: one that is there is joined, and of two that
        were made at once the runner's claim lets one work.

        :raises ConfigError: the service refuses the request
        """
        found = self.find(job.name)
        failpoint("vertex.find.after")
        return found or self._handle(job.name, self._created(job))

    def find(self, name: str) -> JobHandle | None:
        """Of several, the oldest that can have the claim."""
        found = self._service.named(name)
        return self._handle(name, min(found, key=_rank)) if found else None

    def observe(self, handle: JobHandle) -> Observation:
        found = self._service.get(_resource(handle))
        if found is None:
            reason = f"custom job {handle.id} is not there any more: somebody deleted it"
            return Observation(JobState.LOST, reason=reason, failure=FailureClass.INFRA)
        return judged(found, time.time(), self._settings.max_wait_s)

    def cancel(self, handle: JobHandle, grace_s: float) -> None:
        """Also jobs of the same name, which would begin when this one is gone. The grace is the service's."""
        for name in {_resource(handle), *self._open(handle)}:
            self._service.cancel(name)

    def logs(self, handle: JobHandle, since: str | None) -> Iterator[str]:
        """Whether or not they may be read, the job ended as it did."""
        try:
            yield from self._service.lines(handle.id, handle.extra["project"])
        except ConfigError as e:
            self._worker.log(f"the job's own log stays unread: {e}; it is at {handle.url}")

    def remove(self, handle: JobHandle, *, failed: bool) -> None:
        """Nothing of the name may begin any more. What ended costs nothing, and stays as ``keep`` says."""
        for name in self._open(handle):
            self._service.cancel(name)
        if self._settings.keep == "never" or (self._settings.keep == "failed" and not failed):
            self._service.delete(_resource(handle))

    def _created(self, job: JobRequest) -> dict[str, Any]:
        archive, digest = runner_archive()
        objects = open_object_store(job.store_root, self._worker.store_options())
        key = request.runner_key(digest)
        if objects.stat(key) is None:
            objects.create(key, archive)
        if job.requirements:
            cache = self._worker.cache or environment.default_cache()
            lock = packages.lock_of(job, cache, self._worker.log)
            objects.write(request.lock_key(job), lock.text().encode())
        failpoint("vertex.runner.after")
        made = self._service.create(job.name, request.create(job, self._settings, key, self._service.project))
        failpoint("vertex.create.after")
        return made

    def _open(self, handle: JobHandle) -> list[str]:
        """Resource names of the jobs of this name that have not ended."""
        return [job["name"] for job in self._service.named(handle.name) if not is_over(job)]

    def _handle(self, name: str, job: Mapping[str, Any]) -> JobHandle:
        _, project, _, region, _, number = job["name"].split("/")
        pools = job.get("jobSpec", {}).get("workerPoolSpecs") or [{}]
        image = pools[0].get("containerSpec", {}).get("imageUri")
        extra = {
            "project": project,
            "region": region,
            "environment": {"image": image} if image else {},
        }
        url = _CONSOLE.format(region=region, id=number, project=project)
        return JobHandle(self.name, number, name, url=url, extra=extra)


def _resource(handle: JobHandle) -> str:
    return f"projects/{handle.extra['project']}/locations/{handle.extra['region']}/customJobs/{handle.id}"


def _rank(job: Mapping[str, Any]) -> tuple[int, str]:
    """The least is the one to wait for."""
    if exit_code(job) == DUPLICATE:
        rank = 2
    else:
        rank = 1 if is_over(job) and job["state"] != "JOB_STATE_SUCCEEDED" else 0
    return rank, str(job.get("createTime", ""))


def _job_problems(job: JobRequest, settings: VertexSettings) -> Iterator[Problem]:
    if job.image is None:
        yield Problem("image", "a container needs one", "give the step or its target an image")
    if job.resources.shm is not None:
        text = f"{job.resources.shm!r} cannot be honoured: Vertex AI does not let a job set its shared memory"
        yield Problem("resources.shm", text, "drop shm, or choose another target")
    if job.requirements and job.python is None:
        text = "is not set, and an image on Vertex AI cannot be asked which Python it has"
        yield Problem("python", text, 'say it, beside requirements: python="3.12"')
    if wrong := sorted(name for name in job.env if not _VARIABLE.match(name)):
        yield Problem("env", f"{wrong[0]!r} is no name of a variable", "write letters, digits and _ only")
    if len(job.env) > request.MOST_VARIABLES:
        text = f"{len(job.env)} variables are more than a job on Vertex AI may have"
        yield Problem("env", text, f"give it at most {request.MOST_VARIABLES}")
    for name in sorted(set(job.options) - request.OPTIONS):
        cure = f"known: {', '.join(sorted(request.OPTIONS))}; the rest of a job is the target's"
        yield Problem(f"options.{name}", "is not an option of a step on Vertex AI", cure)
    yield from machines.problems(job.resources, request.machine_type(job, settings))
