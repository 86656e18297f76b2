"""Pips that belong to nobody else: one for each interpreter, in an environment of its own."""

from __future__ import annotations

import hashlib
import re
import shutil
from typing import TYPE_CHECKING

from lading.environment import tools
from lading.environment.mutex import exclusive
from lading.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from pathlib import Path

    from lading.environment.interpreter import Interpreter


def pip(python: Interpreter, cache: Path, log: tools.Log) -> tuple[str, ...]:
    """argv of a pip that runs on ``python``, in an environment of its own, made once."""
    key = hashlib.sha256(str(python.path).encode()).hexdigest()[:12]
    folder = cache / "tools" / f"pip-{python.version}-{key}"
    argv = (str(folder / "bin" / "python"), "-I", "-m", "pip")
    done = folder / ".complete"
    if done.exists():
        return argv
    with exclusive(
        folder.with_suffix(".lock"), lambda s: log(f"another process sets up pip; waiting ({s:.0f} s)")
    ):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            log(f"set up pip for Python {python.version}")
            tools.run((str(python.path), "-I", "-m", "venv", str(folder)), "set up pip", log)
            _require_report(argv, log)
            done.touch()
    return argv


def _require_report(argv: tuple[str, ...], log: tools.Log) -> None:
    said: list[str] = []
    tools.run((*argv, "--version"), "ask pip for its version", said.append)
    found = re.match(r"pip (\d+)\.(\d+)", said[-1] if said else "")
    if found is None or (int(found[1]), int(found[2])) >= (22, 3):
        return
    try:
        tools.run((*argv, "install", "--upgrade", "pip>=22.3"), "upgrade pip", log)
    except EnvironmentBuildError as e:
        raise EnvironmentBuildError(f"pip {found[0][4:]} is too old, 22.3 is needed; install uv. {e}") from e
