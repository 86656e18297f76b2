"""Starting the runner in a job beside starting Python."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.model import Area, Bench, Contestant, Kind, Row, Sample, Target, Term

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STARTS = 15
BARE = (sys.executable, "-I", "-S")


def lading(bench: Bench) -> Sample:
    """Until the runner has looked for a spec where there is none: what it loads before its work."""
    return _starts(bench, _runner(bench))


def lading_first(bench: Bench) -> Sample:
    """The same where no start came before, as in a new container: the zip unpacks itself and is compiled."""
    argv = _runner(bench)
    return _starts(bench, argv, before=lambda: _forget(bench.folder))


def python(bench: Bench) -> Sample:
    return _starts(bench, (*BARE, "-c", "pass"))


def _runner(bench: Bench) -> tuple[str, ...]:
    from lading.code.runner_zip import runner_archive

    archive = bench.folder / "runner.pyz"
    archive.write_bytes(runner_archive()[0])
    return (*BARE, str(archive), "--spec", f"file://{bench.folder}/attempts/none/spec.json")


def _forget(folder: Path) -> None:
    for unpacked in folder.glob("runner.pyz.*"):
        shutil.rmtree(unpacked)


def _starts(bench: Bench, argv: tuple[str, ...], before: Callable[[], None] = lambda: None) -> Sample:
    """The quickest of some starts: what is left is the work itself."""
    spent = []
    for _ in range(3 if bench.quick else STARTS):
        before()
        spent.append(_start(argv))
    return {
        "wall_ms": min(wall for wall, _ in spent[1:]) * 1000,
        "cpu_ms": min(cpu for _, cpu in spent[1:]) * 1000,
    }


def _start(argv: tuple[str, ...]) -> tuple[float, float]:
    """Wall and CPU seconds of one process."""
    start, before = time.perf_counter(), _children_cpu_s()
    subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall = time.perf_counter() - start
    return wall, _children_cpu_s() - before


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


LADING = Contestant("start runner", (f"{__name__}:lading",))
LADING_FIRST = Contestant("start runner first", (f"{__name__}:lading_first",))
PYTHON = Contestant("start python", (f"{__name__}:python",))


def _row(case: str, contestant: Contestant) -> Row:
    ours, peer = (Term(contestant, "wall_ms"),), (Term(PYTHON, "wall_ms"),)
    return Row("runner", case, "ms", ours, peer, Target(Kind.RATIO, 5), "python -I -S -c pass")


AREA = Area("runner", (_row("start, wall", LADING), _row("first start of a zip, wall", LADING_FIRST)))
