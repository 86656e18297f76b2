"""Uses what another DAG made: lineage goes on across DAGs."""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import dag

from lading import log_metrics, step


@dag(schedule=None)
def ui_serving() -> None:
    @step
    def package(ti: Any = None) -> dict[str, Any]:
        run_id = os.environ["UI_DIGITS_RUN"]
        model = ti.xcom_pull("choose_best", "ui_digits", "best_model", run_id=run_id)
        return {"kernel": model.kernel, "support": [int(n) for n in model.n_support_]}

    @step
    def canary(bundle: dict[str, Any]) -> float:
        log_metrics({"error_rate": 0.004}, higher_is_better={"error_rate": False})
        return len(bundle["support"]) / 100

    canary(package())


ui_serving()
