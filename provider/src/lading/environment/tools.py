"""uv or pip, run so that somebody can follow: every line at once, secrets masked, the end of it kept."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from lading.environment.diagnosis import explain
from lading.errors import EnvironmentBuildError

Log = Callable[[str], None]

_SILENCE_S = 15.0
_KEPT_LINES = 200
_CREDENTIALS = re.compile(r"(://)[^/\s@]+@")
#: What pip reads and uv does not: a deployment that configured its index for pip has it with uv, too.
_UV_NAMES = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_CERT": "SSL_CERT_FILE",
}


def mask(text: str) -> str:
    """``text`` with the user and password of every URL hidden."""
    return _CREDENTIALS.sub(r"\1***@", text)


def run(argv: Sequence[str], doing: str, log: Log, instead: str = "") -> None:
    """Run a tool to its end; ``log`` gets its lines as they come, and a sign of life when none do.

    ``doing`` says for people what it is for: ``"install 12 packages"``, and ``instead`` what else they may do
    where packages do not fit.

    :raises EnvironmentBuildError: it failed, with the requirement at fault where its words name one
    """
    tail: deque[str] = deque(maxlen=_KEPT_LINES)
    try:
        process = subprocess.Popen(  # noqa: S603  # argv is ours
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
        )
    except OSError as e:
        raise EnvironmentBuildError(
            f"cannot {doing}: {argv[0]} does not start ({e.strerror}); repair or remove it"
        ) from e
    assert process.stdout is not None  # noqa: S101  # PIPE was asked for
    try:
        for line in _lines(process.stdout, doing):
            tail.append(line)
            log(line)
        code = process.wait()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    if code != 0:
        raise EnvironmentBuildError(explain(doing, code, list(tail), instead))


def _lines(stream: IO[bytes], doing: str) -> Iterator[str]:
    started = time.monotonic()
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if not selector.select(_SILENCE_S):
                yield f"still busy: {doing} ({time.monotonic() - started:.0f} s)"
                continue
            chunk = os.read(stream.fileno(), 65536)
            *whole, rest = (rest + chunk).split(b"\n")
            yield from filter(None, (_clean(line) for line in whole))
            if not chunk:
                yield from filter(None, [_clean(rest)])
                return


def _clean(line: bytes) -> str:
    return mask(line.decode(errors="replace").rstrip())


def _environment() -> dict[str, str]:
    """This process's, without what would bend a tool towards the worker's own environment."""
    bent = ("VIRTUAL_ENV", "CONDA_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
    env = {k: v for k, v in os.environ.items() if k not in bent and not k.startswith("PYTHON")}
    for pip_name, uv_name in _UV_NAMES.items():
        if pip_name in env:
            env.setdefault(uv_name, env[pip_name])
    return env | {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_COLOR": "1"}
