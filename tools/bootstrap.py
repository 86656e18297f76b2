"""Set up ``.venv`` of this checkout: the package itself (editable) and the groups given as arguments.

Quick when nothing changed: the set-up is stamped with a hash of ``pyproject.toml``, this file and the Python.
A set-up that did not finish is made anew. Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
import venv
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "lading-setup.json"
UNFINISHED = VENV / "lading-setup.unfinished"

#: Groups that may be absent: their tests are skipped then, unless LADING_REQUIRE names the group.
OPTIONAL = {"torch"}
PIP = "pip>=25.1"  # the first that knows dependency groups
HEARTBEAT_S = 10.0
SHOWN = ("...", "Building", "Preparing", "Resolved", "Prepared", "Installed", "ERROR")


@dataclass
class Setup:
    """What ``.venv`` holds."""

    key: str = ""
    groups: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)  # optional groups that could not be installed

    @classmethod
    def read(cls) -> Setup:
        """The set-up as stamped; empty where there is no readable stamp."""
        try:
            return cls(**json.loads(STAMP.read_text()))
        except (OSError, ValueError, TypeError):
            return cls()

    def has(self, key: str, groups: set[str]) -> bool:
        required = set(os.environ.get("LADING_REQUIRE", "").split(","))
        return self.key == key and groups <= set(self.groups) and not required & set(self.absent)


def current_key() -> str:
    facts = f"{sys.version}|{platform.platform()}|{Path(sys.executable).resolve()}|{ROOT}".encode()
    files = [ROOT / "pyproject.toml", Path(__file__)]
    return hashlib.sha256(b"\0".join([facts, *(path.read_bytes() for path in files)])).hexdigest()


def main(groups: set[str]) -> int:
    (ROOT / ".lading").mkdir(exist_ok=True)
    with (ROOT / ".lading" / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        key, setup = current_key(), Setup.read()
        if not UNFINISHED.exists() and PYTHON.exists() and setup.has(key, groups):
            return 0
        return install(key, groups | set(setup.groups))


def install(key: str, groups: set[str]) -> int:
    """Exit status; 0 when all that is not optional is installed and the stamp is written."""
    started = time.monotonic()
    if UNFINISHED.exists() or not same_python():
        say(f"Creating .venv with Python {platform.python_version()}")
        venv.create(VENV, clear=True, symlinks=True, with_pip=True)
    UNFINISHED.touch()
    STAMP.unlink(missing_ok=True)
    pip = [str(PYTHON), "-m", "pip", "install"]
    if status := install_required(pip, groups - OPTIONAL):
        return status
    # always by pip: its configuration may name a build for this machine that other installers do not see
    absent = [name for name in sorted(groups & OPTIONAL) if not install_optional(pip, name)]
    STAMP.write_text(json.dumps(asdict(Setup(key, sorted(groups), absent))))
    UNFINISHED.unlink()
    say(f"Set-up is complete after {time.monotonic() - started:.0f} s")
    return 0


def install_required(pip: list[str], groups: set[str]) -> int:
    """Exit status. uv is faster where it is there; pip has the last word: it may be configured apart."""
    what = ["--editable", str(ROOT), *group_arguments(groups)]
    say(f"Installing the package and its groups {', '.join(sorted(groups))}")
    if uv := shutil.which("uv"):
        if run_visibly([uv, "pip", "install", "--python", str(PYTHON), PIP, *what]) == 0:
            return 0
        say("uv could not install them; going on with pip")
    status = run_visibly([*pip, "--upgrade", PIP]) or run_visibly([*pip, *what])
    if status:
        print(f"Set-up failed: {' '.join([*pip, *what])} exited with {status}", file=sys.stderr)
        print("Cure what the lines above name, then run the same make command again", file=sys.stderr)
    return status


def same_python() -> bool:
    """Whether ``.venv`` exists, works and has the minor version of the Python that runs this file."""
    if not PYTHON.exists():
        return False
    probe = [str(PYTHON), "-I", "-c", "import pip, sys; print(*sys.version_info[:2])"]
    found = subprocess.run(probe, capture_output=True, text=True, check=False)
    return found.stdout.split() == [str(part) for part in sys.version_info[:2]]


def install_optional(pip: list[str], group: str) -> bool:
    """Whether the group is installed. A build that would draw in gigabytes of GPU libraries is left out."""
    required = group in os.environ.get("LADING_REQUIRE", "").split(",")
    plan = subprocess.run(
        [*pip, "--quiet", "--dry-run", "--report", "-", *group_arguments({group})],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if plan.returncode != 0:
        why = (plan.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
    elif not required and (heavy := re.findall(r'"name": "((?:nvidia|cuda)-[^"]+)"', plan.stdout)):
        why = f"pip finds a build with {len(heavy)} GPU libraries; LADING_REQUIRE={group} installs it still"
    else:
        status = run_visibly([*pip, *group_arguments({group})])
        why = f"pip exited with {status}"
        if status == 0:
            return True
    say(f"Left out {group}: {why}. Its tests are skipped")
    return False


def group_arguments(groups: set[str]) -> list[str]:
    return [
        argument for name in sorted(groups) for argument in ("--group", f"{ROOT / 'pyproject.toml'}:{name}")
    ]


def run_visibly(argv: list[str]) -> int:
    """Exit status. A terminal gets the installer's own progress; a pipe a line per package, or per 10 s."""
    if sys.stdout.isatty():
        return subprocess.run(argv, check=False, cwd=ROOT).returncode
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    tail: deque[str] = deque(maxlen=40)
    for line in lines_or_heartbeats(process):
        tail.append(line)
        if shown := shorten(line):
            say(f"  {shown}")
    if status := process.wait():
        print("\n".join(tail), file=sys.stderr)
        return status
    return 0


def lines_or_heartbeats(process: subprocess.Popen[str]) -> Iterator[str]:
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line.rstrip())
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    started = time.monotonic()
    while True:
        try:
            line = lines.get(timeout=HEARTBEAT_S)
        except queue.Empty:
            line = f"... {time.monotonic() - started:.0f} s"
        if line is None:
            return
        yield line


def shorten(line: str) -> str:
    """What a person wants to see of an installer's line; empty for the rest."""
    if line.startswith("Installing collected packages: "):
        return f"installing {line.count(',') + 1} packages"
    if line.startswith("Collecting "):
        return line.removeprefix("Collecting ").split(" (from ")[0]
    return line if line.startswith(SHOWN) else ""


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(set(sys.argv[1:])))
