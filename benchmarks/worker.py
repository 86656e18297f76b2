"""``python -m benchmarks.worker module:function folder full|quick``: one part of a contestant, here.

The sample goes to ``folder/sample.json``: standard output belongs to whatever is measured.
"""

from __future__ import annotations

import gc
import importlib
import json
import resource
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.model import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.model import Sample

SAMPLE = "sample.json"
MIB = 2**20
_STATUS = Path("/proc/self/status")


@contextmanager
def timed(sample: Sample, name: str = "") -> Iterator[None]:
    """Add ``<name>wall_s`` and ``<name>cpu_s`` (all threads of the process) of the block to ``sample``."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    sample[f"{name}cpu_s"] = time.process_time() - cpu
    sample[f"{name}wall_s"] = time.perf_counter() - wall


@contextmanager
def peak_memory(sample: Sample, name: str = "") -> Iterator[None]:
    """Add ``<name>peak_mib``: how far the resident set rose above where it was, at its highest."""
    before = _start_peak()
    yield
    sample[f"{name}peak_mib"] = max(_peak() - before, 0.0)


def resident_mib() -> float:
    """Resident set now, mapped files included; Linux only, elsewhere the highest so far."""
    return _status("VmRSS") if _STATUS.exists() else _peak()


def _start_peak() -> float:
    gc.collect()
    if _STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5")  # Linux: resets VmHWM to the present resident set
    return resident_mib()


def _peak() -> float:
    if _STATUS.exists():
        return _status("VmHWM")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MIB if sys.platform == "darwin" else peak / 1024


def _status(field: str) -> float:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) / 1024


def main() -> None:
    part, folder, size = sys.argv[1:]
    module, function = part.split(":")
    run = getattr(importlib.import_module(module), function)
    sample = run(Bench(Path(folder), quick=size == "quick"))
    (Path(folder) / SAMPLE).write_text(json.dumps(sample))


if __name__ == "__main__":
    main()
