"""A mapped step: one task instance per point, each with lineage to its own point only; ``best`` to all."""

from __future__ import annotations

from airflow.sdk import dag, task

from lading import log_metrics, step


@dag(schedule=None, tags=["lading", "example"], doc_md=__doc__)
def example_mapped_sweep() -> None:
    @task
    def points() -> list[float]:
        return [0.1 * n for n in range(1, 9)]

    @step
    def loss(point: float, centre: float) -> dict[str, float]:
        value = (point - centre) ** 2
        log_metrics({"loss": value}, higher_is_better={"loss": False})
        return {"point": point, "loss": value}

    @step
    def best(losses: list[dict[str, float]]) -> dict[str, float]:
        return min(losses, key=lambda row: row["loss"])

    best(loss.partial(centre=0.42).expand(point=points()))


example_mapped_sweep()
