"""One process at a time, by a lock that dies with its holder."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_POLL_S = 0.1
_SAY_EVERY_S = 15.0


@contextmanager
def exclusive(path: Path, waiting: Callable[[float], None]) -> Iterator[None]:
    """Hold the lock file ``path``; ``waiting(seconds)`` is called now and then while another process has it.

    The file stays: to remove it would let two processes hold two files of one name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(file, waiting)
        yield
    finally:
        os.close(file)


def _acquire(file: int, waiting: Callable[[float], None]) -> None:
    started = time.monotonic()
    said = -_SAY_EVERY_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waited = time.monotonic() - started
            if waited - said >= _SAY_EVERY_S:
                said = waited
                waiting(waited)
            time.sleep(_POLL_S)
