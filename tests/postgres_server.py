"""A PostgreSQL server of the tests' own: a new cluster on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lading_testkit import require_service

if TYPE_CHECKING:
    from collections.abc import Iterator

_PASSWORD = "lading-tests"


def binaries() -> Path | None:
    """The folder of ``initdb`` and ``postgres``, newest release; Debian keeps them off the PATH."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    return debian[-1].parent if debian else None


@contextmanager
def server() -> Iterator[str]:
    """URL of its database ``postgres``, for SQLAlchemy; skips, or fails where it is required, if absent."""
    found = binaries()
    require_service("postgresql", found is not None, "no initdb on the PATH or in /usr/lib/postgresql")
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="lading-postgresql-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    password = folder / "password"
    password.write_text(_PASSWORD)
    for path in (folder, password):
        shutil.chown(path, _user())
    data = folder / "data"
    try:
        init = ["--username=lading", "--auth=scram-sha-256", f"--pwfile={password}", "--no-sync"]
        _run(found / "initdb", f"--pgdata={data}", *init, "--encoding=UTF8", "--locale=C.UTF-8")
        options = f"-p {port} -h 127.0.0.1 -k '' -c fsync=off -c max_connections=200"
        _run(found / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-o", options, "start")
        try:
            yield f"postgresql+psycopg2://lading:{_PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            _run(found / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(*argv: object) -> None:
    words = [str(word) for word in argv]
    if os.geteuid() == 0:
        words = ["runuser", "-u", _user(), "--", *words]
    done = subprocess.run(words, capture_output=True, text=True, cwd="/", check=False, timeout=120)
    if done.returncode:
        pytest.fail(f"{' '.join(words)} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}", pytrace=False)
