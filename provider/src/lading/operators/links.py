"""The page of a step's job on its platform, as a button of the task instance."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperatorLink


class JobLink(BaseOperatorLink):
    """Airflow asks when the task process ends, also when it leaves the wait to the triggerer."""

    name = "Job"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return operator.job_url or ""
