"""A container per job: no host paths but the store's, no privileges, nothing secret in its configuration."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lading import environment
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
from lading.backends.docker import request, room
from lading.backends.docker.engine import Engine, NotNow, digest_of
from lading.backends.docker.packages import PackageImages
from lading.backends.docker.settings import DockerSettings
from lading.backends.mounts import is_folder, open_folder
from lading.code.runner_zip import runner_archive
from lading.errors import ConfigError, TransientError
from lading_runner.failpoints import failpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lading.config import Target

_CLOUD = re.compile(r"(AWS|GOOGLE|AZURE)_\w+")
_USER = re.compile(r"\d+(:\d+)?\Z")


class DockerBackend:
    name = "docker"
    capabilities = frozenset(
        {
            Capability.IMAGE,
            Capability.REQUIREMENTS,
            Capability.CPU,
            Capability.MEMORY,
            Capability.GPU,
            Capability.SHM,
            Capability.TIMEOUT,
            Capability.DETACHED,
            Capability.DEFERRABLE,
        }
    )
    target_keys = DockerSettings.KEYS

    def __init__(self, target: Target, worker: Worker) -> None:
        self._target, self._worker = target, worker
        self._settings = DockerSettings.of(target)
        self._engine = Engine(self._settings.host)

    @classmethod
    def configured(cls, target: Target, worker: Worker) -> DockerBackend:
        return cls(target, worker)

    def store_view(self, store_root: str) -> StoreView:
        return self._settings.store_view(store_root)

    def validate(self, job: JobRequest) -> list[Problem]:
        found = self._settings.problems(self._target, job.store_root)
        if job.image is None:
            found.append(Problem("image", "a container needs one", "give the step or its target an image"))
        for name in ("disk", "spot"):
            if getattr(job.resources, name):
                value = getattr(job.resources, name)
                text = f"{value!r} cannot be honoured: a Docker engine has no such limit"
                found.append(Problem(f"resources.{name}", text, f"drop {name}, or choose another target"))
        if job.resources.gpu is not None and job.resources.gpu.type is not None:
            text = f"a Docker engine cannot choose a GPU by its type, {job.resources.gpu.type!r}"
            found.append(Problem("resources.gpu", text, "ask for GPU(count=…) on a host that has the type"))
        if self._settings.user is not None and not _USER.match(self._settings.user):
            text = f"is {self._settings.user!r}, which only the image can resolve"
            found.append(Problem("user", text, 'write numbers: "1000:1000"'))
        for name in sorted(set(job.options) - request.OPTIONS):
            cure = (
                f"known: {', '.join(sorted(request.OPTIONS))}; what weakens the container is not among them"
            )
            found.append(Problem(f"options.{name}", "is not an option of a step in Docker", cure))
        return [*found, *environment.problems(job)]

    def render(self, job: JobRequest) -> Mapping[str, object]:
        return self._render(job, str(job.image))

    def room(self, job: JobRequest) -> Iterator[Finding]:
        info = self._engine.info()
        yield from room.findings(job.resources, info)
        if self._settings.engine_is_here():
            yield room.free_disk(str(info["DockerRootDir"]))

    def submit(self, job: JobRequest) -> JobHandle:
        """:raises ConfigError: the image cannot be had or has no Python, or the engine refuses the request"""
        found = self._engine.inspect(request.container_name(job.name))
        failpoint("docker.find.after")
        if found is None or found["State"]["Status"] == "created":
            found = self._started(job, found)
        return self._handle(job.name, found)

    def find(self, name: str) -> JobHandle | None:
        """A container that was never started is no job yet: ``submit`` starts it."""
        found = self._engine.inspect(request.container_name(name))
        if found is None or found["State"]["Status"] == "created":
            return None
        return self._handle(name, found)

    def observe(self, handle: JobHandle) -> Observation:
        found = self._engine.inspect(handle.id)
        if found is None:
            reason = f"{self._engine.address} has no container {handle.id[:12]} any more: somebody removed it"
            return Observation(JobState.LOST, reason=reason, failure=FailureClass.INFRA)
        return judged(found)

    def cancel(self, handle: JobHandle, grace_s: float) -> None:
        self._engine.stop(handle.id, grace_s)

    def logs(self, handle: JobHandle, since: str | None) -> Iterator[str]:
        return self._engine.lines(handle.id)

    def remove(self, handle: JobHandle, *, failed: bool) -> None:
        if not (failed and self._settings.keep == "failed"):
            self._engine.remove(handle.id)

    def _started(self, job: JobRequest, found: dict[str, Any] | None) -> dict[str, Any]:
        if found is None:
            found = self._engine.create(self._render(job, *self._image(job)))
            failpoint("docker.create.after")
        secret = {name: self._password(name, conn) for name, conn in self._settings.secret_env.items()}
        handover = {
            "job_id": found["Id"],
            "env": {**self._store_variables(job), **secret},
            "mask": [*self._worker.secrets(), *secret.values()],
            "store": dict(self._worker.store_options()),
        }
        files = {
            "runner.pyz": runner_archive()[0],
            "handover.json": json.dumps(handover).encode(),
            "work": None,
            "scratch": None,
        }
        self._engine.put(found["Id"], request.PRIVATE, files, self._settings.job_user)
        self._open_folder(job)
        failpoint("docker.put.after")
        try:
            self._engine.start(found["Id"], str(job.image))
        except (ConfigError, NotNow):  # nobody may come back to start it
            with suppress(TransientError):
                self._engine.remove(found["Id"])
            raise
        failpoint("docker.start.after")
        return self._engine.inspect(found["Id"]) or found

    def _render(self, job: JobRequest, image: str, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
        made = request.container(job, self._settings, image, packages=bool(job.requirements))
        return {**made, "labels": {**made["labels"], **(labels or {})}}

    def _image(self, job: JobRequest) -> tuple[str, dict[str, str]]:
        """Id of the image to run, and labels that say what it is."""
        base = self._engine.image(str(job.image), self._settings.pull, self._login())
        labels = {"lading.image": digest_of(base)}
        if not job.requirements:
            return base["Id"], labels
        cache = self._worker.cache or environment.default_cache()
        images = PackageImages(self._engine, self._settings, cache, self._worker.log)
        image, lock = images.image_for(job, base)
        return image, {**labels, "lading.lock": lock}

    def _login(self) -> dict[str, str] | None:
        if self._settings.login is None:
            return None
        found = self._worker.connection(self._settings.login)
        return {"username": found.login, "password": found.password, "serveraddress": found.host}

    def _password(self, variable: str, connection: str) -> str:
        password = self._worker.connection(connection).password
        if not password:
            raise ConfigError(
                f"connection {connection!r} has no password, which variable {variable!r} of the job is to "
                f"hold (secret_env); set it, or name another connection"
            )
        return password

    def _store_variables(self, job: JobRequest) -> dict[str, str]:
        """The worker's own credentials of a store that the job reaches by itself."""
        if is_folder(self.store_view(job.store_root).root):
            return {}
        return {name: value for name, value in os.environ.items() if _CLOUD.fullmatch(name)}

    def _open_folder(self, job: JobRequest) -> None:
        if self._settings.host_folder(job.store_root) is not None:
            open_folder(job.store_root, job.folder, self._settings.job_user)

    def _handle(self, name: str, found: Mapping[str, Any]) -> JobHandle:
        labels = found["Config"]["Labels"]
        known = {"image": labels.get("lading.image") or found["Image"], "lock": labels.get("lading.lock")}
        extra = {"environment": {key: value for key, value in known.items() if value}}
        return JobHandle(self.name, found["Id"], name, extra=extra)


