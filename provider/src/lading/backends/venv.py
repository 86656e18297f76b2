"""A process of this host in an isolated environment, which outlives the worker that started it."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading import environment
from lading.backends import process
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
from lading.environment.locking import write_private
from lading.environment.tools import mask
from lading_runner.failpoints import failpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lading.config import Target
    from lading.environment import EnvironmentRequest
    from lading_runner.contract import Digest

#: All that a job inherits from the worker. ``python -I`` would ignore PYTHON* anyhow.
_INHERITED = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TZ|TMPDIR|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|(http|https|no|all)_proxy|(HTTP|HTTPS|NO|ALL)_PROXY|LD_LIBRARY_PATH|CUDA_\w+|NVIDIA_\w+"
)
_CLOUD = re.compile(r"(AWS|GOOGLE|AZURE)_\w+")


def _runner_archive() -> tuple[bytes, Digest]:
    from lading.code.runner_zip import runner_archive

    return runner_archive()


def _silent(line: str) -> None:
    """Nobody follows."""


class VenvBackend:
    """``cache`` holds environments, runners and job folders; ``log`` gets the lines of a build as they come;
    ``secrets`` gives what the job has to mask in all it writes, ``store_options`` what the store's connection
    says."""

    name = "venv"
    capabilities = frozenset({Capability.REQUIREMENTS, Capability.TIMEOUT, Capability.DETACHED})
    target_keys: frozenset[str] = frozenset()

    @classmethod
    def configured(cls, target: Target, worker: Worker) -> VenvBackend:
        return cls(
            worker.cache,
            worker.log,
            worker.secrets,
            store=target.store,
            store_options=worker.store_options,
        )

    def __init__(
        self,
        cache: Path | None = None,
        log: Callable[[str], None] | None = None,
        secrets: Callable[[], Sequence[str]] = tuple,
        runner: Callable[[], tuple[bytes, Digest]] = _runner_archive,
        *,
        store: str | None = None,
        store_options: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._store = store
        self._store_options = store_options
        self._cache = cache or environment.default_cache()
        self._log = log or _silent
        self._secrets = secrets
        self._runner = runner

    def store_view(self, store_root: str) -> StoreView:
        return StoreView(self._store or store_root)

    def validate(self, job: JobRequest) -> list[Problem]:
        asked: dict[str, object] = {f"resources.{k}": v for k, v in job.resources.asked().items()}
        asked |= {"image": job.image} if job.image else {}
        asked |= {f"options.{k}": v for k, v in job.options.items()}
        return [_refusal(job, field, value) for field, value in asked.items()] + environment.problems(job)

    def render(self, job: JobRequest) -> Mapping[str, object]:
        request = _request(job)
        return {
            "backend": self.name,
            "name": job.name,
            "argv": _argv("<environment>/bin/python", "<runner>", job),
            "env": sorted(_environ(job, Path("<environment>"))),
            "timeout_s": job.timeout_s,
            "environment": {
                "digest": request.digest,
                "python": request.python,
                "requirements": [mask(line) for line in request.lines],
                "options": [mask(line) for line in request.options],
            },
        }

    def submit(self, job: JobRequest) -> JobHandle:
        """:raises EnvironmentBuildError: the requirements cannot be resolved or installed"""
        if (known := self.find(job.name)) is not None:
            return known
        failpoint("venv.find.after")
        python = self._environment(job)
        failpoint("venv.environment.after")
        runner = self._stored_runner()
        failpoint("venv.runner.after")
        process.prune(self._cache / "jobs")
        launch = process.Launch(
            argv=_argv(str(python), str(runner), job),
            env=_environ(job, python.parent.parent),
            secrets=self._secrets(),
            store_options=self._store_options(),
            timeout_s=job.timeout_s,
        )
        handle = self._handle(job.name, self._folder(job.name).start(launch))
        failpoint("venv.start.after")
        return handle

    def find(self, name: str) -> JobHandle | None:
        record = self._folder(name).settled()
        return self._handle(name, record) if record else None

    def observe(self, handle: JobHandle) -> Observation:
        folder = self._folder(handle.name)
        if (ended := folder.exit()) is not None:
            return _judge(ended, folder.cancelled())
        if folder.lives():
            return Observation(JobState.RUNNING, reason=f"process {handle.id}")
        if (ended := folder.exit()) is not None:  # it ended between the two looks
            return _judge(ended, folder.cancelled())
        here, there = socket.gethostname(), str(handle.extra.get("host"))
        if there != here:
            reason = f"the job ran on host {there}, which cannot be observed from {here}"
            return Observation(JobState.LOST, reason=reason, failure=FailureClass.INFRA)
        if folder.record() is None:
            return Observation(
                JobState.LOST,
                reason=f"no trace of the job in {folder.path}; jobs are forgotten two weeks after their end",
            )
        return Observation(
            JobState.ENDED,
            reason=f"process {handle.id} is gone, and so is its parent; host {here} may have been restarted",
            failure=FailureClass.CANCELLED if folder.cancelled() else FailureClass.INFRA,
        )

    def cancel(self, handle: JobHandle, grace_s: float) -> None:
        """:raises JobLost: the job runs on another host"""
        self._folder(handle.name).cancel(grace_s)

    def logs(self, handle: JobHandle, since: str | None) -> Iterator[str]:
        """Lines of stdout and stderr; ``since`` is a byte offset. An unfinished line is given as it is."""
        try:
            with self._folder(handle.name).output.open("rb") as file:
                file.seek(int(since or 0))
                for line in file:
                    yield line.decode(errors="replace").rstrip("\r\n")
        except FileNotFoundError:
            return

    def remove(self, handle: JobHandle, *, failed: bool) -> None:
        """Nothing at once: folders of jobs are removed two weeks after their end."""

    def _folder(self, name: str) -> process.JobFolder:
        return process.JobFolder(self._cache / "jobs" / name)

    def _handle(self, name: str, record: process.Record) -> JobHandle:
        extra = {"host": record.host, "pid": record.pid, "start": record.start}
        return JobHandle(self.name, record.id, name, extra=extra)

    def _environment(self, job: JobRequest) -> Path:
        secrets = [secret for secret in self._secrets() if secret]

        def log(line: str) -> None:
            for secret in secrets:
                line = line.replace(secret, "***")
            self._log(line)

        locked = environment.lock(_request(job), self._cache, log)
        return environment.ensure(locked, self._cache, log)

    def _stored_runner(self) -> Path:
        data, digest = self._runner()
        path = self._cache / "runners" / f"{digest.removeprefix('sha256:')}.pyz"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_private(path, data)
        return path


def _request(job: JobRequest) -> EnvironmentRequest:
    return environment.with_driver(environment.resolve(job.requirements, job.python), job.spec_uri)


def _argv(python: str, runner: str, job: JobRequest) -> tuple[str, ...]:
    return (python, "-I", "-u", runner, "--spec", job.spec_uri)


def _environ(job: JobRequest, folder: Path) -> dict[str, str]:
    remote = environment.is_remote(job.spec_uri)
    env = {
        name: value
        for name, value in os.environ.items()
        if _INHERITED.fullmatch(name) or (remote and _CLOUD.fullmatch(name))
    }
    path = os.pathsep.join([str(folder / "bin"), env.get("PATH", os.defpath)])
    return {**env, "PATH": path, "VIRTUAL_ENV": str(folder), **job.env}


def _refusal(job: JobRequest, field: str, value: object) -> Problem:
    message = (
        f"step {job.task_id!r} asks for {field}={value!r}, but backend 'venv' starts a plain process of the "
        "worker's host and cannot give it"
    )
    return Problem(field, message, f"drop {field}, or choose a target that can (on=…)")


def _judge(ended: process.Exit, cancelled: bool) -> Observation:
    """What the exit says; codes of the runner itself are left to the reader of its result."""
    reason, failure = f"exit code {ended.code}", None
    if ended.code < 0:
        reason, failure = f"killed by {signal.Signals(-ended.code).name}", FailureClass.INFRA
    if ended.code == -signal.SIGKILL and ended.oom_kills > 0:
        reason = "killed by the kernel: out of memory, very probably (its control group counts such a kill)"
        failure = FailureClass.OOM
    elif ended.code == 127:
        reason, failure = "the interpreter of the environment did not start", FailureClass.INFRA
    if ended.timed_out:
        reason, failure = f"ran longer than its time limit; {reason}", FailureClass.TIMEOUT
    if cancelled and ended.code != 0:
        reason, failure = f"cancelled; {reason}", FailureClass.CANCELLED
    return Observation(JobState.ENDED, ended.code, reason, failure)
