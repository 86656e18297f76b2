"""The compute of a fake run: a process of this machine, in a group of its own, with the run's packages."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes.databricks.files import Files

_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PIP_CACHE_DIR", "UV_CACHE_DIR", "JAVA_HOME")


class InstallError(Exception):
    """The packages cannot be installed."""


@dataclass
class Done:
    code: int
    logs: str
    trace: str


@dataclass
class Compute:
    """One run's. ``on_line`` hears what the process prints, at once."""

    files: Files
    folder: Path
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    _ended: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def install(self, task: dict[str, Any], environment: dict[str, Any]) -> Path | None:
        """The folder of the packages; None: there are none to install."""
        lines = list(environment.get("dependencies") or [])
        for library in task.get("libraries") or []:
            if "requirements" in library:
                lines += self.files.place(library["requirements"]).read_text().splitlines()
            elif "pypi" in library:
                lines.append(library["pypi"]["package"])
        if not lines:
            return None
        place = self.folder / "packages" / hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
        if not place.exists():
            listed = self.folder / f"{place.name}.txt"
            listed.write_text("\n".join(lines) + "\n")
            argv = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", sys.executable]
            done = subprocess.run(
                [*argv, "--target", str(place), "-r", str(listed)],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise InstallError(done.stderr.strip())
        return place

    def run(
        self, task: dict[str, Any], packages: Path | None, run_id: int, on_line: Callable[[str], None]
    ) -> Done:
        python = task["spark_python_task"]
        script = self.files.place(python["python_file"])
        given = [str(one).replace("{{job.run_id}}", str(run_id)) for one in python.get("parameters") or []]
        env = {name: os.environ[name] for name in _KEPT if name in os.environ} | self.env
        env |= {name: str(v) for name, v in (task.get("new_cluster") or {}).get("spark_env_vars", {}).items()}
        env["PYTHONPATH"] = str(packages) if packages else ""
        trace = self.folder / f"stderr-{run_id}"
        with trace.open("wb") as stderr, self._lock:
            if self._ended:
                return Done(-signal.SIGTERM, "", "")
            self.process = subprocess.Popen(
                [sys.executable, str(script), *given],
                env=env,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        lines = []
        assert self.process.stdout is not None
        with self.process.stdout as printed:
            for raw in printed:
                lines.append(raw.decode(errors="replace"))
                on_line(lines[-1])
        return Done(self.process.wait(), "".join(lines), trace.read_text())

    def end(self, number: int = signal.SIGTERM) -> None:
        """The whole group, as the end of a cluster takes all that runs there; SIGKILL comes behind it."""
        with self._lock:
            self._ended = True
            if self.process is None:
                return
            self._signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self._signal(signal.SIGKILL)

    def kill_child(self) -> None:
        """The youngest process of the group alone, as a kernel short of memory does."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)

    def _signal(self, number: int) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
