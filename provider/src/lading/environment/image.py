"""The Python of an image that only an engine or a cluster can start: asked once, then known."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from lading.environment.locking import write_private
from lading.environment.mutex import exclusive
from lading.environment.place import Place
from lading.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lading.environment.tools import Log

#: A program for ``python -I -c``, whose last line ``told`` reads.
PROBE = "import sys, sysconfig; print('%d.%d' % sys.version_info[:2], sysconfig.get_platform())"

_PIP = {
    "PIP_INDEX_URL": "index-url",
    "PIP_EXTRA_INDEX_URL": "extra-index-url",
    "PIP_TRUSTED_HOST": "trusted-host",
}


def told(said: str | None, exit_code: int | None) -> Place:
    """:raises ConfigError: ``PROBE`` did not run, or told of a Python that packages cannot be locked for"""
    if exit_code != 0 or len(words := (said or "").split()) != 2:
        raise ConfigError(
            f"the image of the step does not tell which Python it has ({said or f'exit code {exit_code}'}); "
            f"use an image with Python 3.9 or later, or name its Python in the target's interpreter"
        )
    return Place(*words)


def place_of(
    key: str, ask: Callable[[], Place], cache: Path, log: Log, fresh_s: float | None = None
) -> Place:
    """What ``ask`` gives, asked once per ``key`` and machine; after ``fresh_s`` seconds it is asked anew."""
    path = _path(cache, key)
    if (known := _known(path, fresh_s)) is not None:
        return known
    with exclusive(
        path.with_suffix(".lock"), lambda s: log(f"another process asks this image; waiting ({s:.0f} s)")
    ):
        if (known := _known(path, fresh_s)) is not None:
            return known
        place = ask()
        write_private(path, json.dumps(asdict(place)).encode())
    return place


def forget(key: str, cache: Path) -> None:
    """Ask the next time."""
    _path(cache, key).unlink(missing_ok=True)


def pip_conf() -> bytes:
    """Where the worker's own pip looks, for the one in an image; a file, since it may hold a password."""
    given = {key: os.environ[name] for name, key in _PIP.items() if os.environ.get(name)}
    lines = [f"{key} = {' '.join(value.split())}" for key, value in given.items()]
    return "\n".join(["[global]", *lines, ""]).encode()


def _path(cache: Path, key: str) -> Path:
    return cache / "images" / f"{key}.json"


def _known(path: Path, fresh_s: float | None) -> Place | None:
    try:
        if fresh_s is not None and time.time() - path.stat().st_mtime > fresh_s:
            return None
        return Place(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
