"""A step that is killed, cleared or marked while its job runs: nothing of that generation counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fakes.attempts import TASK, Desk, FileState, Job, Platform, run_for_ever, succeed
from lading.errors import JobCancelled
from lading.execution import AttemptFolder, AttemptState, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lading.backends.base import Observation


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_cancellation_that_the_state_did_not_take_is_known_to_the_next_try(desk: Desk) -> None:
    """Airflow takes no state of a task that was cleared while it ran, and its platform may have lost the job
    before it claimed: nothing but the store tells that this generation is over."""

    class Deaf(FileState):
        deaf = False

        def save(self, state: AttemptState) -> None:
            if not self.deaf:
                super().save(state)

    state = Deaf(desk.folder / "state.json")
    worker = desk.worker(state=state)
    worker.start()
    state.deaf = True
    worker.cancel()
    desk.platform.jobs.clear()

    desk.worker().run()

    assert desk.ends[-1].verdict.outcome is Outcome.SUCCEEDED
    assert desk.ends[-1].attempt.generation == 2
    outcomes = {(end.event_id, end.verdict.outcome) for end in desk.ends}
    assert len({event for event, _ in outcomes}) == len(outcomes) == 2


@pytest.mark.parametrize("act", [run_for_ever, succeed])
def test_a_job_that_is_cancelled_after_the_next_try_joined_it_makes_room_for_another(
    tmp_path: Path, act: Callable[[Platform, Job], Observation]
) -> None:
    """A deferred task is cleared: its next try may start before the triggerer hears of it."""
    desk = Desk(tmp_path, [act, succeed])
    desk.worker().start()
    next_try = desk.worker(task=TASK.replace(try_number=2))
    joined = next_try.start()
    assert joined.attempt.generation == 1

    AttemptFolder(desk.objects, joined.attempt).mark_cancelled()
    assert joined.handle is not None
    desk.platform.cancel(joined.handle, 1)
    ended = next_try.wait(joined)
    again = next_try.resubmit(ended)
    assert again is not None
    result = next_try.finish(next_try.wait(again))

    assert result.attempt.generation == 2
    outcomes = [(end.attempt.generation, end.verdict.outcome) for end in desk.ends]
    assert outcomes == [(1, Outcome.CANCELLED), (2, Outcome.SUCCEEDED)]


def test_a_job_that_is_cancelled_under_the_try_that_began_it_is_not_begun_again(desk: Desk) -> None:
    worker = desk.worker()
    started = worker.start()
    ended = worker.wait(started)
    AttemptFolder(desk.objects, started.attempt).mark_cancelled()

    assert worker.resubmit(ended) is None
    with pytest.raises(JobCancelled, match="its result is not taken"):
        worker.finish(ended)
