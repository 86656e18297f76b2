"""A machine with little memory: of the processes given, the ones that hold more than a limit are struck."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_LOOK_S = 0.02


@contextmanager
def limited(
    mib: int, running: Callable[[], Mapping[str, int]], strike: Callable[[str], None]
) -> Iterator[list[str]]:
    """``running``: ids of the first processes of jobs, by job; ``strike`` is called once for a job that, with
    its descendants, is above. Gives the jobs that were struck."""
    struck: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_S):
            for job, pid in running().items():
                if job not in struck and _held(pid) > mib << 20:
                    struck.append(job)
                    strike(job)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield struck
    finally:
        over.set()
        thread.join()


def _held(pid: int) -> int:
    """Bytes."""
    try:
        first = psutil.Process(pid)
        return sum(_resident(process) for process in (first, *first.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
