"""Airflow's task state store as the attempt's memory: it survives retries and clears."""

from __future__ import annotations

from typing import Any

from airflow.sdk.execution_time.context import NEVER_EXPIRE

from lading.execution.state import AttemptState

KEY = "lading"


class TaskState:
    """One round trip to the API server per call."""

    def __init__(self, accessor: Any) -> None:
        self._accessor = accessor

    def load(self) -> AttemptState | None:
        found = self._accessor.get(KEY)
        return AttemptState.from_json(found) if found else None

    def save(self, state: AttemptState) -> None:
        self._accessor.set(KEY, state.to_json(), retention=NEVER_EXPIRE)
