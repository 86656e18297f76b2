"""The demo: tell 1,797 handwritten digits apart, and see where every number and model came from.

Nine support vector machines are tried in parallel on scikit-learn's bundled digits, the best is chosen on
rows that none of them saw, and evaluated on others. Its settings are then trained again under scikit-learn
1.7.2, in an environment of its own. In the lineage tree each of the nine models names the setting and the
rows that it was trained on, and the chosen one names all nine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import dag, task

from lading import log_metrics, step

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from sklearn.svm import SVC


def pixels(rows: pd.DataFrame) -> pd.DataFrame:
    """The 64 features, without the target; a helper travels with the steps that use it."""
    return rows.drop(columns="target")


@dag(schedule=None, tags=["lading", "demo"], doc_md=__doc__)
def demo_digits() -> None:
    @step
    def load() -> pd.DataFrame:
        from sklearn.datasets import load_digits

        return load_digits(as_frame=True).frame

    @step(multiple_outputs=True)
    def split(digits: pd.DataFrame, seed: int = 7) -> dict[str, pd.DataFrame]:
        from sklearn.model_selection import train_test_split

        rest, test = train_test_split(digits, test_size=0.25, random_state=seed, stratify=digits["target"])
        train, validation = train_test_split(rest, test_size=0.25, random_state=seed, stratify=rest["target"])
        return {"train": train, "validation": validation, "test": test}

    @task
    def settings() -> list[dict[str, float]]:
        return [{"C": c, "gamma": gamma} for c in (0.1, 1.0, 10.0) for gamma in (1e-4, 1e-3, 1e-2)]

    @step
    def train(setting: dict[str, float], rows: pd.DataFrame) -> SVC:
        from sklearn.svm import SVC

        model = SVC(**setting).fit(pixels(rows), rows["target"])
        log_metrics(
            {"support_vectors": int(sum(model.n_support_))}, higher_is_better={"support_vectors": False}
        )
        return model

    @step(multiple_outputs=True)
    def choose(models: list[SVC], rows: pd.DataFrame) -> dict[str, Any]:
        scores = [float(model.score(pixels(rows), rows["target"])) for model in models]
        best = models[scores.index(max(scores))]
        log_metrics({"accuracy": max(scores)}, higher_is_better={"accuracy": True})
        return {"model": best, "setting": {"C": best.C, "gamma": best.gamma}, "accuracy": max(scores)}

    @step
    def evaluate(model: SVC, rows: pd.DataFrame) -> Figure:
        from matplotlib.figure import Figure
        from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score, f1_score

        truth, found = rows["target"], model.predict(pixels(rows))
        metrics = {"accuracy": accuracy_score(truth, found), "f1": f1_score(truth, found, average="macro")}
        log_metrics(metrics, higher_is_better={"accuracy": True, "f1": True})
        figure = Figure(figsize=(5, 5), layout="constrained")
        ConfusionMatrixDisplay.from_predictions(truth, found, ax=figure.subplots(), colorbar=False)
        return figure

    @step(on="venv", requirements=["scikit-learn==1.7.2", "pandas", "pyarrow"])
    def cross_check(setting: dict[str, float], train: pd.DataFrame, rows: pd.DataFrame) -> dict[str, Any]:
        import sklearn
        from sklearn.svm import SVC

        model = SVC(**setting).fit(pixels(train), train["target"])
        accuracy = float(model.score(pixels(rows), rows["target"]))
        log_metrics({"accuracy": accuracy}, higher_is_better={"accuracy": True})
        return {"scikit_learn": sklearn.__version__, "accuracy": accuracy}

    @task
    def report(accuracy: float, check: dict[str, Any]) -> str:
        return f"accuracy {accuracy:.1%}, under scikit-learn {check['scikit_learn']} {check['accuracy']:.1%}"

    parts = split(load())
    models = train.partial(rows=parts["train"]).expand(setting=settings())
    best = choose(models, parts["validation"])
    evaluate(best["model"], parts["test"])
    report(best["accuracy"], cross_check(best["setting"], parts["train"], parts["validation"]))


demo_digits()
