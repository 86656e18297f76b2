"""Temporary folders for files that a value is read into; gone when the process exits."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Dict

_roots: Dict[int, str] = {}  # by process: a forked child must not remove its parent's


def new_folder() -> Path:
    """A new, empty folder that nobody else can read."""
    process = os.getpid()
    if process not in _roots:
        _roots[process] = tempfile.mkdtemp(prefix="lading-values-")
        atexit.register(_remove, process)
    return Path(tempfile.mkdtemp(dir=_roots[process]))


def _remove(process: int) -> None:
    if process == os.getpid():
        shutil.rmtree(_roots.pop(process), ignore_errors=True)
