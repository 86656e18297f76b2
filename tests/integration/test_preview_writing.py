"""Previews of what a DAG makes, written by steps and plain tasks alike, or by none."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from airflow.sdk import DAG, task

from lading import deployment, step
from lading_testkit import run_dag, task_states

pytestmark = pytest.mark.usefixtures("airflow_db")


def shown(dag_id: str) -> list[dict[str, object]]:
    """Previews of what a step and a plain task of a new DAG make, in the order of their shapes."""
    mark = random.random()  # bytes of its own: a preview of an earlier test must not count
    objects = deployment.store().objects
    before = {stat.key for stat in objects.list("previews/")}
    with DAG(dag_id, schedule=None) as dag:

        @step
        def by_step(mark: float) -> np.ndarray:
            return np.array([mark, 1.0])

        @task
        def by_task(mark: float) -> np.ndarray:
            return np.array([mark, 1.0, 2.0] * 500)

        by_step(mark)
        by_task(mark)
    assert set(task_states(run_dag(dag)).values()) == {"success"}
    written = (
        json.loads(objects.read(stat.key)) for stat in objects.list("previews/") if stat.key not in before
    )
    return sorted(written, key=lambda found: str(found["shape"]))


def test_steps_and_plain_tasks_write_previews() -> None:
    assert [found["shape"] for found in shown("with_previews")] == [[1500], [2]]


def test_previews_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__LADING__PREVIEWS", "False")
    deployment.settings.cache_clear()
    try:
        assert shown("without_previews") == []
    finally:
        monkeypatch.undo()
        deployment.settings.cache_clear()
