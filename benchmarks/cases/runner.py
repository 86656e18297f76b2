"""Starting the runner in a job beside starting Python."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median

from benchmarks.model import Area, Bench, Contestant, Kind, Row, Sample, Target, Term

STARTS = 15
BARE = (sys.executable, "-I", "-S")


def lading(bench: Bench) -> Sample:
    """Until the runner has read an address that names no spec: everything that it loads before its work."""
    from lading.code.runner_zip import runner_archive

    archive = bench.folder / "runner.pyz"
    archive.write_bytes(runner_archive()[0])
    return _starts(bench, (*BARE, str(archive), "--spec", f"file://{bench.folder}/attempts/none/spec.json"))


def python(bench: Bench) -> Sample:
    return _starts(bench, (*BARE, "-c", "pass"))


def _starts(bench: Bench, argv: tuple[str, ...]) -> Sample:
    spent = [_start(argv) for _ in range(3 if bench.quick else STARTS)]
    return {
        "wall_ms": median(wall for wall, _ in spent) * 1000,
        "cpu_ms": median(cpu for _, cpu in spent) * 1000,
    }


def _start(argv: tuple[str, ...]) -> tuple[float, float]:
    """Wall and CPU seconds of one process."""
    start, before = time.perf_counter(), os.times()
    subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall, after = time.perf_counter() - start, os.times()
    return wall, sum(after[2:4]) - sum(before[2:4])


LADING = Contestant("start runner", (f"{__name__}:lading",))
PYTHON = Contestant("start python", (f"{__name__}:python",))

AREA = Area(
    "runner",
    (
        Row(
            "runner",
            "start, wall",
            "ms",
            (Term(LADING, "wall_ms"),),
            (Term(PYTHON, "wall_ms"),),
            Target(Kind.RATIO, 5),
            "python -I -S -c pass",
        ),
    ),
)
