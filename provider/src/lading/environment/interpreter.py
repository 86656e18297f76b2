"""CPythons on this machine, found without installing any."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lading.environment.request import EnvironmentRequest, default_python, python_allowed
from lading.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROBE = """
import json, os, platform, sys
i = sys.implementation
v = "{0.major}.{0.minor}.{0.micro}".format(i.version)
if i.version.releaselevel != "final": v += i.version.releaselevel[0] + str(i.version.serial)
print(json.dumps({"executable": sys.executable, "markers": {
 "implementation_name": i.name, "implementation_version": v, "os_name": os.name,
 "platform_machine": platform.machine(), "platform_python_implementation": platform.python_implementation(),
 "platform_release": platform.release(), "platform_system": platform.system(),
 "platform_version": platform.version(), "python_full_version": platform.python_version(),
 "python_version": ".".join(platform.python_version_tuple()[:2]), "sys_platform": sys.platform,
 "extra": ""}}))
"""


@dataclass(frozen=True)
class Interpreter:
    path: Path  # outside any virtual environment of ours
    markers: dict[str, str]  # marker environment of PEP 508

    @property
    def version(self) -> str:
        return self.markers["python_version"]


def choose_version(request: EnvironmentRequest) -> str:
    """``X.Y`` for ``request``: as asked, else this process's own, else the newest here that is allowed.

    :raises EnvironmentBuildError: nothing on this machine satisfies ``requires-python``
    """
    wanted = request.python or default_python()
    if request.python or python_allowed(request, wanted):
        return wanted
    here = available()
    for version in sorted(here, key=_numbers, reverse=True):
        if python_allowed(request, version):
            return version
    raise EnvironmentBuildError(
        f"no Python on this machine satisfies requires-python {', '.join(request.requires_python)}; "
        f"there is {_listed(here)}; install one that does"
    )


def find(version: str) -> Interpreter:
    """An interpreter of ``version`` (``"3.12"``).

    :raises EnvironmentBuildError: none, with what was looked for, where, and what is there
    """
    for path in _places(version):
        found = probe(path)
        if found is not None and found.version == version:
            return found
    raise EnvironmentBuildError(
        f"Python {version} is not on this machine: looked for python{version} on PATH, in {_pyenv()} and "
        f"{'by uv' if shutil.which('uv') else 'not by uv, which is not installed'}; there is "
        f"{_listed(available())}; install Python {version} on every worker, or ask for one of these"
    )


def available() -> dict[str, Path]:
    """Interpreters from 3.9 up by ``X.Y``."""
    found = {}
    for minor in range(9, 20):
        version = f"3.{minor}"
        for path in _places(version, ask_uv=False):
            interpreter = probe(path)
            if interpreter is not None and interpreter.version == version:
                found[version] = interpreter.path
                break
    return found


@cache
def probe(path: Path) -> Interpreter | None:
    """What ``path`` says of itself; None: no working CPython (a shim of an inactive version, say)."""
    argv = (str(path), "-I", "-S", "-c", _PROBE)
    try:
        run = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)  # noqa: S603  # own argv
        said = json.loads(run.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if said["markers"]["implementation_name"] != "cpython":
        return None
    return Interpreter(Path(said["executable"]), said["markers"])


def _places(version: str, ask_uv: bool = True) -> Iterator[Path]:
    own = Path(sys.base_prefix) / "bin" / f"python{version}"
    if own.exists():
        yield own
    for folder in os.get_exec_path():
        path = Path(folder) / f"python{version}"
        if path.is_file():
            yield path
    installed = _pyenv().glob(f"{version}.*/bin/python{version}")
    yield from sorted(installed, key=lambda path: _numbers(path.parts[-3]), reverse=True)
    if ask_uv and (uv := shutil.which("uv")):
        argv = (uv, "python", "find", "--no-python-downloads", "--system", version)
        run = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603  # own argv
        if run.returncode == 0:
            yield Path(run.stdout.strip())


def _pyenv() -> Path:
    return Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"


def _numbers(version: str) -> list[int]:
    return [int(part) if part.isdigit() else -1 for part in version.split(".")]


def _listed(found: dict[str, Path]) -> str:
    return ", ".join(f"{version} ({path})" for version, path in found.items()) or "none"
