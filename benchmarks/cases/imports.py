"""What ``import lading`` adds to a DAG file that has imported ``airflow.sdk``."""

from __future__ import annotations

import os
import sys
import time
import traceback
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.model import Area, Bench, Contestant, Kind, Row, Sample, Target, Term

if TYPE_CHECKING:
    from collections.abc import Callable

#: Top-level packages that a DAG file must not pay for.
_HEAVY = """
pandas numpy pyarrow polars torch sklearn scipy xgboost lightgbm matplotlib obstore fastapi uvicorn docker
kubernetes google databricks boto3 botocore
"""
HEAVY = frozenset(_HEAVY.split())
FORKS = 9


def added(bench: Bench) -> Sample:
    """Import Airflow once, then Lading in some copies of that process: Airflow's import varies by more than
    Lading's whole cost, so their difference over two processes would show the former."""
    start = time.perf_counter()
    from airflow.sdk import dag, task  # noqa: F401  # both are loaded when they are asked for

    airflow_s = time.perf_counter() - start
    before = set(sys.modules)
    _in_a_fork(_import_lading)  # reads the files into the cache, writes bytecode where it is missing
    lading_s = median(_in_a_fork(_import_lading) for _ in range(3 if bench.quick else FORKS))
    _import_lading()
    heavy = {name.partition(".")[0] for name in set(sys.modules) - before} & HEAVY
    if heavy:
        print("heavy modules:", *sorted(heavy), file=sys.stderr)
    return {"lading_ms": lading_s * 1000, "airflow_ms": airflow_s * 1000, "heavy_modules": float(len(heavy))}


def _import_lading() -> float:
    start = time.perf_counter()
    from lading import GPU, Resources, step  # noqa: F401

    return time.perf_counter() - start


def _in_a_fork(measure: Callable[[], float]) -> float:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, repr(measure()).encode())
        except ImportError:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    if not text:
        raise AssertionError("the import failed in a copy of the process; its traceback stands above")
    return float(text)


IMPORT = Contestant("import", (f"{__name__}:added",))

AREA = Area(
    "import",
    (
        Row(
            "import",
            "from lading import step, after airflow.sdk, wall",
            "ms",
            (Term(IMPORT, "lading_ms"),),
            (Term(IMPORT, "airflow_ms"),),
            Target(Kind.OURS, 50),
            "airflow.sdk",
        ),
        Row(
            "import",
            "heavy modules that it loads",
            "",
            (Term(IMPORT, "heavy_modules"),),
            (),
            Target(Kind.OURS, 0),
        ),
    ),
)
