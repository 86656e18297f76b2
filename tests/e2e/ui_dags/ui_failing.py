"""One of several mapped tasks fails, so what comes after them does not run."""

from __future__ import annotations

from airflow.sdk import dag

from lading import step


@dag(schedule=None)
def ui_failing() -> None:
    @step
    def load() -> list[int]:
        return [0, 1, 2, 3]

    @step
    def train(gamma: int, rows: list[int]) -> int:
        if gamma == 2:
            raise ValueError(f"gamma must be below 2, got {gamma}; correct the grid")
        return gamma * len(rows)

    @step
    def choose_best(scores: list[int]) -> int:
        return max(scores)

    @step
    def evaluate(best: int) -> int:
        return best

    rows = load()
    evaluate(choose_best(train.partial(rows=rows).expand(gamma=[0, 1, 2, 3])))


ui_failing()
