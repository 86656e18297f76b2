"""From a request to a lock: every package, transitively, pinned and hashed, for one Python and platform."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sysconfig
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from lading.environment import interpreter, tools
from lading.environment.mutex import exclusive
from lading.errors import EnvironmentBuildError
from lading_runner.contract import Digest, canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lading.environment.request import EnvironmentRequest


@dataclass(frozen=True)
class Lock:
    lines: tuple[str, ...]  # "name==1.2 --hash=sha256:…", sorted, no markers
    python: str  # "3.12"
    platform: str  # "linux-x86_64"
    options: tuple[str, ...] = ()  # where packages are; not part of what they are

    @property
    def digest(self) -> Digest:
        parts = [list(self.lines), self.python, self.platform]
        return Digest("sha256:" + hashlib.sha256(canonical_json(parts)).hexdigest())


def lock(request: EnvironmentRequest, cache: Path, log: tools.Log) -> Lock:
    """The lock of ``request``, resolved once per request, Python and platform, then read from ``cache``.

    :raises EnvironmentBuildError: no such Python, or no set of packages satisfies the request
    """
    version = interpreter.choose_version(request)
    path = cache / "locks" / f"{_key(request, version)}.json"
    if (known := _load(path)) is not None:
        return known
    with exclusive(
        path.with_suffix(".lock"), lambda s: log(f"another process resolves this; waiting ({s:.0f} s)")
    ):
        if (known := _load(path)) is not None:
            return known
        made = _make(request, version, cache, log)
        write_private(path, json.dumps(asdict(made), indent=1, sort_keys=True).encode())
    return made


def write_private(path: Path, data: bytes) -> None:
    """Replace ``path`` as a whole; only this user can read it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(name).replace(path)


def _key(request: EnvironmentRequest, version: str) -> str:
    parts = [request.digest, version, sysconfig.get_platform()]
    return hashlib.sha256(canonical_json(parts)).hexdigest()


def _load(path: Path) -> Lock | None:
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return Lock(tuple(data["lines"]), data["python"], data["platform"], tuple(data["options"]))


def _make(request: EnvironmentRequest, version: str, cache: Path, log: tools.Log) -> Lock:
    if not request.lines:
        return Lock((), version, sysconfig.get_platform())
    python = interpreter.find(version)
    if request.locked:
        lines: Sequence[str] = request.lines
    else:
        log(f"resolve {', '.join(map(tools.mask, request.lines))} for Python {version}")
        lines = _pin(request, python, cache, log)
    applying = sorted(filter(None, (_apply(line, python.markers) for line in lines)))
    return Lock(_hashed_or_not(applying), version, sysconfig.get_platform(), request.options)


def _apply(line: str, markers: dict[str, str]) -> str | None:
    """``line`` without its marker; None where the marker does not hold."""
    found = re.fullmatch(r"([^;]*[^;\s]) ?; ([^;]*?)((?: --hash=\S+)*)", line)
    if found is None:
        return line
    return found[1] + found[3] if Marker(found[2]).evaluate(markers) else None


def _hashed_or_not(lines: Sequence[str]) -> tuple[str, ...]:
    """Hashes on every line or on none: pip and uv refuse the mixture, and a git commit has no hash."""
    if all("--hash=" in line for line in lines):
        return tuple(lines)
    return tuple(line.partition(" --hash=")[0] for line in lines)


def _pin(
    request: EnvironmentRequest, python: interpreter.Interpreter, cache: Path, log: tools.Log
) -> Sequence[str]:
    doing = f"resolve {', '.join(tools.mask(line) for line in request.lines)} for Python {python.version}"
    with tempfile.TemporaryDirectory(prefix="lading-lock-") as folder:
        asked, answer = Path(folder, "requirements.in"), Path(folder, "answer")
        lines = [*request.options, *request.lines]
        if request.constraints:
            Path(folder, "constraints.txt").write_text("\n".join(request.constraints))
            lines.append(f"-c {folder}/constraints.txt")
        asked.write_text("\n".join(lines) + "\n")
        if uv := shutil.which("uv"):
            flags = ("--generate-hashes", "--no-header", "--no-annotate", "--no-python-downloads", "--quiet")
            where = ("--python", str(python.path), "--output-file", str(answer))
            tools.run((uv, "pip", "compile", *flags, *where, str(asked)), doing, log)
            return _compiled(answer.read_text())
        flags = ("--dry-run", "--ignore-installed", "--progress-bar=off", "--report", str(answer))
        tools.run((*pip(python, cache, log), "install", *flags, "-r", str(asked)), doing, log)
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


def pip(python: interpreter.Interpreter, cache: Path, log: tools.Log) -> tuple[str, ...]:
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
