"""What the tests of the pages look at: a run with mapped steps, all kinds of previews, and metrics.

``UI_GAMMA`` changes a parameter between runs, an edit of this file the code.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import dag, task

from lading import log_external_input, log_metrics, step

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure
    from sklearn.svm import SVC

GAMMA = float(os.environ.get("UI_GAMMA", "0.001"))
DIVISOR = 1.0


@dag(schedule=None)
def ui_digits() -> None:
    @step
    def load() -> pd.DataFrame:
        from sklearn.datasets import load_digits

        log_external_input("https://example.org/digits.csv", version="3sL4")
        return load_digits(as_frame=True).frame

    @step(multiple_outputs=True)
    def split(rows: pd.DataFrame, seed: int = 7) -> dict[str, pd.DataFrame]:
        from sklearn.model_selection import train_test_split

        train_rows, test_rows = train_test_split(rows, test_size=0.2, random_state=seed)
        return {"train_rows": train_rows, "test_rows": test_rows}

    @task
    def grid(gamma: float) -> list[dict[str, float]]:
        return [{"C": c, "gamma": gamma} for c in (0.1, 1.0, 10.0, 100.0)]

    @step(multiple_outputs=True)
    def train(setting: dict[str, float], rows: pd.DataFrame) -> dict[str, Any]:
        from sklearn.model_selection import cross_val_score
        from sklearn.svm import SVC

        features, digits = rows.drop(columns="target") / DIVISOR, rows["target"]
        model = SVC(**setting).fit(features, digits)
        accuracy = float(cross_val_score(model, features, digits, cv=3).mean())
        log_metrics({"cv_accuracy": accuracy}, higher_is_better={"cv_accuracy": True})
        return {"model": model, "score": accuracy}

    @step(multiple_outputs=True)
    def choose_best(models: list[SVC], scores: list[float]) -> dict[str, Any]:
        import pandas as pd

        best = scores.index(max(scores))
        log_metrics({"best_cv_accuracy": scores[best]}, higher_is_better={"best_cv_accuracy": True})
        table = pd.DataFrame({"C": [model.C for model in models], "cv_accuracy": scores})
        table.loc[0, "note"] = "lowest"
        return {"best_model": models[best], "leaderboard": table}

    @step(multiple_outputs=True)
    def evaluate(model: SVC, rows: pd.DataFrame) -> dict[str, Any]:
        from matplotlib.figure import Figure
        from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score, f1_score

        features, digits = rows.drop(columns="target") / DIVISOR, rows["target"]
        found, margins = model.predict(features), model.decision_function(features)
        metrics = {"accuracy": accuracy_score(digits, found), "f1": f1_score(digits, found, average="macro")}
        log_metrics(
            {**metrics, "wrong": int((digits != found).sum())}, higher_is_better=dict.fromkeys(metrics, True)
        )
        figure: Figure = Figure(figsize=(5, 5))
        ConfusionMatrixDisplay.from_predictions(digits, found, ax=figure.subplots(), colorbar=False)
        values: np.ndarray[Any, Any] = margins.max(axis=1)
        return {"confusion": figure, "margins": values}

    @step
    def report(figure: Figure, table: pd.DataFrame) -> Path:
        page = Path(tempfile.mkdtemp(), "report.html")
        page.write_text(f"<h1>Digits</h1><p>{len(table)} models</p>")
        return page

    parts = split(load())
    tried = train.partial(rows=parts["train_rows"]).expand(setting=grid(GAMMA))
    best = choose_best(tried["model"], tried["score"])
    seen = evaluate(best["best_model"], parts["test_rows"])
    report(seen["confusion"], best["leaderboard"])


ui_digits()
