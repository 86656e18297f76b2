"""uv or pip, asked for the whole closure of a request: every package with its version and hashes."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from lading.environment import interpreter, place, tools
from lading.environment.pips import pip
from lading.environment.request import default_python

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lading.environment.request import EnvironmentRequest


@dataclass(frozen=True)
class Resolver:
    """For which interpreter packages are chosen, and how uv and pip are told so."""

    goal: str  # for people: "Python 3.12"
    markers: Mapping[str, str]  # marker environment of PEP 508
    uv: tuple[str, ...]  # options of ``uv pip compile``
    pip: Callable[[], tuple[str, ...]]  # argv of ``pip install``; sets pip up on first use
    instead: str = ""  # a cure where packages do not fit


def here(version: str, cache: Path, log: tools.Log) -> Resolver:
    """For the interpreter of this machine that has ``version``.

    :raises EnvironmentBuildError: there is none
    """
    python = interpreter.find(version)
    return Resolver(
        goal=f"Python {version}",
        markers=python.markers,
        uv=("--python", str(python.path)),
        pip=lambda: (*pip(python, cache, log), "install"),
    )


def elsewhere(where: place.Place, cache: Path, log: tools.Log) -> Resolver:
    """For an interpreter that this machine need not have; its own Python runs uv or pip."""
    own = interpreter.find(default_python())
    markers = place.markers(where)
    # pip chooses for another platform only where it is told a target; a dry run writes nothing there.
    pip_options = (*place.pip_options(where), f"--target={cache / 'tools' / 'nothing'}")
    return Resolver(
        goal=str(where),
        markers=markers,
        uv=("--python", str(own.path), *place.uv_options(where)),
        pip=lambda: (*_pip_of(markers, pip(own, cache, log)), "install", *pip_options),
        instead="put the package into the image, which is given wheels only",
    )


def pin(request: EnvironmentRequest, resolver: Resolver, log: tools.Log) -> Sequence[str]:
    """Requirement lines ``name==1.2 --hash=sha256:…`` of ``request`` and all that it needs.

    :raises EnvironmentBuildError: no set of packages satisfies the request
    """
    doing = f"resolve {', '.join(map(tools.mask, request.lines))} for {resolver.goal}"
    log(doing)
    with tempfile.TemporaryDirectory(prefix="lading-lock-") as folder:
        asked, answer = Path(folder, "requirements.in"), Path(folder, "answer")
        lines = [*request.options, *request.lines]
        if request.constraints:
            Path(folder, "constraints.txt").write_text("\n".join(request.constraints))
            lines.append(f"-c {folder}/constraints.txt")
        asked.write_text("\n".join(lines) + "\n")
        if uv := shutil.which("uv"):
            flags = ("--generate-hashes", "--no-header", "--no-annotate", "--no-python-downloads", "--quiet")
            where = (*resolver.uv, "--output-file", str(answer))
            tools.run((uv, "pip", "compile", *flags, *where, str(asked)), doing, log, resolver.instead)
            return _compiled(answer.read_text())
        flags = ("--dry-run", "--ignore-installed", "--progress-bar=off", "--report", str(answer))
        tools.run((*resolver.pip(), *flags, "-r", str(asked)), doing, log, resolver.instead)
        return [_reported(item) for item in json.loads(answer.read_text())["install"]]


#: ``--python-version`` does not reach pip's markers (pypa/pip#11010) and, in old releases, not its resolver.
_PIP = """
import json, sys
from pip._internal.cli.main import main
from pip._internal.commands.install import InstallCommand
from pip._vendor.packaging import markers
place = json.loads(sys.argv[1])
version = place["python_full_version"]
make = InstallCommand.make_resolver
def make_resolver(*args, **named):
    return make(*args, **{**named, "py_version_info": tuple(map(int, version.split(".")))})
InstallCommand.make_resolver = staticmethod(make_resolver)
markers.default_environment = lambda: dict(place)
if not markers.Marker(f"python_full_version == '{version}'").evaluate():
    sys.exit("this release of pip cannot choose packages for another Python; install uv")
sys.exit(main(sys.argv[2:]))
"""


def _pip_of(markers: Mapping[str, str], argv: tuple[str, ...]) -> tuple[str, ...]:
    """``argv`` (of ``python -m pip``) with pip in the marker environment ``markers``."""
    return (*argv[: argv.index("-m")], "-c", _PIP, json.dumps(markers))


def _compiled(text: str) -> list[str]:
    lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith(("#", "-"))]


def _reported(item: dict[str, Any]) -> str:
    """A requirement line from one entry of pip's installation report."""
    name, info = canonicalize_name(item["metadata"]["name"]), item["download_info"]
    if vcs := info.get("vcs_info"):
        return f"{name} @ {vcs['vcs']}+{info['url']}@{vcs['commit_id']}"
    pinned = f"{name} @ {info['url']}" if item["is_direct"] else f"{name}=={item['metadata']['version']}"
    sha256 = info.get("archive_info", {}).get("hashes", {}).get("sha256")
    return f"{pinned} --hash=sha256:{sha256}" if sha256 else pinned
