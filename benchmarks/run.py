"""``python benchmarks/run.py``: one table, Lading against its peers and limits; progress on stderr."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

if __package__ in (None, ""):  # started as a file: the package is this folder, found beside its parent
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.cases import areas
from benchmarks.harness import Harness, report
from benchmarks.table import render, to_json

MINIMUM_ROUNDS = 7  # fewer say nothing; --quick is for tests


def main(argv: list[str] | None = None) -> int:
    """0, also where targets are missed; 1 when something could not be measured."""
    options = _parser().parse_args(argv)
    chosen = areas(options.only)
    if not chosen:
        names = ", ".join(area.name for area in areas(""))
        report(
            f"nothing matches --only {options.only!r}; areas are {names}; give a part of an area or case name"
        )
        return 2
    rounds = options.rounds or (2 if options.quick else MINIMUM_ROUNDS)
    if rounds < MINIMUM_ROUNDS and not options.quick:
        report(f"{rounds} rounds are fewer than {MINIMUM_ROUNDS}: the table shows a trend at most")
    workspace = Path(tempfile.mkdtemp(prefix="lading-bench-"))
    try:
        harness = Harness(workspace, rounds=rounds, quick=options.quick)
        measured = [harness.measure(area) for area in chosen]
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    lines = [line for judged, _ in measured for line in judged]
    failed = {name: why for _, failures in measured for name, why in failures.items()}
    print(render(lines))
    if options.json:
        options.json.write_text(
            json.dumps({**_machine(), "rows": to_json(lines), "failed": failed}, indent=1)
        )
    for name, why in failed.items():
        report(f"not measured: {name}: {why}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, help=f"default {MINIMUM_ROUNDS}")
    parser.add_argument("--only", default="", help="areas or cases whose name contains this")
    parser.add_argument(
        "--quick", action="store_true", help="a hundredth of the size and two rounds, for tests"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there too")
    return parser


def _machine() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "load_1min": os.getloadavg()[0],
    }


if __name__ == "__main__":
    sys.exit(main())
