"""What cannot be carried as source is refused when the step is submitted, with what to do instead."""

from __future__ import annotations

import functools
import textwrap
from pathlib import Path

import pytest

from code_samples import import_dag, write
from lading.code import image_code, modules, slice_function
from lading.errors import CodeSliceError

HEAD = """
import threading
from airflow.sdk import Variable, dag, task
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            """
            def make():
                lock = threading.Lock()
                @task.step
                def run():
                    return lock
                return run
            RUN = make()
            """,
            ["'run'", "'lock'", "_thread.lock", "pass it as an argument"],
        ),
        (
            """
            def make():
                count = 0
                @task.step
                def run():
                    nonlocal count
                    count += 1
                return run
            RUN = make()
            """,
            ["writes count", "return the value"],
        ),
        (
            """
            def helper():
                return Variable.get("x")
            @task.step
            def RUN():
                return helper()
            """,
            ["'helper'", "'Variable'", "airflow.sdk", "inside the function", "local target"],
        ),
        (
            """
            @task
            def other():
                return 1
            @task.step
            def RUN():
                return other()
            """,
            ["'other'", "is a task", "plain function"],
        ),
        (
            """
            import importlib
            NAME = "js" + "on"
            @task.step
            def RUN():
                return importlib.import_module(NAME)
            """,
            ["importlib.import_module(NAME)", "code='image'"],
        ),
        (
            """
            class Box:
                @staticmethod
                def run():
                    return 1
            RUN = Box.run
            """,
            ["method of 'Box'", "outside of the class"],
        ),
        (
            """
            rate = 1
            def helper():
                return rate
            def make(rate):
                @task.step
                def run():
                    return rate + helper()
                return run
            RUN = make(2)
            """,
            ["'rate'", "one thing in the module", "rename"],
        ),
        (
            """
            def make(base):
                @task.step
                def run(x=base + 1):
                    return x
                return run
            RUN = make(2)
            """,
            ["'base'", "module level"],
        ),
        ("RUN = lambda: 1", ["lambda", "churn.py", "give it a name"]),
    ],
)
def test_what_cannot_be_carried_is_refused_with_the_cure(tmp_path: Path, text: str, says: list[str]) -> None:
    module = import_dag(tmp_path, HEAD + textwrap.dedent(text))
    with pytest.raises(CodeSliceError) as refusal:
        slice_function(module.RUN)
    for part in says:
        assert part in str(refusal.value)


def test_airflow_may_stay_where_airflow_is(tmp_path: Path) -> None:
    module = import_dag(tmp_path, HEAD + "@task.step\ndef RUN():\n    return Variable\n")
    assert "from airflow.sdk import Variable" in slice_function(module.RUN, allow_airflow=True).source


def test_a_helper_module_that_needs_airflow_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "common.py", "\nfrom airflow.sdk import Variable\nLIMIT = 1\n")
    module = import_dag(tmp_path, "from common import LIMIT\ndef run():\n    return LIMIT\n")
    with pytest.raises(CodeSliceError, match=r"common.py, line 2, imports Airflow"):
        slice_function(module.run)


def test_helpers_that_import_the_dag_file_back_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "common.py", "def limit():\n    import churn\n")
    module = import_dag(tmp_path, "from common import limit\ndef run():\n    return limit()\n")
    with pytest.raises(CodeSliceError, match=r"imports the DAG file churn.py back"):
        slice_function(module.run)


def test_too_much_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "MAX_BYTES", 1000)
    write(tmp_path, "big.py", f"TEXT = {'x' * 1000!r}\n")
    module = import_dag(tmp_path, "import big\ndef run():\n    return big\n")
    with pytest.raises(CodeSliceError, match=r"bytes with big.py, expected at most 1000"):
        slice_function(module.run)


def test_functions_without_a_file_are_refused() -> None:
    scope: dict[str, object] = {}
    exec("def run(): return 1", scope)
    with pytest.raises(CodeSliceError, match=r"has no source in '<string>'.*code='image'"):
        slice_function(scope["run"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (functools.partial(print, 1), "pass its arguments as arguments of the step"),
        (Path.cwd, "method"),
        (len, "wrap the call"),
    ],
)
def test_callables_that_are_not_functions_are_refused(function: object, says: str) -> None:
    with pytest.raises(CodeSliceError, match=says):
        slice_function(function)  # type: ignore[arg-type]


def test_a_file_edited_after_its_import_is_refused(tmp_path: Path) -> None:
    module = import_dag(tmp_path, "def run():\n    return 1\n")
    write(tmp_path, "churn.py", "\n\n\ndef run():\n    return 2\n")
    with pytest.raises(CodeSliceError, match=r"is not there.*run again"):
        slice_function(module.run)


def test_code_in_the_image_is_named_and_not_carried() -> None:
    code = image_code("pkg.mod:Class.method")
    assert (code.digest, code.entry, code.to_spec()) == (
        None,
        "pkg.mod:Class.method",
        {"digest": None, "entry": "pkg.mod:Class.method"},
    )


@pytest.mark.parametrize(
    "entry", ["pkg.mod", "pkg.mod:", ":run", "pkg-x:run", "pkg:run:run", "pkg.class:run", "a b:c"]
)
def test_code_in_the_image_is_spelled_module_colon_function(entry: str) -> None:
    with pytest.raises(CodeSliceError, match=r"expected 'pkg.mod:func'"):
        image_code(entry)
