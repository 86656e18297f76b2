"""What travels with a step, and that it runs without the rest."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from code_samples import call_elsewhere, import_dag, write
from lading.code import slice_function
from lading.code.source import load

if TYPE_CHECKING:
    from pathlib import Path

CHURN = '''
    from __future__ import annotations

    import functools
    import math as m, os
    from dataclasses import dataclass
    from typing import TYPE_CHECKING

    from airflow.sdk import dag, task
    from lading import log_metrics

    if TYPE_CHECKING:
        import pandas as pd

    RATE = 3  # per cent
    TABLE = {"a": 1}
    TABLE["b"] = 2


    def twice(f):
        @functools.wraps(f)
        def inner(*args, **kwargs):
            return [f(*args, **kwargs), f(*args, **kwargs)]

        return inner


    @dataclass
    class Config:
        rate: float = RATE


    def helper(x):
        """Square root."""
        return m.sqrt(x) * TABLE["b"]


    @task
    def other():
        return os.getcwd()


    @task.step(on="docker")
    @twice
    def train(config: Config, rows: pd.DataFrame | None = None):
        """Train."""
        # the number
        log_metrics({"a": 1})
        return helper(4) + RATE


    @dag(schedule="@daily")
    def churn():
        train(other())


    churn()
'''


def test_a_slice_holds_what_the_step_reaches_and_nothing_else(tmp_path: Path) -> None:
    code = slice_function(import_dag(tmp_path, CHURN).train)

    assert code.entry == "churn:train"
    assert code.files == ("churn.py",)
    for present in (
        "import math as m",
        "RATE = 3",
        'TABLE["b"] = 2',
        "class Config",
        "@twice",
        '"""Square root."""',
    ):
        assert present in code.source
    for absent in ("airflow", "os", "schedule", "pandas", "#", "task", "TYPE_CHECKING"):
        assert absent not in code.source.replace("pd.DataFrame", "")


def test_a_slice_runs_where_airflow_is_not(tmp_path: Path) -> None:
    code = slice_function(import_dag(tmp_path, CHURN).train)
    assert call_elsewhere(code, tmp_path, None) == [7.0, 7.0]


def test_lines_of_a_slice_are_lines_of_the_file(tmp_path: Path) -> None:
    code = slice_function(import_dag(tmp_path, CHURN).train)
    file = (tmp_path / code.file).read_text().split("\n")
    sliced = code.source.rstrip("\n").split("\n")
    assert len(code.lines) == len(sliced)
    placed = dict(zip(sliced, code.lines, strict=True))
    for text in ("def helper(x):", "    return helper(4) + RATE", 'TABLE["b"] = 2', "@twice"):
        assert file[placed[text] - 1] == text


def test_closures_become_definitions_of_the_module(tmp_path: Path) -> None:
    module = import_dag(
        tmp_path,
        '''
        from airflow.sdk import dag, task

        def half(x):
            return x / 2

        def build(names, transform):
            import json as js
            from math import floor

            class Box:
                size = 10

            def inside(x):
                return floor(x) + depth

            depth = 5
            rate = {"a": [1.5, None, True], "b": ("x",)}

            @task.step
            def run(k):
                text = f"""
          {k}
        end"""
                values = [inside(k), rate["a"][0], list(rate["b"]), Box.size, transform(8)]
                return [js.dumps(names), *values, text]

            return run

        STEP = build(["p", "q"], half)
        ''',
    )
    found = call_elsewhere(slice_function(module.STEP), tmp_path, 2.5)
    assert found == module.STEP(2.5) == ['["p", "q"]', 7, 1.5, ["x"], 10, 4.0, "\n  2.5\nend"]


def test_two_steps_of_one_factory_have_the_values_of_their_own(tmp_path: Path) -> None:
    module = import_dag(
        tmp_path,
        """
        from airflow.sdk import task

        def make(rate):
            @task.step
            def run():
                return rate
            return run

        ONE, TWO = make(1), make(2)
        """,
    )
    one, two = slice_function(module.ONE), slice_function(module.TWO)
    assert one.digest != two.digest
    assert [call_elsewhere(one, tmp_path), call_elsewhere(two, tmp_path)] == [1, 2]


def test_definitions_may_stand_in_any_order(tmp_path: Path) -> None:
    module = import_dag(
        tmp_path,
        """
        from airflow.sdk import DAG, task

        with DAG("churn"):
            @task.step
            def run(n):
                return first(n)

        def first(n):
            return second(n) if n else LIMIT

        def second(n):
            return first(n - 1) + len(Child.NAMES)

        class Child(type("Base", (), {})):
            NAMES = ["x" for _ in range(2)]

        LIMIT = 100
        """,
    )
    assert call_elsewhere(slice_function(module.run), tmp_path, 3) == 106


def test_names_that_hide_module_names_pull_nothing_in(tmp_path: Path) -> None:
    module = import_dag(
        tmp_path,
        """
        from airflow.sdk import task

        @task
        def load():
            return 1

        rows, total, item, error, key = object(), object(), object(), object(), object()

        @task.step
        def run(load, *rows, **key):
            total = sum(item for item in rows)
            try:
                (error := 1)
            except ValueError as error:
                pass
            return total + (lambda item: item)(load)
        """,
    )
    code = slice_function(module.run)
    assert "object()" not in code.source
    assert call_elsewhere(code, tmp_path, 1, 2, 3) == 6


def test_a_recursive_step_calls_itself(tmp_path: Path) -> None:
    module = import_dag(
        tmp_path,
        """
        from airflow.sdk import task

        @task.step
        def depth(n):
            return 0 if n == 0 else 1 + depth(n - 1)
        """,
    )
    assert call_elsewhere(slice_function(module.depth), tmp_path, 4) == 4


def test_first_party_modules_travel_whole_with_what_they_import(tmp_path: Path) -> None:
    write(tmp_path, "helpers/__init__.py", "from .clean import clean\n")
    write(tmp_path, "helpers/clean.py", "import helpers.deep as d\ndef clean(x): return d.add(x)\n")
    write(
        tmp_path,
        "helpers/deep.py",
        "# kept as it is\ndef add(x):\n    from constants import ONE\n    return x + ONE\n",
    )
    write(tmp_path, "helpers/unused.py", "raise RuntimeError\n")
    write(tmp_path, "helpers/.env", "PASSWORD=x")
    write(tmp_path, "helpers/key.pem", "x")
    write(tmp_path, "helpers/credentials.json", "{}")
    write(tmp_path, "constants.py", "ONE = 1\n")
    module = import_dag(
        tmp_path,
        """
        from airflow.sdk import task

        @task.step
        def run(x):
            import helpers
            return helpers.clean(x)
        """,
    )
    code = slice_function(module.run)
    expected = ("churn.py", "constants.py", "helpers/__init__.py", "helpers/clean.py", "helpers/deep.py")
    assert code.files == expected
    assert call_elsewhere(code, tmp_path, 1) == 2


def test_relative_imports_of_a_package_still_lead_to_it(tmp_path: Path) -> None:
    write(tmp_path, "team/__init__.py", "")
    write(tmp_path, "team/shared.py", "NAME = 'shared'\n")
    module = import_dag(
        tmp_path / "team",
        """
        from airflow.sdk import task
        from lading import log_metrics

        def name():
            from .shared import NAME  # of the team
            return NAME

        @task.step
        def run():
            return name()
        """,
    )
    code = slice_function(module.run)
    assert code.file == "team/churn.py"
    assert call_elsewhere(code, tmp_path) == "shared"


def test_an_annotation_brings_the_users_own_class(tmp_path: Path) -> None:
    write(tmp_path, "shapes.py", "class Shape:\n    pass\n")
    module = import_dag(
        tmp_path,
        """
        from __future__ import annotations
        from typing import TYPE_CHECKING, Optional
        from dataclasses import dataclass
        from airflow.sdk import task
        import decimal

        if TYPE_CHECKING:
            from shapes import Shape

        @dataclass
        class Config:
            trees: int

        @task.step
        def run(config: Optional[Config], shape: "Shape", price: decimal.Decimal) -> None:
            pass
        """,
    )
    code = slice_function(module.run)
    assert "class Config" in code.source
    assert "Optional" in code.source.split("def run")[0]
    assert "from shapes import Shape" in code.source
    assert "import decimal" not in code.source


def test_a_file_named_as_a_library_does_not_hide_it(tmp_path: Path) -> None:
    text = """
        import statistics
        from airflow.sdk import task

        @task.step
        def run():
            return statistics.mean([1, 3])
        """
    code = slice_function(import_dag(tmp_path, text, name="statistics").run)
    assert code.entry == "step_statistics:run"


def test_slicing_takes_milliseconds(tmp_path: Path) -> None:
    function = import_dag(tmp_path, CHURN).train
    slice_function(function)
    start = time.process_time()
    for _ in range(10):
        slice_function(function)
    assert (time.process_time() - start) / 10 < 0.05  # typically 0.003


def test_a_file_is_parsed_once(tmp_path: Path) -> None:
    path = write(tmp_path, "churn.py", "a = 1\n")
    assert load(path) is load(path)
