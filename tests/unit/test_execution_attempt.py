"""One step, one effect: retries, crashes, lost answers, lost jobs."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import lading.execution
from fakes.attempts import (
    TASK,
    TRACEBACK,
    Desk,
    FileState,
    fail,
    run_for_ever,
    spec_for,
    succeed,
    vanish,
    write_result,
)
from lading.backends.base import FailureClass, JobHandle, JobState, Observation
from lading.errors import ConfigError, JobLost, LadingError, StepFailed, TransientError
from lading.execution import (
    FAILPOINTS,
    AttemptState,
    Outcome,
    Phase,
    Policy,
    Started,
    attempt_folder,
    job_name,
)
from lading_runner.contract import Result, Spec
from lading_runner.store.keys import blob_key


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def first_submission(desk: Desk) -> None:
    """A worker that dies after it submitted: state open, job alive."""
    started = desk.worker().start()
    assert started.attempt.generation == 1


def test_a_step_runs_once_and_is_reported_once(desk: Desk) -> None:
    state = FileState(desk.folder / "state.json")
    result = desk.worker(state=state).run()
    assert desk.objects.read(blob_key(result.outputs["return_value"].digest)) == b"model"
    assert len(desk.platform.effects) == 1
    assert [(e.attempt.generation, e.verdict.outcome) for e in desk.ends] == [(1, Outcome.SUCCEEDED)]
    assert desk.state is not None
    assert (desk.state.phase, desk.state.outcome) == (Phase.FINAL, Outcome.SUCCEEDED)
    assert Counter(state.calls) == {"load": 2, "save": 3}


def test_a_worker_that_died_after_the_end_takes_the_result_and_reports_the_same_event(desk: Desk) -> None:
    first, second = desk.worker().run(), desk.worker(task=TASK.replace(try_number=2)).run()
    assert first == second
    assert len(desk.platform.effects) == 1
    assert desk.ends[0].event_id == desk.ends[1].event_id
    assert desk.ends[0].attempt == desk.ends[1].attempt  # with the try that began it


def test_a_cleared_task_runs_again(desk: Desk) -> None:
    desk.worker().run()
    desk.worker(max_tries=2).run()
    assert len(set(desk.platform.effects)) == 2
    assert desk.state is not None
    assert desk.state.generation == 2


def test_a_run_that_was_deleted_and_made_anew_runs_again(desk: Desk) -> None:
    for tries in range(11):
        desk.worker(max_tries=tries).run()
    (desk.folder / "state.json").unlink()
    desk.worker(fingerprint="other").run()
    assert [e.attempt.generation for e in desk.ends] == [*range(1, 12), 12]
    assert len(set(desk.platform.effects)) == 12


def test_a_deleted_result_is_made_again(desk: Desk) -> None:
    desk.worker().run()
    desk.objects.delete(f"{attempt_folder(TASK)}/result.json")
    desk.worker().run()
    assert len(desk.platform.effects) == 2


def test_a_failure_is_followed_by_the_tasks_own_retry(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [fail(), succeed])
    with pytest.raises(StepFailed, match="ValueError: no rows") as raised:
        desk.worker().run()
    assert raised.value.__notes__ == [TRACEBACK.rstrip()]
    assert desk.state is not None
    assert (desk.state.phase, desk.state.outcome) == (Phase.FINAL, Outcome.FAILED)
    desk.worker().run()
    assert [e.verdict.outcome for e in desk.ends] == [Outcome.FAILED, Outcome.SUCCEEDED]


def test_a_job_that_was_left_running_is_joined(desk: Desk) -> None:
    first_submission(desk)
    desk.worker().run()
    assert len(desk.platform.effects) == len(desk.platform.jobs) == 1
    assert "joined" in desk.said[-1]


def test_an_intent_without_a_job_is_submitted_under_its_own_name(desk: Desk) -> None:
    desk.put_state()
    desk.worker().run()
    assert list(desk.platform.jobs) == [job_name(TASK)]


def test_a_job_that_died_after_its_claim_makes_room_for_the_next_generation(desk: Desk) -> None:
    desk.put_state(phase=Phase.SUBMITTED)
    desk.objects.create(f"{attempt_folder(TASK)}/claim", b"id")
    desk.worker().run()
    assert [(e.attempt.generation, e.verdict.failure) for e in desk.ends] == [
        (1, FailureClass.INFRA),
        (2, None),
    ]


def test_a_job_that_finished_between_two_looks_is_not_lost(desk: Desk) -> None:
    """The platform forgot it already, the result shows a moment later."""
    first_submission(desk)
    succeed(desk.platform, desk.generation(1))
    desk.platform.jobs.clear()
    desk.objects.results_at = desk.time.at + 3
    desk.worker().run()
    assert len(desk.platform.effects) == 1
    assert desk.ends[-1].attempt.generation == 1


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_job_that_failed_unwatched_is_reported_and_retried(desk: Desk, status: str) -> None:
    first_submission(desk)
    write_result(desk.objects, desk.generation(1).request, status)
    desk.worker().run()
    assert [(e.attempt.generation, e.verdict.outcome) for e in desk.ends] == [(1, status), (2, "succeeded")]


def test_a_job_that_succeeded_unwatched_is_collected(desk: Desk) -> None:
    first_submission(desk)
    succeed(desk.platform, desk.generation(1))
    desk.worker().run()
    assert len(desk.platform.effects) == len(desk.platform.jobs) == 1


def test_a_lost_answer_to_a_submission_gives_no_second_job(desk: Desk) -> None:
    desk.platform.lose_answers = 3
    desk.worker().run()
    assert len(desk.platform.effects) == len(desk.platform.jobs) == 1


def test_a_platform_that_is_silent_for_a_while_is_asked_again(desk: Desk) -> None:
    desk.platform.silent = 20
    desk.worker().run()
    assert len(desk.platform.effects) == 1
    assert [line for line in desk.said if "no answer" in line] == ["no answer; asked again for up to 600 s"]


def test_a_platform_that_stays_silent_fails_the_try_and_keeps_the_job(desk: Desk) -> None:
    desk.platform.silent = 10**9
    with pytest.raises(TransientError, match=r"no answer; asked again for 6\d\d s"):
        desk.worker().run()
    desk.platform.silent = 0
    desk.worker().run()
    assert len(desk.platform.effects) == len(desk.platform.jobs) == 1


def test_a_store_that_is_down_for_a_while_is_asked_again(desk: Desk) -> None:
    worker = desk.worker()
    started = worker.start()
    desk.objects.down = 15
    worker.finish(worker.wait(started))
    assert len(desk.ends) == 1


def test_a_store_that_stays_down_fails_the_try_and_the_next_takes_the_result(desk: Desk) -> None:
    worker = desk.worker()
    started = worker.start()
    desk.objects.down = 10**9
    with pytest.raises(TransientError, match="503"):
        worker.wait(started)
    desk.objects.down = 0
    desk.worker().run()
    assert len(desk.platform.effects) == 1


def test_a_result_that_shows_late_is_waited_for(desk: Desk) -> None:
    desk.objects.results_at = desk.time.at + 5
    desk.worker().run()
    assert len(desk.ends) == 1


@pytest.mark.parametrize("failure", [FailureClass.INFRA, FailureClass.PREEMPTED])
def test_a_job_lost_to_infrastructure_is_resubmitted_with_backoff(
    tmp_path: Path, failure: FailureClass
) -> None:
    desk = Desk(tmp_path, [vanish(failure=failure), vanish(failure=failure), succeed], Policy(settle_s=0))
    desk.worker().run()
    assert [e.verdict.failure for e in desk.ends] == [failure, failure, None]
    assert [e.attempt.generation for e in desk.ends] == [1, 2, 3]
    assert [s for s in desk.time.slept if s >= 10] == [10, 20]


def test_past_its_budget_a_lost_job_fails_the_try_with_all_that_is_known(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [vanish(exit_code=137, reason="node went away")])
    with pytest.raises(JobLost, match=r"generation 4 ended without a result \(exit code 137.*node went away"):
        desk.worker().run()
    assert [e.attempt.generation for e in desk.ends] == [1, 2, 3, 4]
    assert desk.state is not None
    assert desk.state.outcome is Outcome.FAILED


def test_the_budget_survives_the_worker(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [vanish()])
    desk.put_state(phase=Phase.SUBMITTED, resubmits=3, generation=4)
    desk.platform.submit(desk.worker()._request_for(TASK.replace(generation=4)))
    with pytest.raises(JobLost):
        desk.worker().run()
    assert [e.attempt.generation for e in desk.ends] == [4]


def test_wrong_configuration_is_not_resubmitted(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [fail("config")])
    with pytest.raises(ConfigError):
        desk.worker().run()
    assert len(desk.platform.jobs) == 1


def test_a_result_of_another_generation_is_not_accepted(desk: Desk) -> None:
    desk.worker().run()
    old = desk.objects.read(f"{attempt_folder(TASK)}/result.json")
    new = f"{attempt_folder(TASK.replace(generation=2))}/result.json"
    desk.platform.acts = [
        lambda platform, job: platform.objects.write(new, old) or Observation(JobState.ENDED, 0)
    ]
    with pytest.raises(JobLost):
        desk.worker(max_tries=9, policy=Policy(infra_retries=0)).run()


def test_a_foreign_result_in_the_folder_is_no_reason_not_to_submit(desk: Desk) -> None:
    desk.put_state(generation=2)
    foreign = Result(TASK, "succeeded").dumps()
    desk.objects.create(f"{attempt_folder(TASK.replace(generation=2))}/result.json", foreign)
    desk.worker().start()
    assert list(desk.platform.jobs) == [job_name(TASK.replace(generation=2))]


@pytest.mark.parametrize("damage", [b"", None])
def test_outputs_without_their_bytes_are_no_success(desk: Desk, damage: bytes | None) -> None:
    worker = desk.worker()
    ended = worker.wait(worker.start())
    assert ended.result is not None
    key = blob_key(ended.result.outputs["return_value"].digest)
    desk.objects.delete(key)
    if damage is not None:
        desk.objects.write(key, damage)
    with pytest.raises(JobLost, match="return_value"):
        worker.finish(ended)
    assert [e.verdict.outcome for e in desk.ends] == [Outcome.FAILED]
    assert desk.state is not None
    assert desk.state.outcome is Outcome.FAILED


def test_a_trigger_can_wait_and_another_worker_finish(desk: Desk) -> None:
    kept = json.loads(json.dumps(desk.worker().start().to_json()))
    started = Started.from_json(kept)
    assert started.handle is not None
    seen = desk.platform.observe(started.handle)
    while seen.state is not JobState.ENDED:
        seen = desk.platform.observe(started.handle)
    worker = desk.worker()
    ended = worker.conclude(started, seen)
    assert worker.resubmit(ended) is None
    assert worker.finish(ended).status == "succeeded"


def test_a_collected_generation_passes_through_json_too(desk: Desk) -> None:
    desk.worker().run()
    started = Started.from_json(json.loads(json.dumps(desk.worker().start().to_json())))
    assert started.handle is None
    assert desk.worker().wait(started).verdict.outcome is Outcome.SUCCEEDED


def test_two_workers_with_different_specs_for_one_generation_are_told_apart(desk: Desk) -> None:
    first_submission(desk)
    desk.platform.jobs.clear()
    other = desk.worker(spec_for=lambda attempt: spec_for(attempt).replace(params={"trees": 1}))
    with pytest.raises(LadingError, match="holds another spec"):
        other.start()


def test_submitting_again_finds_its_own_spec(desk: Desk) -> None:
    first_submission(desk)
    desk.platform.jobs.clear()
    desk.worker().run()
    assert len(desk.platform.effects) == 1


def test_submitting_again_renews_the_deadline_and_nothing_else(desk: Desk) -> None:
    first_submission(desk)
    desk.platform.jobs.clear()
    later = "2026-01-01T00:00:00Z"
    desk.worker(spec_for=lambda attempt: spec_for(attempt).replace(deadline=later)).start()
    spec = Spec.loads(desk.objects.read(f"{attempt_folder(TASK)}/spec.json"))
    assert spec.dumps() == spec_for(TASK).replace(deadline=later).dumps()


def test_a_state_of_another_release_is_refused_with_the_cure() -> None:
    with pytest.raises(LadingError, match="delete the task's state"):
        AttemptState.from_json({"generation": 1, "phase": "dreaming"})


def test_a_state_passes_through_json_unknown_fields_left_aside() -> None:
    state = AttemptState(2, Phase.SUBMITTED, "f", JobHandle("b", "i", "n").to_json(), Outcome.CANCELLED, 3)
    data: dict[str, Any] = json.loads(json.dumps(state.to_json())) | {"later": 1}
    assert AttemptState.from_json(data) == state


def test_a_state_of_an_earlier_release_may_lack_what_came_later() -> None:
    state = AttemptState.from_json({"generation": 2, "phase": "submitting", "fingerprint": "f"})
    assert state == AttemptState(2, Phase.SUBMITTING, "f")


def test_every_failpoint_in_the_source_is_listed() -> None:
    source = Path(lading.execution.__file__).parent.glob("*.py")
    found = [name for path in source for name in re.findall(r'failpoint\("([^"]+)"\)', path.read_text())]
    assert sorted(found) == sorted(FAILPOINTS)


def test_a_job_that_runs_for_ever_does_not_stop_the_poll_from_beating(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    beats: list[int] = []

    def heartbeat() -> None:
        beats.append(1)
        if len(beats) == 50:
            raise Enough

    desk = Desk(tmp_path, [run_for_ever])
    worker = desk.worker()
    worker._hooks = replace(worker._hooks, heartbeat=heartbeat)
    with pytest.raises(Enough):
        worker.run()
    assert max(desk.time.slept) == 10.0
