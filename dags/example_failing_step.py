"""A step that fails: the log shows your own traceback first, and the lineage event keeps what it had read.

Nothing is retried here. Correct the column name and clear the task: the failed attempt stays in its history.
"""

from __future__ import annotations

import pandas as pd
from airflow.sdk import dag

from lading import step


@dag(schedule=None, tags=["lading", "example"], doc_md=__doc__)
def example_failing_step() -> None:
    @step
    def load() -> pd.DataFrame:
        return pd.DataFrame({"weight": [12.0, 7.5]})

    @step(on="venv", requirements=["pandas", "pyarrow"])
    def total(rows: pd.DataFrame) -> float:
        return float(rows["wieght"].sum())  # KeyError: 'wieght'

    total(load())


example_failing_step()
