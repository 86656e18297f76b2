"""The attempt's memory in Airflow, also where Airflow no longer answers."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from lading.execution import AttemptState, Phase
from lading.operators.state import TaskState

BEGUN = AttemptState(1, Phase.SUBMITTED, "same")


class Accessor:
    """As Airflow's: ``cleared`` moves the task to history, ``down`` is a server that is gone."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.cleared = self.down = False
        self.asked = 0

    def get(self, key: str) -> Any:
        self._answer()
        return None if self.cleared else self.kept.get(key)

    def set(self, key: str, value: Any, *, retention: object) -> None:
        self._answer()
        if self.cleared:
            raise _error()
        self.kept[key] = value

    def _answer(self) -> None:
        self.asked += 1
        if self.down:
            raise _error()


def _error() -> AirflowRuntimeError:
    return AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 404}))


@pytest.mark.parametrize("gone", ["cleared", "down"])
def test_a_killed_task_knows_its_generation_where_airflow_does_not(gone: str) -> None:
    accessor = Accessor()
    state = TaskState(accessor)
    state.save(BEGUN)
    setattr(accessor, gone, True)
    state.end()

    assert state.load() == BEGUN
    ended = AttemptState(1, Phase.FINAL, "same")
    state.save(ended)
    assert state.load() == ended


def test_a_task_that_runs_takes_nothing_for_known_that_airflow_does_not_know() -> None:
    accessor = Accessor()
    state = TaskState(accessor)
    state.save(BEGUN)
    accessor.cleared = True

    assert state.load() is None
    with pytest.raises(AirflowRuntimeError):
        state.save(BEGUN)
    accessor.down = True
    with pytest.raises(AirflowRuntimeError):
        state.load()


def test_a_killed_task_asks_nothing_before_its_job_is_cancelled() -> None:
    """Airflow gives it five seconds, and a busy server may take as long for one answer."""
    accessor = Accessor()
    state = TaskState(accessor)
    state.save(BEGUN)
    state.end()
    asked = accessor.asked

    assert state.load() == BEGUN
    assert accessor.asked == asked


def test_a_killed_task_leaves_the_state_of_its_successor_alone() -> None:
    accessor = Accessor()
    state = TaskState(accessor)
    state.save(BEGUN)
    later = AttemptState(2, Phase.SUBMITTED, "same")
    TaskState(accessor).save(later)
    state.end()

    state.save(AttemptState(1, Phase.FINAL, "same"))

    assert TaskState(accessor).load() == later


def test_a_state_is_found_by_the_next_process() -> None:
    accessor = Accessor()
    TaskState(accessor).save(BEGUN)

    assert TaskState(accessor).load() == BEGUN


def test_the_first_try_asks_nothing_until_it_has_saved() -> None:
    accessor = Accessor()
    accessor.down = True
    state = TaskState(accessor, first_try=True)

    assert state.load() is None

    accessor.down = False
    state.save(BEGUN)
    assert state.load() == BEGUN
