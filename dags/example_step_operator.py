"""The classic style: ``StepOperator`` runs a function of a module, here of ``cargo.py`` beside this file."""

from __future__ import annotations

from airflow.sdk import DAG

from lading.operators.step import StepOperator

with DAG("example_step_operator", schedule=None, tags=["lading", "example"], doc_md=__doc__):
    weigh = StepOperator(task_id="weigh", python_callable="cargo:weigh", inputs={"containers": 5})
    StepOperator(task_id="summarise", python_callable="cargo:summarise", inputs={"weights": weigh.output})
