"""Functions that know nothing of Airflow; ``example_step_operator`` runs them as steps."""

from __future__ import annotations

from statistics import median


def weigh(containers: int) -> list[float]:
    return [1000.0 + 12.5 * number for number in range(containers)]


def summarise(weights: list[float]) -> dict[str, float]:
    return {"total": sum(weights), "median": median(weights)}
