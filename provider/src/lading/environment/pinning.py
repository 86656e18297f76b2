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

from lading.environment import interpreter, tools
from lading.environment.pips import pip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lading.environment.request import EnvironmentRequest


@dataclass(frozen=True)
class Resolver:
    """For which interpreter packages are chosen, and how uv and pip are told so."""

    goal: str  # "Python 3.12", for people
    markers: Mapping[str, str]  # marker environment of PEP 508
    uv: tuple[str, ...]  # options of ``uv pip compile``
    pip: Callable[[], tuple[str, ...]]  # argv of ``pip install``; sets pip up on first use


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
            tools.run((uv, "pip", "compile", *flags, *where, str(asked)), doing, log)
            return _compiled(answer.read_text())
        flags = ("--dry-run", "--ignore-installed", "--progress-bar=off", "--report", str(answer))
        tools.run((*resolver.pip(), *flags, "-r", str(asked)), doing, log)
        return [_reported(item) for item in json.loads(answer.read_text())["install"]]


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
