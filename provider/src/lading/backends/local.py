"""The task process itself: no isolation, no start-up, for what needs neither."""

from __future__ import annotations

import os
import platform
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lading.backends.base import (
    Capability,
    JobHandle,
    JobRequest,
    JobState,
    Observation,
    Problem,
    StoreView,
    Worker,
)
from lading.backends.launcher import start_ticks
from lading.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lading.config import Target


def this_process() -> str:
    """``host:pid:start``: the claim of a step in a task process. The start tells a reused pid apart."""
    return f"{socket.gethostname()}:{os.getpid()}:{start_ticks(os.getpid())}"


def alive(process: str) -> bool:
    """Whether the process that ``this_process`` named lives on this host; on another host it is taken for
    dead, since Airflow runs one process per task instance."""
    host, _, place = process.partition(":")
    pid, _, start = place.partition(":")
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        return start_ticks(int(pid)) == start != "" and not _dead_but_not_reaped(int(pid))
    except ProcessLookupError:  # it ended while it was looked at
        return False


class LocalBackend:
    """``run`` executes the job in this process, claim and result included, and gives the runner's exit code;
    the operator supplies it. Without, the backend can be asked but not submitted to."""

    name = "local"
    # TIMEOUT: Airflow's execution_timeout interrupts the task process, which is the job.
    capabilities = frozenset({Capability.IN_PROCESS, Capability.TIMEOUT})
    target_keys: frozenset[str] = frozenset()

    @classmethod
    def configured(cls, target: Target, worker: Worker) -> LocalBackend:
        return cls(worker.run)

    def __init__(self, run: Callable[[JobRequest], int] | None = None) -> None:
        self._run = run
        self._ended: dict[str, JobHandle] = {}

    def store_view(self, store_root: str) -> StoreView:
        return StoreView(store_root)

    def validate(self, job: JobRequest) -> list[Problem]:
        asked: dict[str, object] = {
            f"resources.{name}": value for name, value in job.resources.asked().items()
        }
        asked |= {
            name: value
            for name in ("image", "requirements", "env", "options")
            if (value := getattr(job, name))
        }
        if job.python is not None and not f"{platform.python_version()}.".startswith(f"{job.python}."):
            asked["python"] = job.python
        return [_refusal(job, name, value) for name, value in asked.items()]

    def render(self, job: JobRequest) -> Mapping[str, object]:
        return {"backend": self.name, "name": job.name, "spec": job.spec_uri, "process": "the task process"}

    def submit(self, job: JobRequest) -> JobHandle:
        """Returns after the job ended.

        :raises ConfigError: no ``run``
        """
        if job.name in self._ended:
            return self._ended[job.name]
        if self._run is None:
            raise ConfigError(
                f"step {job.task_id!r} cannot run in this process: the local backend was made without a run "
                f"function, expected one from the operator; submit through StepOperator"
            )
        handle = JobHandle(self.name, this_process(), job.name)
        self._ended[job.name] = replace(handle, extra={"exit_code": self._run(job)})
        return self._ended[job.name]

    def find(self, name: str) -> JobHandle | None:
        """Of this process alone; a job in another is known by its claim, which ``observe`` takes as an id."""
        return self._ended.get(name)

    def observe(self, handle: JobHandle) -> Observation:
        if "exit_code" in handle.extra:
            return Observation(JobState.ENDED, int(handle.extra["exit_code"]))
        if handle.id != this_process() and alive(handle.id):
            return Observation(JobState.RUNNING, reason=f"runs in task process {handle.id}")
        return Observation(JobState.LOST, reason=f"task process {handle.id} is gone")

    def cancel(self, handle: JobHandle, grace_s: float) -> None:
        """Ends the task process that runs the job, unless it is this one: that has to raise."""
        if handle.id == this_process():
            return
        self._signal(handle.id, signal.SIGTERM)
        end = time.monotonic() + grace_s
        while alive(handle.id) and time.monotonic() < end:
            time.sleep(0.05)
        self._signal(handle.id, signal.SIGKILL)

    def logs(self, handle: JobHandle, since: str | None) -> Iterator[str]:
        """None: what the step prints is the task's log already."""
        return iter(())

    def remove(self, handle: JobHandle, *, failed: bool) -> None:
        """Nothing is left of it."""

    def _signal(self, process: str, number: signal.Signals) -> None:
        if alive(process):
            try:
                os.kill(int(process.split(":")[1]), number)
            except ProcessLookupError:
                return  # it ended in between


def _refusal(job: JobRequest, name: str, value: object) -> Problem:
    message = (
        f"step {job.task_id!r} asks for {name}={value!r}, but backend 'local' runs it in the task process "
        f"and cannot give it"
    )
    return Problem(name, message, f"choose a target that can (on=…), or drop {name}")


def _dead_but_not_reaped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except FileNotFoundError:  # macOS has no /proc
        return False
