"""Airflow's task state store as the attempt's memory: it survives retries and clears."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time.context import NEVER_EXPIRE

from lading.execution.state import AttemptState

log = logging.getLogger("lading")

KEY = "lading"


class TaskState:
    """One round trip to the API server per call."""

    def __init__(self, accessor: Any, *, first_try: bool = False) -> None:
        """``first_try``: nothing can be remembered yet, which saves the question. Airflow counts a try
        whenever it schedules one, so that a second worker of a task instance never has number 1; a task
        that resumes from deferral has."""
        self._accessor = accessor
        self._fresh = first_try
        self._last: AttemptState | None = None  # that this process saw
        self._ending = False

    def end(self) -> None:
        """From now on what this process saw last stands in for what Airflow does not answer: it knows nothing
        of a task that was cleared while it ran, and its server may be gone."""
        self._ending = True

    def load(self) -> AttemptState | None:
        if self._fresh:
            self._fresh = False
            return None
        try:
            found = self._accessor.get(KEY)
        except AirflowRuntimeError:
            if not self._ending:
                raise
            found = None
        if not found:
            return self._last if self._ending else None
        self._last = AttemptState.from_json(found)
        return self._last

    def save(self, state: AttemptState) -> None:
        self._last = state
        try:
            self._accessor.set(KEY, state.to_json(), retention=NEVER_EXPIRE)
        except AirflowRuntimeError as e:
            if not self._ending:
                raise
            log.warning("the end of generation %d was not saved: %s", state.generation, e)
