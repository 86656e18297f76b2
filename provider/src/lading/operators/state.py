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
        """From now on what this process saw last is taken for what is: a killed task has seconds, Airflow's
        server may be slow or gone, and it knows nothing of a task that was cleared while it ran."""
        self._ending = True

    def load(self) -> AttemptState | None:
        if self._fresh:
            self._fresh = False
            return None
        if self._ending and self._last is not None:
            return self._last
        try:
            found = self._accessor.get(KEY)
        except AirflowRuntimeError:
            if not self._ending:
                raise
            found = None
        if found:
            self._last = AttemptState.from_json(found)
            return self._last
        return None

    def save(self, state: AttemptState) -> None:
        self._last = state
        try:
            if not (self._ending and self._overtaken(state)):
                self._accessor.set(KEY, state.to_json(), retention=NEVER_EXPIRE)
        except AirflowRuntimeError as e:
            if not self._ending:
                raise
            log.warning("the end of generation %d was not saved: %s", state.generation, e)

    def _overtaken(self, state: AttemptState) -> bool:
        """Whether another process began a later generation meanwhile."""
        found = self._accessor.get(KEY)
        return bool(found) and AttemptState.from_json(found).generation > state.generation
