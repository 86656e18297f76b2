"""A step that asks for the Spark session of its platform's process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from lading.backends.databricks.script import script
from lading.code.slicing import slice_function
from lading_runner import values
from lading_runner.contract import Attempt, Result, Spec
from lading_runner.spark import with_session
from lading_runner.store import ArtifactStore, LocalStore
from lading_testkit import require_spark

if TYPE_CHECKING:
    from pathlib import Path


def plain(n: int) -> int:
    return n


def given(n: int, spark: Any = None) -> list[Any]:
    return [n, spark]


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [(plain, (1,), {}), (given, (1, "own"), {}), (given, (1,), {"spark": "own"})],
)
def test_who_does_not_ask_or_has_one_gets_no_session(function: Any, args: Any, kwargs: Any) -> None:
    assert with_session(function, args, kwargs) == kwargs


def count(n: int, spark: Any = None) -> int:
    if spark is None:
        return -1
    found: int = spark.range(n).count()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("asked", [True, False])
def test_a_step_gets_the_session_of_its_process_only_where_it_asks(tmp_path: Path, asked: bool) -> None:
    """By the very file that Databricks starts, with a real Spark."""
    require_spark()
    store = ArtifactStore(LocalStore(str(tmp_path / "store")))
    code = slice_function(count, roots=())
    store.put_bytes(code.archive)
    attempt = Attempt("dag", "run", "count")
    spec = Spec(attempt, code.to_spec(), f"file://{tmp_path}/store", "attempts/one", params={"n": 7})
    store.objects.create("attempts/one/spec.json", spec.dumps())
    file = tmp_path / "script.py"
    file.write_bytes(script()[0])
    order = {"spec": f"file://{tmp_path}/store/attempts/one/spec.json", "env": {}, "secret_env": {}}
    argv = [sys.executable, str(file), json.dumps({**order, "spark": asked}), "77"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr[-2000:]
    assert store.objects.read("attempts/one/claim") == b"77"
    result = Result.loads(store.objects.read("attempts/one/result.json"))
    assert values.load(result.outputs["return_value"], store) == (7 if asked else -1)