def judged(container: Mapping[str, Any]) -> Observation:
    """What the engine says of a container: pure."""
    state = container["State"]
    status, code = state["Status"], int(state["ExitCode"])
    if status == "created":
        return Observation(JobState.QUEUED, reason="created, not started")
    if status not in ("exited", "dead"):
        return Observation(JobState.RUNNING, reason=f"container {container['Id'][:12]} is {status}")
    reason, failure = f"exit code {code}", None
    if state.get("OOMKilled"):
        reason, failure = _out_of_memory(container), FailureClass.OOM
    elif state.get("Error"):
        reason, failure = f"{state['Error']} (exit code {code})", FailureClass.INFRA
    elif code in (126, 127):  # of the first process, which starts ours
        reason, failure = (
            _no_program(container, "has no" if code == 127 else "cannot run"),
            FailureClass.CONFIG,
        )
    elif code in (137, 143):
        how = "SIGKILL" if code == 137 else "SIGTERM"
        reason, failure = f"ended by {how} from outside of Lading", FailureClass.INFRA
    return Observation(JobState.ENDED, code, reason, failure)


def _no_program(container: Mapping[str, Any], what: str) -> str:
    image = container["Config"]["Labels"].get("lading.image") or container["Config"]["Image"]
    return (
        f"image {image!r} {what} {container['Config']['Entrypoint'][0]!r}; use an image with Python 3.9 or "
        f'later, or name its Python in the target: "interpreter": "/usr/bin/python3.11"'
    )


def _out_of_memory(container: Mapping[str, Any]) -> str:
    limit = int(container["HostConfig"].get("Memory") or 0)
    if not limit:
        return (
            "killed by the kernel: the engine's host ran out of memory; the container has no limit of its own"
        )
    # an engine says the same of both: a host without memory ends containers that are within their limits, too
    return (
        f"killed by the kernel: it used all of its memory limit of {limit / 2**20:.0f} MiB (its peak), "
        f"unless the engine's host itself had no memory left"
    )
