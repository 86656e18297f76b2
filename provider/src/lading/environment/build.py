"""Environments on disk: built once per lock, complete or not there at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from lading.environment import interpreter, tools
from lading.environment.locking import Lock, write_private
from lading.environment.mutex import exclusive
from lading.environment.pips import pip
from lading_runner.failpoints import failpoint

_MARKER = "lading.json"  # written last: a folder without it is half-built


def default_cache() -> Path:
    """Where environments are kept unless configured; ``[lading] environments`` has the same default."""
    return Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "lading-environments"


def folder_of(lock: Lock, cache: Path) -> Path:
    return cache / lock.digest.removeprefix("sha256:")


def ensure(lock: Lock, cache: Path, log: tools.Log) -> Path:
    """The Python interpreter of the environment that ``lock`` describes, built in ``cache`` on first use.

    Milliseconds when it is there. Any number of processes may ask at once: one builds, the others wait. It is
    built in its final place, since its scripts name that place, and counts only once its marker is written.

    :raises EnvironmentBuildError: a package cannot be installed, or the Python is not there
    """
    folder = folder_of(lock, cache)
    if _complete(folder):
        return _python(folder)
    waiting = f"another process builds environment {folder.name[:12]}; waiting"
    with exclusive(cache / "locks" / f"{folder.name}.build", lambda s: log(f"{waiting} ({s:.0f} s)")):
        if not _complete(folder):
            _build(lock, folder, cache, log)
    return _python(folder)


def _complete(folder: Path) -> bool:
    # The interpreter is a link: an environment whose Python was uninstalled is built anew.
    return (folder / _MARKER).is_file() and _python(folder).exists()


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _build(lock: Lock, folder: Path, cache: Path, log: tools.Log) -> None:
    started = time.monotonic()
    python = interpreter.find(lock.python)
    if folder.exists():
        log(f"throw away the half-built environment {folder.name[:12]}")
        shutil.rmtree(folder)
    log(f"build environment {folder.name[:12]}: Python {lock.python}, {len(lock.lines)} packages")
    _create(python, folder, log)
    failpoint("environment.created")
    if lock.lines:
        _install(lock, python, folder, cache, log)
    failpoint("environment.installed")
    facts = {
        "digest": lock.digest,
        "python": lock.python,
        "platform": lock.platform,
        "lines": list(lock.lines),
    }
    write_private(folder / _MARKER, json.dumps(facts, indent=1, sort_keys=True).encode())
    log(f"environment {folder.name[:12]} is ready ({time.monotonic() - started:.1f} s)")


def _create(python: interpreter.Interpreter, folder: Path, log: tools.Log) -> None:
    doing = f"create a virtual environment of Python {python.version} in {folder}"
    if uv := shutil.which("uv"):
        tools.run(
            (uv, "venv", "--quiet", "--no-project", "--python", str(python.path), str(folder)), doing, log
        )
    else:
        tools.run((str(python.path), "-I", "-m", "venv", "--without-pip", str(folder)), doing, log)


def _install(lock: Lock, python: interpreter.Interpreter, folder: Path, cache: Path, log: tools.Log) -> None:
    doing = f"install {len(lock.lines)} packages for Python {lock.python}"
    # Both tools check the hashes as soon as a line has one.
    with tempfile.NamedTemporaryFile("w", prefix="lading-lock-", suffix=".txt") as file:
        file.write(lock.text())
        file.flush()
        if uv := shutil.which("uv"):
            target = ("--python", str(_python(folder)))
            tools.run((uv, "pip", "sync", *target, file.name), doing, log)
        else:
            tool = (*pip(python, cache, log), "--python", str(_python(folder)), "install")
            flags = ("--no-deps", "--no-compile", "--no-warn-script-location", "--progress-bar=off")
            tools.run((*tool, *flags, "-r", file.name), doing, log)
