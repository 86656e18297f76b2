"""Installs locked packages inside an image: ``python -I install.py <lock file> <folder>``.

This file runs alone, by the standard library of any CPython from 3.9 up. The lock file is a requirements file
whose first line says for whom it is: ``# lading lock: python 3.12 platform linux-x86_64 digest sha256:…``.
Nothing but the folder's parent needs to be writable. The folder is there as a whole or not at all, and any
number of processes may fill it at once: the first one's stays.

Exit codes, as in ``lading_runner.errors``: 64 the call or the lock file is not understood; 65 this image
cannot have these packages; 75 the package index or the disk failed, and another try may succeed; 143 after
SIGTERM.
"""

from __future__ import annotations

import configparser
import importlib.util
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Deque, Dict, List, Optional, Sequence, Tuple

USAGE = "usage: python -I install.py <lock file> <folder>"

_HEADER = re.compile(r"# lading lock: python (\S+) platform (\S+) digest (\S+)")
_MARKER = ".lading-lock"  # in the folder, with the first line of its lock
_OLD_S = 24 * 3600.0
_CREDENTIALS = re.compile(r"(://)[^/\s@]+@")
_PASSING = re.compile(
    r"Temporary failure in name resolution|Failed to establish a new connection|Connection refused|dns error"
    r"|error sending request|Network is unreachable|timed out|No space left on device|50[234] Server Error"
)
#: Why a tool failed, the first that matches: a group of the pattern is the requirement at fault.
_FAULTS = (
    (
        r"DO NOT MATCH THE HASHES[^\n]*\n\s*(\S+) from |Hash mismatch for `?([^\s`]+)",
        "the index has other bytes of {} than the lock says; find out who changed them before you use them, "
        "then name another version",
    ),
    (
        r"No matching distribution found for (\S+)"
        r"|Because (?:there (?:is|are) no versions? of )?([\w.\-]+\S*)"
        r" (?:was not found|and you require|ha(?:s|ve) no)",
        "the index has no {} that fits {python} on {platform}; let the job reach the worker's index, choose "
        "another version, or put the package into the image",
    ),
)
#: What pip reads and uv does not: an image that configured its index for pip has it with uv, too.
_UV_NAMES = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_CERT": "SSL_CERT_FILE",
}
#: What would send packages elsewhere.
_BENT = ("PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PIP_ROOT", "PIP_TARGET", "PIP_USER")


class Refused(Exception):
    """``str()`` is one sentence for people: what failed, what was expected, what to do."""

    def __init__(self, message: str, exit_code: int = 65) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Lock:
    path: Path
    header: str
    python: str
    platform: str
    packages: int
    hashed: bool


def main(argv: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, _stop)  # which means nothing to a container's first process
    try:
        if len(argv) != 2:
            raise Refused(f"arguments {list(argv)!r} are not understood; {USAGE}", 64)
        install(read(Path(argv[0]).absolute()), Path(argv[1]).absolute())
    except Refused as e:
        _say(str(e))
        return e.exit_code
    return 0


def _stop(number: int, frame: object) -> None:
    sys.exit(128 + number)


def read(path: Path) -> Lock:
    """:raises Refused: there is no such file, or it does not begin as a lock does"""
    try:
        first, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
    except (OSError, UnicodeDecodeError) as e:
        raise Refused(f"lock file {path} cannot be read ({e}); mount what the worker wrote", 64) from e
    found = _HEADER.fullmatch(first.strip())
    if found is None:
        raise Refused(
            f"{path} does not begin with '# lading lock: python … platform … digest …'; "
            "give the file that the worker wrote",
            64,
        )
    pinned = [line for line in lines if line.strip() and not line.startswith(("#", "-"))]
    hashed = any(" --hash=" in line for line in pinned)
    return Lock(path, found[0], found[1], found[2], len(pinned), hashed)


