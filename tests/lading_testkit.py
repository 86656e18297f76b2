"""What tests share: services that may be absent, and CPythons at hand."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lading_runner import failpoints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG

REQUIRED = frozenset(filter(None, os.environ.get("LADING_REQUIRE", "").split(",")))


def require_service(name: str, available: bool, reason: str) -> None:
    """Skip the test when the service ``name`` is absent, or fail it where ``LADING_REQUIRE`` names it."""
    if available:
        return
    if name in REQUIRED:
        pytest.fail(f"LADING_REQUIRE names {name!r}, but it is absent: {reason}", pytrace=False)
    pytest.skip(f"service {name} is absent: {reason}")


def require_spark() -> None:
    there = importlib.util.find_spec("pyspark") is not None and shutil.which("java") is not None
    require_service("pyspark", there, "install pyspark, and a Java")


def pythons() -> list[str]:
    """Every CPython from 3.9 up on this machine, one path per minor version, oldest first."""
    candidates = sorted(Path("~/.pyenv/versions").expanduser().glob("*/bin/python"))
    named = [shutil.which(f"python3.{minor}") for minor in range(9, 16)]
    found: dict[tuple[int, int], str] = {}
    for path in [*filter(None, named), *map(str, candidates)]:
        probe = "import sys; print(sys.implementation.name, *sys.version_info[:2])"
        run = subprocess.run([path, "-I", "-c", probe], capture_output=True, text=True, check=False)
        words = run.stdout.split()
        if run.returncode == 0 and words[0] == "cpython" and (int(words[1]), int(words[2])) >= (3, 9):
            found.setdefault((int(words[1]), int(words[2])), path)
    return [found[version] for version in sorted(found)]


def short(value: object) -> str:
    """An id for a parameter: short, and the same in every process."""
    ordered = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
    return re.sub(r" at 0x[0-9a-f]+", "", str(ordered))[:60]


@contextmanager
def failing_at(point: str) -> Iterator[None]:
    """This process fails when it next comes to that failpoint; leaving asserts that it did."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        fired = Path(folder, "fired")
        patch.setattr(failpoints, "_reached", {})
        patch.setenv("LADING_FAILPOINT", f"{point}:raise")
        patch.setenv("LADING_FAILPOINT_FIRED", str(fired))
        yield
        assert fired.read_text().startswith(f"{point}:raise")


def enter(dag: DAG) -> None:
    """Into the database, as the file of ``dag`` would be; it may be made inside a test."""
    from airflow.configuration import conf as airflow_conf
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(dag_folder=airflow_conf.get("core", "dags_folder"), bundle_name="dags-folder")
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)


def run_dag(dag: DAG, **conf: object) -> DagRun:
    """The finished run of ``dag``, by ``dag.test()``; the test asks for the fixture ``airflow_db``."""
    enter(dag)
    return dag.test(run_conf=conf or None)


def task_states(run: DagRun) -> dict[str, str]:
    """State of each task instance by ``task_id``, or ``task_id[map_index]`` where it is mapped."""
    return {
        ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]": str(ti.state)
        for ti in run.get_task_instances()
    }
