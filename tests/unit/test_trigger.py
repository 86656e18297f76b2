"""What the trigger of a deferred step says, without a triggerer."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from fakes.attempts import Desk, fail, vanish
from lading import deployment
from lading.backends import registry
from lading.backends.base import JobState, Observation
from lading.execution import Started
from lading.triggers import LadingTrigger
from lading_runner.store import ArtifactStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.triggers.base import TriggerEvent


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Its platform is the backend ``venv`` for as long as the test runs."""
    made = Desk(tmp_path)

    class Here(type(made.platform)):  # type: ignore[misc]  # only its constructor is another
        @classmethod
        def configured(cls, target: Any, worker: Any) -> Any:
            return made.platform

    known = registry.get
    monkeypatch.setattr(registry, "get", lambda name: Here if name == "venv" else known(name))
    monkeypatch.setattr(deployment, "store", lambda: ArtifactStore(made.objects))
    return made


def trigger(started: Started, target: str = "venv") -> LadingTrigger:
    return LadingTrigger(target, started.to_json(), poll_interval_s=0.01, grace_s=1)


def only_event(waiting: LadingTrigger) -> dict[str, Any]:
    async def collected() -> list[TriggerEvent]:
        return [event async for event in waiting.run()]

    (event,) = asyncio.run(collected())
    payload: dict[str, Any] = json.loads(json.dumps(event.payload))  # as Airflow keeps it
    return payload


def again(made: LadingTrigger) -> LadingTrigger:
    """As another triggerer has it."""
    _, kwargs = made.serialize()
    return LadingTrigger(**json.loads(json.dumps(kwargs)))


def test_it_waits_for_the_end_and_another_worker_takes_the_result(desk: Desk) -> None:
    started = desk.worker().start()
    event = only_event(again(trigger(started)))
    observation = Observation.from_json(event["observation"])
    assert observation == Observation(JobState.ENDED, 0)
    result = desk.worker().resume(Started.from_json(event["started"]), observation)
    assert result.status == "succeeded"
    assert len(desk.platform.effects) == 1


def test_a_job_that_succeeded_is_removed_so_that_the_worker_need_not_ask_its_platform(desk: Desk) -> None:
    event = only_event(trigger(desk.worker().start()))
    assert event["removed"] is True
    assert desk.platform.removed == [(name, False) for name in desk.platform.jobs]
    desk.platform.silent = 10**9
    observation = Observation.from_json(event["observation"])
    worker = desk.worker()
    assert worker.resume(Started.from_json(event["started"]), observation, removed=True).status == "succeeded"
    assert len(desk.platform.removed) == 1


@pytest.mark.parametrize("act", [fail(), vanish(exit_code=0)])
def test_a_job_without_a_success_is_left_for_the_worker_to_judge_and_remove(
    desk: Desk, act: Callable[..., Observation]
) -> None:
    desk.platform.acts = [act]
    event = only_event(trigger(desk.worker().start()))
    assert event["removed"] is False
    assert desk.platform.removed == []


def test_it_asks_a_silent_platform_again(desk: Desk) -> None:
    desk.platform.silent = 3
    event = only_event(trigger(desk.worker().start()))
    assert desk.platform.silent == 0
    assert event["observation"]["state"] == "ended"


def test_what_keeps_it_from_seeing_the_job_is_said_and_the_job_goes_on(desk: Desk) -> None:
    started = desk.worker().start()
    event = only_event(trigger(started, target="nowhere"))
    assert "'nowhere' is neither a target nor a backend" in event["silent"]
    assert [job.cancels for job in desk.platform.jobs.values()] == [0]


def test_a_kill_ends_the_job_and_marks_its_generation(desk: Desk) -> None:
    started = desk.worker().start()
    asyncio.run(trigger(started).on_kill())
    assert [job.cancels for job in desk.platform.jobs.values()] == [1]
    assert [name for name, failed in desk.platform.removed] == list(desk.platform.jobs)
    assert desk.worker().run().attempt.generation == 2