def install(lock: Lock, folder: Path) -> None:
    """:raises Refused: wrong Python or platform, no installer, or it failed; ``folder`` is as it was"""
    _check_interpreter(lock)
    if _complete(lock, folder):
        _say(f"{folder} has the {lock.packages} packages already")
        return
    started = time.monotonic()
    work = _work_folder(folder)
    try:
        packages = work / "packages"
        packages.mkdir()
        if lock.packages:
            _fill(lock, packages, work)
        (packages / _MARKER).write_text(lock.header + "\n", encoding="utf-8")
        _publish(lock, packages, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    _say(f"{lock.packages} packages are in {folder} ({time.monotonic() - started:.1f} s)")


def _check_interpreter(lock: Lock) -> None:
    python, machine = "{}.{}".format(*sys.version_info[:2]), sysconfig.get_platform()
    if (python, machine) == (lock.python, lock.platform):
        return
    cure = f"set python={python!r} of the step or its target, or choose an image with Python {lock.python}"
    if machine != lock.platform:
        cure = (
            f"choose an image and a node for {lock.platform}, or set the platform of the target to {machine}"
        )
    raise Refused(
        f"this image has Python {python} on {machine} ({sys.executable}), but the packages were chosen for "
        f"Python {lock.python} on {lock.platform}; {cure}"
    )


def _complete(lock: Lock, folder: Path) -> bool:
    try:
        return (folder / _MARKER).read_text(encoding="utf-8").strip() == lock.header
    except FileNotFoundError:
        return False
    except OSError as e:
        raise Refused(f"{folder} cannot be read ({e}); name a folder that this user may read") from e


def _work_folder(folder: Path) -> Path:
    """A new one beside ``folder``; those that killed processes left a day ago or earlier are removed."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Refused(
                f"{folder} holds something else than these packages; name a folder that is not there"
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        for old in folder.parent.glob(f"{folder.name}.part-*"):
            if time.time() - old.stat().st_mtime > _OLD_S:
                shutil.rmtree(old, ignore_errors=True)
        # Two containers on one volume may well have the same process id.
        return Path(tempfile.mkdtemp(prefix=f"{folder.name}.part-{os.getpid()}-", dir=folder.parent))
    except OSError as e:
        raise Refused(
            f"{folder.parent} cannot be written ({e.strerror}); "
            "mount a writable volume there, or name another folder"
        ) from e


def _publish(lock: Lock, packages: Path, folder: Path) -> None:
    try:
        packages.rename(folder)
    except OSError as e:
        if not _complete(lock, folder):
            raise Refused(
                f"{folder} cannot take the packages ({e.strerror}); "
                "name a folder that is not there, on the same volume as its parent"
            ) from e
        _say(f"another process was faster: its {folder} stays")


def _fill(lock: Lock, packages: Path, work: Path) -> None:
    tool, argv = _installer(lock, work)
    hashes = ("--require-hashes",) if lock.hashed else ()
    _say(f"install {lock.packages} packages for Python {lock.python} with {tool}")
    code, said = _run(
        (*argv, "--target", str(packages), "--no-deps", *hashes, "-r", str(lock.path)), lock, work
    )
    if code == 0:
        return
    failed = f"{tool} cannot install the {lock.packages} packages (exit code {code}; its words are above)"
    if _PASSING.search(said):
        raise Refused(
            f"{failed}: the package index does not answer or the disk is full; "
            "check the network of the job, the index URL (PIP_INDEX_URL) and the size of the volume",
            75,
        )
    if fault := _fault(said, lock):
        raise Refused(f"{failed}: {fault}")
    other = "" if platform.libc_ver()[0] == "glibc" else "; this image has no glibc, which most wheels need"
    raise Refused(
        f"{failed}{other}; expected each at the index, for Python {lock.python} on {lock.platform}; "
        "let the job reach the worker's index, choose other versions, or put the packages into the image"
    )


def _fault(said: str, lock: Lock) -> str:
    """What is wrong and the cure; empty where the tool's words say neither."""
    for pattern, words in _FAULTS:
        if found := re.search(pattern, said):
            name = next(filter(None, found.groups())).rstrip(",")
            return words.format(name, python=f"Python {lock.python}", platform=lock.platform)
    return ""


def _installer(lock: Lock, work: Path) -> Tuple[str, Tuple[str, ...]]:
    """Its name, and its argv up to the options that both have."""
    if uv := shutil.which("uv"):
        return "uv", (uv, "pip", "install", "--python", sys.executable)
    flags = ("install", "--no-compile", "--no-warn-script-location", "--progress-bar=off")
    if importlib.util.find_spec("pip") is not None:
        return "pip", (sys.executable, "-I", "-m", "pip", *flags)
    if importlib.util.find_spec("ensurepip") is not None:
        _say("this Python has no pip: unpack the one that comes with it")
        root = work / "pip"
        _run((sys.executable, "-I", "-m", "ensurepip", "--root", str(root)), lock, work)
        for program in root.rglob("pip/__main__.py"):
            return "pip", (sys.executable, "-I", str(program.parent), *flags)
    raise Refused(
        f"this image has no installer: looked for uv on PATH, pip and ensurepip of {sys.executable}; "
        "use an image that has pip or uv, or put the packages into the image and leave requirements= out"
    )


def _run(argv: Sequence[str], lock: Lock, work: Path) -> Tuple[int, str]:
    """Exit code and last lines."""
    tail: Deque[str] = deque(maxlen=200)
    process = subprocess.Popen(  # noqa: S603  # argv is ours
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(lock, work),
        cwd=str(work),  # no pyproject.toml of the image is taken for configuration
    )
    assert process.stdout is not None  # noqa: S101  # PIPE was asked for
    try:
        for raw in process.stdout:
            line = _CREDENTIALS.sub(r"\1***@", raw.decode(errors="replace").rstrip())
            tail.append(line)
            _say(line)
    except BaseException:
        process.kill()
        raise
    return process.wait(), "\n".join(tail)


def _environment(lock: Lock, work: Path) -> Dict[str, str]:
    env = {k: v for k, v in os.environ.items() if k not in _BENT and not k.startswith("PYTHON")}
    for name, value in _pip_settings(env.get("PIP_CONFIG_FILE")):
        env.setdefault(name, value)
    for pip_name, uv_name in _UV_NAMES.items():
        if pip_name in env:
            env.setdefault(uv_name, env[pip_name])
    for tool in ("PIP", "UV"):
        if f"{tool}_CACHE_DIR" not in env:
            env[f"{tool}_NO_CACHE{'_DIR' if tool == 'PIP' else ''}"] = "1"  # it would die with the container
    if lock.hashed:
        # uv stops at the first index that knows a name, pip looks at all; hashes make both safe.
        env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return {
        **env,
        "TMPDIR": str(work),  # /tmp may be small, and pip moves what it unpacks there
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "NO_COLOR": "1",
    }


def _pip_settings(file: Optional[str]) -> List[Tuple[str, str]]:
    """By the names of pip's variables, what its configuration says where packages are."""
    config = configparser.RawConfigParser()
    if file is None or not config.read(file) or not config.has_section("global"):
        return []
    named = [("PIP_" + key.upper().replace("-", "_"), value) for key, value in config.items("global")]
    return [(name, value) for name, value in named if name in _UV_NAMES]


def _say(line: str) -> None:
    sys.stdout.write(f"lading: {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
