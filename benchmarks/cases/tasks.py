"""A trivial step beside a plain ``@task``: run by ``dag.test()``, and parsed."""

from __future__ import annotations

import os
import sys
import time
import types
from typing import TYPE_CHECKING, Any

from benchmarks.model import Area, Bench, Contestant, Kind, Row, Sample, Target, Term
from benchmarks.worker import timed

if TYPE_CHECKING:
    from collections.abc import Callable

CHAIN = 10  # tasks of the DAG that runs
RUNS = 5
PARSED = 200  # tasks of the DAG that is parsed
REPEATS = 15


def run_step(bench: Bench) -> Sample:
    os.environ["AIRFLOW__CORE__XCOM_BACKEND"] = "lading.xcom.LadingXComBackend"
    from lading import step

    return _run(bench, step)


def run_task(bench: Bench) -> Sample:
    """As it is where Lading is not in use: with the stock XCom backend."""
    from airflow.sdk import task

    return _run(bench, task)


def parse_step(bench: Bench) -> Sample:
    return _parse(bench, "from lading import step as decorate")


def parse_task(bench: Bench) -> Sample:
    return _parse(bench, "from airflow.sdk import task as decorate")


def add_one(number: int) -> int:
    return number + 1


def _run(bench: Bench, decorate: Callable[..., Any]) -> Sample:
    """Milliseconds per task of a chain of tasks."""
    from airflow.sdk import DAG

    count = CHAIN if not bench.quick else 2
    with DAG("bench") as dag:
        number: Any = 0
        for i in range(count):
            number = decorate(task_id=f"add_{i}")(add_one)(number)
    seconds = seconds_of(dag, RUNS)
    return {f"{name}_ms": seconds[f"{name}_s"] * 1000 / count for name in ("wall", "cpu")}


def seconds_of(dag: Any, runs: int) -> Sample:
    """Of the quickest of some runs of the same DAG."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"], bundle_name="dags-folder")
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)
    samples = []
    for _ in range(runs + 1):  # the first one warms up
        sample = Sample()
        with timed(sample):
            run = dag.test()
        samples.append(sample)
        if run.state != "success":
            raise AssertionError(f"the run ended {run.state}, expected success")
    return {name: min(s[name] for s in samples[1:]) for name in ("wall_s", "cpu_s")}


HEAD = """from airflow.sdk import DAG
{importing}
with DAG("bench_{number}"):
    total = {number}
"""
TASK = """
    @decorate
    def add_{i}(total: int) -> int:
        return total + {i} * {number}
    total = add_{i}(total)
"""


def _parse(bench: Bench, importing: str) -> Sample:
    """CPU milliseconds per task, without imports and the compilation of the DAG file; each file is a new
    one, as in the DAG processor."""
    count = max(bench.size(PARSED), 10)
    spent = []
    for number in range(REPEATS + 1):  # the first one imports
        path = bench.folder / f"bench_dag_{number}.py"
        tasks = (TASK.format(i=i, number=number) for i in range(count))
        path.write_text(HEAD.format(importing=importing, number=number) + "".join(tasks))
        code = compile(path.read_text(), str(path), "exec")
        module = sys.modules[path.stem] = types.ModuleType(path.stem)
        module.__file__ = str(path)
        start = time.process_time()
        exec(code, module.__dict__)
        spent.append(time.process_time() - start)
    return {"parse_ms": min(spent[1:]) * 1000 / count}


def _contestant(name: str, function: str, *, metadata_db: bool = False) -> Contestant:
    return Contestant(name, (f"{__name__}:{function}",), metadata_db)


RUN_STEP = _contestant("run step", "run_step", metadata_db=True)
RUN_TASK = _contestant("run task", "run_task", metadata_db=True)
PARSE_STEP = _contestant("parse step", "parse_step")
PARSE_TASK = _contestant("parse task", "parse_task")

AREA = Area(
    "task",
    (
        Row(
            "task",
            "trivial task under dag.test(), wall",
            "ms",
            (Term(RUN_STEP, "wall_ms"),),
            (Term(RUN_TASK, "wall_ms"),),
            Target(Kind.ADDED, 20),
            "@task",
        ),
        Row(
            "task",
            "parse one decorated task, CPU",
            "ms",
            (Term(PARSE_STEP, "parse_ms"),),
            (Term(PARSE_TASK, "parse_ms"),),
            Target(Kind.RATIO, 1.1),
            "@task",
        ),
    ),
)
