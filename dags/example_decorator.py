"""Two steps in the plainest style: what a step returns is an artifact, with its type, shape, size and digest.

pandas is imported at the top of the file, as in most DAGs: a step is carried with the imports that it uses.
"""

from __future__ import annotations

import pandas as pd
from airflow.sdk import dag

from lading import step


@dag(schedule=None, tags=["lading", "example"], doc_md=__doc__)
def example_decorator() -> None:
    @step
    def load() -> pd.DataFrame:
        return pd.DataFrame({"length": [1.4, 4.7, 6.0], "kind": ["setosa", "versicolor", "virginica"]})

    @step
    def summarise(rows: pd.DataFrame, digits: int = 1) -> dict[str, float]:
        return {"rows": float(len(rows)), "mean_length": round(float(rows["length"].mean()), digits)}

    summarise(load())


example_decorator()
