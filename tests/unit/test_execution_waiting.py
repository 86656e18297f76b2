"""Cancelling, deadlines, duplicates and log lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate, islice, pairwise
from typing import TYPE_CHECKING
from weakref import WeakSet

import pytest

from fakes.attempts import TASK, Desk, FileState, Job, Platform, run_for_ever, succeed
from lading.backends.base import FailureClass, JobHandle, JobRequest, JobState, Observation
from lading.errors import JobCancelled, JobLost, TransientError
from lading.execution import Clock, Outcome, Patience, Phase, Policy, attempt_folder
from lading.execution.traces import Traces
from lading_runner.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lading.execution import AttemptRunner, AttemptState


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def generations(desk: Desk) -> list[tuple[int, str]]:
    return [(e.attempt.generation, e.verdict.outcome) for e in desk.ends]


def test_a_changed_step_cancels_the_old_job_before_the_new_one_begins(desk: Desk) -> None:
    desk.worker().start()
    desk.worker(fingerprint="changed").run()
    assert desk.generation(1).cancels == 1
    assert desk.generation(1).observation.state is JobState.ENDED
    assert generations(desk) == [(1, "cancelled"), (2, "succeeded")]
    assert len(desk.platform.effects) == 1


def test_no_second_job_begins_beside_one_that_will_not_die(desk: Desk) -> None:
    desk.acts[:] = [run_for_ever, succeed]
    desk.platform.stubborn = True
    desk.worker().start()
    with pytest.raises(TransientError, match="still runs"):
        desk.worker(fingerprint="changed").start()
    assert len(desk.platform.jobs) == 1
    desk.platform.stubborn = False
    desk.worker().run()  # the cancellation is carried through, even for the old code
    assert generations(desk) == [(1, "cancelled"), (2, "succeeded")]


def test_a_changed_step_whose_job_is_gone_begins_at_once(desk: Desk) -> None:
    desk.put_state()
    desk.worker(fingerprint="changed").run()
    assert generations(desk) == [(1, "cancelled"), (2, "succeeded")]


def test_a_cancelled_job_never_turns_into_success(desk: Desk) -> None:
    desk.worker().start()
    desk.worker().cancel()
    succeed(desk.platform, desk.generation(1))  # too late
    assert desk.state is not None
    assert (desk.state.phase, desk.state.outcome) == (Phase.FINAL, Outcome.CANCELLED)
    started = desk.worker().start()
    assert started.attempt.generation == 2


def test_a_worker_killed_in_the_middle_of_a_cancellation_leaves_it_to_the_next(desk: Desk) -> None:
    desk.worker().start()
    desk.put_state(phase=Phase.SUBMITTED, outcome=Outcome.CANCELLED)
    succeed(desk.platform, desk.generation(1))
    desk.worker().run()
    assert generations(desk) == [(1, "cancelled"), (2, "succeeded")]


def test_a_job_cancelled_by_somebody_else_while_it_is_watched_is_no_success(desk: Desk) -> None:
    worker = desk.worker()
    ended = worker.wait(worker.start())
    assert ended.verdict.outcome is Outcome.SUCCEEDED
    desk.put_state(phase=Phase.SUBMITTED, outcome=Outcome.CANCELLED)
    with pytest.raises(JobCancelled, match="cancelled"):
        worker.finish(ended)
    assert desk.ends == []


def test_a_kill_whose_cancellation_failed_is_no_success_either(desk: Desk) -> None:
    @dataclass
    class Unsaved(FileState):
        broken: bool = False

        def save(self, state: AttemptState) -> None:
            if self.broken:
                raise TransientError("the API server is down")
            super().save(state)

    kept = Unsaved(desk.folder / "state.json")
    worker = desk.worker(state=kept)
    ended = worker.wait(worker.start())
    kept.broken = True
    with pytest.raises(TransientError):
        worker.cancel()
    kept.broken = False
    with pytest.raises(JobCancelled):
        worker.finish(ended)
    assert [end.verdict.outcome for end in desk.ends] == [Outcome.CANCELLED]


def test_a_worker_that_was_overtaken_reports_nothing(desk: Desk) -> None:
    worker = desk.worker()
    ended = worker.wait(worker.start())
    desk.put_state(generation=2)
    with pytest.raises(JobCancelled, match="overtaken: the state names generation 2"):
        worker.finish(ended)
    (desk.folder / "state.json").unlink()
    with pytest.raises(JobCancelled, match="names none"):
        worker.finish(ended)
    assert desk.ends == []


def test_a_lost_job_is_not_resubmitted_after_a_kill(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [run_for_ever])
    worker = desk.worker()
    started = worker.start()
    worker.cancel()
    desk.generation(1).observation = Observation(JobState.ENDED, 137, "node went away")
    with pytest.raises(JobCancelled):
        worker.resubmit(worker.wait(started))
    assert len(desk.platform.jobs) == 1


@dataclass
class Interrupting(Platform):
    """The kill arrives while the submission is on its way."""

    worker: AttemptRunner | None = None
    early: bool = False

    def submit(self, job: JobRequest) -> JobHandle:
        assert self.worker is not None
        if self.early:  # before the platform heard of the job
            self.worker.cancel()
        handle = super().submit(job)
        if not self.early:
            self.worker.cancel()
        return handle


@pytest.mark.parametrize("early", [True, False])
def test_a_kill_during_a_submission_leaves_no_job_alive(desk: Desk, early: bool) -> None:
    platform = Interrupting(desk.objects, [run_for_ever], early=early)
    platform.worker = desk.worker(backend=platform)
    with pytest.raises(JobCancelled, match="killed"):
        platform.worker.start()
    assert [j.observation.state for j in platform.jobs.values()] == [JobState.ENDED]
    assert desk.state is not None
    assert desk.state.outcome is Outcome.CANCELLED


def test_a_kill_before_the_submission_submits_nothing(desk: Desk) -> None:
    worker = desk.worker()
    worker.cancel()
    with pytest.raises(JobCancelled):
        worker.start()
    assert desk.platform.jobs == {}
    assert desk.state is None


def test_a_kill_while_the_spec_is_written_submits_nothing(desk: Desk) -> None:
    worker = desk.worker()
    worker._spec_for = lambda attempt, make=worker._spec_for: worker.cancel() or make(attempt)  # type: ignore[func-returns-value]
    with pytest.raises(JobCancelled):
        worker.start()
    assert desk.platform.jobs == {}


def test_cancelling_what_is_over_does_nothing(desk: Desk) -> None:
    desk.worker().run()
    before = desk.state
    desk.worker().cancel()
    assert desk.state == before
    assert desk.generation(1).cancels == 0


def test_a_job_that_outlives_its_cancellation_stays_open_for_the_next_start(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [run_for_ever])
    desk.platform.stubborn = True
    desk.worker().start()
    desk.worker().cancel()
    assert desk.state is not None
    assert desk.state.phase is Phase.SUBMITTED
    begun = desk.time.at
    with pytest.raises(TransientError, match="still runs 330 s after it was told to end"):
        desk.worker().start()
    assert 330 <= desk.time.at - begun < 345
    assert desk.said[-1] == "the job of generation 1 was told to end and still runs; waited for up to 330 s"
    assert len(desk.platform.jobs) == 1


def test_past_its_deadline_a_job_is_cancelled_and_fails(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [run_for_ever, succeed], Policy(timeout_s=60))
    begun = desk.time.at
    with pytest.raises(JobLost, match="did not end within 60 s"):
        desk.worker().run()
    assert desk.generation(1).cancels == 1
    assert 60 <= desk.time.at - begun < 62
    assert desk.ends[0].verdict.failure is FailureClass.TIMEOUT
    desk.worker().run()
    assert generations(desk) == [(1, "cancelled"), (2, "succeeded")]


def test_a_worker_whose_own_time_ran_out_leaves_a_cancelled_generation_and_no_job(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [run_for_ever, succeed], Policy(timeout_s=60))
    worker = desk.worker()
    worker.start()
    worker.cancel(FailureClass.TIMEOUT)
    assert desk.generation(1).cancels == 1
    assert desk.ends[0].verdict.failure is FailureClass.TIMEOUT
    assert "did not end within 60 s" in desk.ends[0].verdict.message
    desk.worker().run()
    assert generations(desk) == [(1, "cancelled"), (2, "succeeded")]


def test_a_success_that_arrives_after_the_deadline_does_not_count(tmp_path: Path) -> None:
    def too_late(platform: Platform, job: Job) -> Observation:
        succeed(platform, job)
        return Observation(JobState.RUNNING)

    desk = Desk(tmp_path, [too_late], Policy(timeout_s=60))
    with pytest.raises(JobLost, match="did not end"):
        desk.worker().run()
    assert desk.state is not None
    assert desk.state.outcome is Outcome.CANCELLED


@pytest.mark.parametrize("state", [None, 2])
def test_a_deadline_cancels_no_job_of_another_generation(tmp_path: Path, state: int | None) -> None:
    desk = Desk(tmp_path, [run_for_ever], Policy(timeout_s=5))
    worker = desk.worker()
    started = worker.start()
    (desk.folder / "state.json").unlink()
    if state:
        desk.put_state(generation=state)
    before = desk.state
    ended = worker.wait(started)
    assert desk.generation(1).cancels == 0
    assert desk.state == before
    with pytest.raises(JobCancelled, match="overtaken"):
        worker.finish(ended)


# Duplicates: the runner found the claim taken and exits 86


def exit_86(platform: Platform, job: Job) -> Observation:
    return Observation(JobState.ENDED, 86)


@dataclass
class Hidden(Platform):
    """Two jobs under one name; ``find`` gives the holder of the claim."""

    holder: JobHandle | None = None

    def find(self, name: str) -> JobHandle | None:
        return self.holder or super().find(name)

    def observe(self, handle: JobHandle) -> Observation:
        if handle != self.holder:
            return super().observe(handle)
        job = self.jobs[handle.name]
        return succeed(self, replace(job, request=job.request))


def test_a_duplicate_waits_for_the_result_of_the_claims_holder(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [exit_86])
    worker = desk.worker()
    started = worker.start()
    polls: list[int] = []

    def heartbeat() -> None:
        polls.append(1)
        if len(polls) == 9:
            succeed(desk.platform, desk.generation(1))

    worker._hooks = replace(worker._hooks, heartbeat=heartbeat)
    worker.finish(worker.wait(started))
    assert len(polls) == 9
    assert len(desk.platform.effects) == 1


def test_a_duplicate_follows_the_job_that_holds_the_claim(desk: Desk) -> None:
    platform = Hidden(desk.objects, [exit_86])
    worker = desk.worker(backend=platform)
    started = worker.start()
    assert started.handle is not None
    platform.holder = replace(started.handle, id="the other")
    assert worker.finish(worker.wait(started)).status == "succeeded"
    assert len(platform.effects) == 1


def test_a_duplicate_whose_holder_is_gone_is_lost(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [exit_86])
    worker = desk.worker()
    started = worker.start()
    desk.platform.find = lambda name: None  # type: ignore[method-assign]
    ended = worker.wait(started)
    assert (ended.verdict.failure, ended.observation.state) == (FailureClass.INFRA, JobState.LOST)


def test_a_duplicate_does_not_wait_for_ever(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [exit_86], Policy(duplicate_s=100, infra_retries=0))
    worker = desk.worker()
    started = worker.start()
    desk.objects.create(f"{attempt_folder(TASK)}/claim", b"job-7")
    begun = desk.time.at
    with pytest.raises(JobLost, match="a duplicate of job-7"):
        worker.finish(worker.wait(started))
    assert 100 <= desk.time.at - begun < 150


# Log lines


def test_lines_arrive_while_the_job_runs_each_once_and_in_order(desk: Desk) -> None:
    folder = f"{attempt_folder(TASK)}/log"
    live: list[list[str]] = []
    worker = desk.worker()
    desk.platform.polls = 4
    started = worker.start()
    chunks = iter([{"8": b"eight\n"}, {"9": b"nine\nte", "10": b"n\n"}, {"11": b"half"}])

    def heartbeat() -> None:
        live.append(list(desk.lines))
        for name, body in next(chunks, {}).items():
            desk.objects.create(f"{folder}/{name}", body)

    worker._hooks = replace(worker._hooks, heartbeat=heartbeat)
    worker.wait(started)
    assert live == [[], ["eight"], ["eight", "nine", "ten"], ["eight", "nine", "ten"]]
    assert desk.lines == ["eight", "nine", "ten", "half"]


def test_a_job_whose_runner_never_wrote_is_told_by_its_platform(desk: Desk) -> None:
    desk.platform.native_log = ["exec: python: not found"]
    desk.worker().run()
    assert desk.lines == ["exec: python: not found"]


def test_the_last_words_of_a_long_log_are_found_without_holding_it(desk: Desk) -> None:
    class Line(str):
        __slots__ = ("__weakref__",)

    alive: WeakSet[Line] = WeakSet()
    most = 0

    @dataclass
    class Talkative(Platform):
        def logs(self, handle: JobHandle, since: str | None) -> Iterator[str]:
            nonlocal most
            for number in range(5000):
                line = Line(f"line {number}")
                alive.add(line)
                most = max(most, len(alive))
                yield line
            yield " "

    traces = Traces(Talkative(desk.objects, [succeed]), Patience(Policy(), Clock(), desk.said.append))
    assert traces.last_words(JobHandle("fake", "id", "name")) == "line 4999"
    assert 0 < most < 10


@pytest.mark.parametrize("error", [TransientError("gone"), StoreUnavailable("gone")])
def test_a_log_that_cannot_be_read_fails_no_job(desk: Desk, error: Exception) -> None:
    @dataclass
    class Mute(Platform):
        def logs(self, handle: JobHandle, since: str | None) -> Iterator[str]:
            raise error

    assert desk.worker(backend=Mute(desk.objects, [succeed])).run().status == "succeeded"
    assert any("log could not be read" in line for line in desk.said)


def test_each_thing_that_happens_to_a_waiting_job_is_said_once(desk: Desk) -> None:
    worker = desk.worker()
    started = worker.start()
    desk.platform.queued += [
        "Pulling: a",
        "Pulling: a\nBackOff: b",
        "Pulling: a\nBackOff: b",
        "BackOff: b\nPulled: c",
    ]
    before = len(desk.said)
    worker.wait(started)
    assert desk.said[before:] == ["Pulling: a", "BackOff: b", "Pulled: c"]


def test_the_end_of_a_job_is_seen_soon_in_proportion_to_how_long_it_ran() -> None:
    pauses = Patience(Policy(poll_max_s=5.0), Clock()).pauses()
    looks = list(accumulate(islice(pauses, 60)))
    for before, after in pairwise(looks):
        assert after - before <= min(0.1 + 0.2 * before, 5.0) + 1e-9
    assert sum(look < 5 for look in looks) < 20  # what a short job costs its platform
