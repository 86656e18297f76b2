"""Jobs that are processes of this host: one folder each, whose files tell any process all about the job.

``lock`` is held by the job's launcher and the job, so that a free lock proves that nothing runs.
``record.json`` names the process and is written before its first instruction, ``exit.json`` when it ended.
``output.log`` is what it printed; ``cancelled`` is there once somebody cancelled it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lading.backends import launcher
from lading.errors import JobLost, LadingError, TransientError
from lading_runner.failpoints import failpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_POLL_S = 0.02
_START_S = 30.0  # a start takes a twentieth of a second
_KEPT_S = 14 * 24 * 3600.0


@dataclass(frozen=True)
class Record:
    host: str
    pid: int
    start: str  # tells a recycled pid apart
    launcher: int = 0  # its parent
    launcher_start: str = ""

    @property
    def id(self) -> str:
        return f"{self.host}:{self.pid}:{self.start}"


@dataclass(frozen=True)
class Exit:
    code: int  # negative: the signal
    timed_out: bool
    oom_kills: int  # in the worker's cgroup, while the job ran


@dataclass(frozen=True)
class Launch:
    argv: Sequence[str]
    env: Mapping[str, str]
    secrets: Sequence[str] = ()  # these two are handed over through the pipe that LADING_HANDOVER_FD names
    store_options: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float | None = None
    grace_s: float = 30.0  # between SIGTERM and SIGKILL after timeout_s


@dataclass(frozen=True)
class JobFolder:
    path: Path

    @property
    def output(self) -> Path:
        return self.path / "output.log"

    def record(self) -> Record | None:
        data = _read(self.path / "record.json")
        return Record(**data) if data else None

    def exit(self) -> Exit | None:
        data = _read(self.path / "exit.json")
        return Exit(**data) if data else None

    def cancelled(self) -> bool:
        return (self.path / "cancelled").exists()

    def lives(self) -> bool:
        """Whether the job runs or is being started, wherever on this host."""
        try:
            file = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
        return False

    def settled(self) -> Record | None:
        """The record, after a start that is under way; None: nothing was started, and nothing is being."""
        end = time.monotonic() + _START_S
        while (record := self.record()) is None and self.lives():
            self._give_up_at(end)
            time.sleep(_POLL_S)
        return record or self.record()

    def start(self, launch: Launch) -> Record:
        """Start the job, once in the folder's life; a later call gives the record of the first.

        :raises LadingError: its launcher does not work
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        end = time.monotonic() + _START_S
        while (record := self.settled()) is None:
            failpoint("venv.absent.after")
            with self._claim() as lock:
                if lock is not None and self.record() is None:
                    failpoint("venv.lock.after")
                    self._spawn(launch, lock)
                    failpoint("venv.spawn.after")
            self._give_up_at(end)
        return record

    @contextmanager
    def _claim(self) -> Iterator[int | None]:
        """The lock, to be inherited by the launcher; None: another process has it at this moment."""
        file = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield file if _locked(file) else None
        finally:
            os.close(file)

    def _spawn(self, launch: Launch, lock: int) -> None:
        scratch = self.path / "work"
        scratch.mkdir(mode=0o700, exist_ok=True)
        with _secret_pipe(launch) as handover_fd, self.output.open("ab") as output:
            job = {
                "folder": str(self.path),
                "host": socket.gethostname(),
                "cwd": str(scratch),
                "argv": list(launch.argv),
                "timeout_s": launch.timeout_s,
                "grace_s": launch.grace_s,
                "handover_fd": handover_fd,
            }
            argv = (sys.executable, "-I", "-S", launcher.__file__, json.dumps(job))
            subprocess.run(  # noqa: S603  # our own program
                argv,
                env={**launch.env, "LADING_HANDOVER_FD": str(handover_fd)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(lock, handover_fd),
                start_new_session=True,
                check=False,
            )
        if self.record() is None:
            said = self.output.read_text(errors="replace")[-2000:]
            raise LadingError(
                f"the job in {self.path} did not start: its launcher ended at once and said {said!r}; "
                f"see that {sys.executable} works and that {self.path} is writable"
            )

    def _give_up_at(self, end: float) -> None:
        if time.monotonic() > end:
            raise TransientError(
                f"another process has been starting the job in {self.path} for {_START_S:.0f} s; "
                f"if it hangs, end the holder of {self.path / 'lock'}"
            )

    def cancel(self, grace_s: float) -> None:
        """SIGTERM to the job's group, SIGKILL after ``grace_s``; returns when nothing of it runs.

        The launcher does both, since Airflow gives a killed task 5 s to live; this process where it is gone.

        :raises JobLost: it runs on another host
        """
        record = self.settled()
        if record is None or self._ended():
            return
        if record.host != socket.gethostname():
            raise JobLost(
                f"job {record.id} cannot be cancelled from {socket.gethostname()}: it runs on {record.host}; "
                f"end process {record.pid} there"
            )
        (self.path / "cancelled").write_text(str(grace_s))
        for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 10.0)):
            if number is signal.SIGKILL or not _tell_launcher(record):
                _signal(record, number)
            if _until(self._ended, patience_s):
                return
        raise TransientError(f"job {record.id} does not end even after SIGKILL; see process {record.pid}")

    def _ended(self) -> bool:
        return self.exit() is not None or not self.lives()


def prune(jobs: Path) -> None:
    """Remove the folders of jobs that ended two weeks ago."""
    before = time.time() - _KEPT_S
    for ended in jobs.glob("*/exit.json"):
        if ended.stat().st_mtime < before:
            shutil.rmtree(ended.parent, ignore_errors=True)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _signal(record: Record, number: signal.Signals) -> None:
    if launcher.start_ticks(record.pid) != record.start:
        return  # it ended, and its pid may be another's by now
    try:
        os.killpg(record.pid, number)
    except ProcessLookupError:
        return


def _tell_launcher(record: Record) -> bool:
    if not record.launcher or launcher.start_ticks(record.launcher) != record.launcher_start:
        return False
    try:
        os.kill(record.launcher, signal.SIGTERM)
    except ProcessLookupError:
        return False
    return True


def _until(condition: Callable[[], bool], patience_s: float) -> bool:
    end = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_S)
    return True


@contextmanager
def _secret_pipe(launch: Launch) -> Iterator[int]:
    """A pipe that holds the secrets of ``launch``, whole before anybody reads: this process may die."""
    data = json.dumps({"mask": list(launch.secrets), "store": dict(launch.store_options)}).encode()
    reading, writing = os.pipe()
    try:
        try:
            _fill(writing, data)
        finally:
            os.close(writing)
        yield reading
    finally:
        os.close(reading)


def _fill(pipe: int, data: bytes) -> None:
    os.set_blocking(pipe, False)
    try:
        if hasattr(fcntl, "F_SETPIPE_SZ") and len(data) > 65536:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, len(data))
        written = os.write(pipe, data)
    except OSError:  # over the size that this user may ask for
        written = 0
    if written < len(data):
        raise LadingError(
            f"the secrets to mask are {len(data)} bytes, more than a pipe holds; "
            "raise fs.pipe-max-size, or take large values out of masked variables"
        )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return data
