"""What stands in Airflow's database: small rows, and never a payload."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from airflow.sdk import DAG, task

from lading import step
from lading_testkit import run_dag, task_states

pytestmark = pytest.mark.usefixtures("airflow_db")


def database() -> Path:
    from airflow.configuration import conf

    return Path(conf.get("database", "sql_alchemy_conn").removeprefix("sqlite:///"))


def rows(dag_id: str) -> list[tuple[str, int, str]]:
    """task id, size of the row's value in bytes, its text."""
    with sqlite3.connect(database()) as db:
        found = db.execute("select task_id, value from xcom where dag_id = ?", (dag_id,)).fetchall()
    return [(name, len(value.encode()), value) for name, value in found]


VALUES: dict[str, Any] = {
    "number": 3,
    "long_text": "x" * 1_000_000,
    "just_inline": "y" * 900,
    "array": np.zeros(1_000_000),
    "wide_frame": pd.DataFrame({f"a column with a rather long name {i}": [1.5] for i in range(2_000)}),
    "list_of_arrays": [np.arange(1000)] * 50,
    "many_numbers": list(range(100_000)),
    "many_keys": {f"key {i}": i for i in range(10_000)},
    "nested": {"a": [{"b": np.ones(3)}] * 20},
    "odd_text": "\u4e16\U0001f980" * 300,
}


def test_a_row_stays_under_two_kib_whatever_the_value() -> None:
    with DAG("rows", schedule=None) as dag:
        for name in list(VALUES):

            @step(task_id=f"step_{name}")
            def by_step(name: str) -> Any:
                return VALUES[name]

            @task(task_id=f"task_{name}")
            def by_task(name: str) -> Any:
                return VALUES[name]

            by_step(name)
            by_task(name)
    run = run_dag(dag)
    assert set(task_states(run).values()) == {"success"}
    found = rows("rows")
    assert len(found) == 2 * len(VALUES)
    assert {name: size for name, size, _ in found if size > 2048} == {}


def test_small_json_stays_readable_in_its_row() -> None:
    with DAG("readable", schedule=None) as dag:

        @step
        def metrics() -> dict[str, float]:
            return {"accuracy": 0.97}

        metrics()
    run_dag(dag)
    values = {json.loads(text)["producer"][4]: json.loads(text)["inline"] for _, _, text in rows("readable")}
    assert values["return_value"] == {"accuracy": 0.97}


MARKER = "-".join(
    ["quicksilver", "marker"]
)  # joined here: the source of a DAG file stands in the database too


def test_no_byte_of_a_frame_reaches_the_database() -> None:
    with DAG("payload", schedule=None) as dag:

        @step
        def make() -> pd.DataFrame:
            rng = np.random.default_rng(0)
            columns: dict[str, Any] = {f"c{i}": rng.random(1_300_000) for i in range(9)}
            return pd.DataFrame({**columns, "word": [MARKER] * 1_300_000})

        @step
        def use(frame: pd.DataFrame, nested: dict[str, Any]) -> int:
            assert nested["frames"][0].equals(frame)
            return len(frame)

        frame = make()
        use(frame, {"frames": [frame]})
    run = run_dag(dag)
    assert set(task_states(run).values()) == {"success"}
    raw = b"".join(
        file.read_bytes() for file in database().parent.glob(f"{database().name}*")
    )  # and its journal
    values = np.random.default_rng(0).random(1_300_000)
    assert MARKER.encode() not in raw
    assert values[:4].tobytes() not in raw
    for shown in (repr(values[0]), f"{values[0]:.6f}"):
        assert shown.encode() not in raw
    assert b"pandas.DataFrame" in raw  # the search looks at the right file
