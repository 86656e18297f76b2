"""Who may find, join and cancel a job, and what is said of one that is gone."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lading.backends.base import FailureClass, JobHandle, JobState, Observation, Worker
from lading.errors import JobCancelled, TransientError
from lading.execution import Outcome, judge
from lading.testing import steps
from lading.testing.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from lading.testing.trial import Trial

DUPLICATE = 86  # exit code of the runner that found the claim taken


class JobContract(Bench):
    def test_a_name_that_was_never_submitted_is_absent(self, trials: Callable[..., Trial]) -> None:
        assert self.backend(Worker()).find(trials(steps.one).name) is None

    def test_a_job_whose_claim_is_taken_does_nothing(self, trials: Callable[..., Trial]) -> None:
        trial = trials(steps.nothing)
        trial.write_spec()
        trial.store.objects.create(f"{trial.key}/claim", b"another job")
        backend = trial.backend()
        seen = self.ended(trial, backend.submit(trial.job()), backend)
        assert seen.state is JobState.ENDED
        if seen.exit_code != DUPLICATE:  # a platform that replaces processes tells why it had to
            assert (seen.exit_code, seen.failure) == (None, FailureClass.INFRA)
        assert trial.read("claim") == b"another job"
        assert trial.read("result.json") is None

    @pytest.fixture(scope="class")
    @classmethod
    def done(cls, trials: Callable[..., Trial]) -> tuple[Trial, JobHandle]:
        """A job that was submitted, that ended, and that nobody removed."""
        self = cls()
        self.only_detached()
        trial = trials(steps.report, params={"odd": {}, "lines": steps.LINES})
        handle = trial.submit()
        self.ended(trial, handle)
        return trial, handle

    def test_its_end_is_seen_by_whoever_looks(self, done: tuple[Trial, JobHandle]) -> None:
        trial, handle = done
        seen = trial.observe(JobHandle.from_json(json.loads(json.dumps(handle.to_json()))))
        assert (seen.state, seen.exit_code, seen.failure) == (JobState.ENDED, 0, None)
        assert Observation.from_json(json.loads(json.dumps(seen.to_json()))) == seen

    def test_it_is_found_by_its_name_again(self, done: tuple[Trial, JobHandle]) -> None:
        trial, handle = done
        found = trial.backend().find(trial.name)
        assert found is not None
        assert (found.backend, found.id, found.name) == (handle.backend, handle.id, trial.name)

    def test_submitting_it_twice_is_one_job(self, done: tuple[Trial, JobHandle]) -> None:
        trial, handle = done
        assert trial.submit().id == handle.id
        assert self.ended(trial, handle).exit_code == 0
        self.made_one(trial)

    def test_cancelling_it_after_its_end_leaves_it_alone(self, done: tuple[Trial, JobHandle]) -> None:
        trial, handle = done
        trial.backend().cancel(handle, 5)
        seen = trial.observe(handle)
        assert (seen.state, seen.exit_code, seen.failure) == (JobState.ENDED, 0, None)

    def test_the_platform_s_own_log_has_what_it_printed(self, done: tuple[Trial, JobHandle]) -> None:
        trial, handle = done
        printed = [line for line in trial.backend().logs(handle, None) if line in set(steps.LINES)]
        assert printed == steps.LINES

    def test_what_a_job_holds_is_freed_once_and_again(self, trials: Callable[..., Trial]) -> None:
        self.only_detached()
        trial = trials(steps.one)
        handle = trial.submit()
        self.ended(trial, handle)
        for _ in range(2):
            trial.backend().remove(handle, failed=False)
        assert trial.over(handle), "a job that was removed still runs, they say"
        trial.backend().cancel(handle, 1)
        assert trial.result() is not None

    def test_a_handle_of_no_job_is_lost_and_nothing_else(self, done: tuple[Trial, JobHandle]) -> None:
        trial, handle = done
        strange = self.unknown_handle(handle)
        seen = trial.observe(strange)
        assert seen.state is JobState.LOST
        assert seen.reason
        trial.backend().cancel(strange, 1)
        trial.backend().remove(strange, failed=True)
        assert list(trial.backend().logs(strange, None)) == []
        assert trial.observe(handle).exit_code == 0

    def test_four_submitters_at_once_make_one_job(self, trials: Callable[..., Trial]) -> None:
        self.only_detached()
        trial, gate = trials(steps.nothing), threading.Barrier(4)
        trial.write_spec()

        def submit(_: int) -> JobHandle:
            backend = trial.backend()
            gate.wait(30)
            return self.ask(lambda: backend.submit(trial.job()))

        with ThreadPoolExecutor(4) as pool:
            made = {handle.id: handle for handle in pool.map(submit, range(4))}
        codes = {number: self.ended(trial, handle).exit_code for number, handle in made.items()}
        (holder,) = (number for number, code in codes.items() if code == 0)
        assert set(codes.values()) <= {0, DUPLICATE}
        found = trial.backend().find(trial.name)
        assert found is not None
        assert found.id == holder
        if not self.duplicates:
            assert set(made) == {holder}
            self.made_one(trial)

    def test_a_job_whose_submission_was_not_answered_is_joined(self, trials: Callable[..., Trial]) -> None:
        self.only_detached()
        self.need("lose_answer")
        trial = trials(steps.nothing)
        trial.write_spec()
        with self.lose_answer(), suppress(Exception):
            trial.backend().submit(trial.job())
        found: list[JobHandle | None] = []

        def shown() -> bool:
            found.append(self.ask(lambda: trial.backend().find(trial.name)))
            return found[-1] is not None

        self.until(shown, "the job was not found by its name")
        handle = trial.submit()
        assert found[-1] is not None
        assert found[-1].id == handle.id
        assert self.ended(trial, handle).exit_code == 0
        self.made_one(trial)

    def test_a_job_is_joined_by_the_next_worker(self, trials: Callable[..., Trial]) -> None:
        self.only_detached()
        trial = trials(steps.wait, params={"seconds": 1})
        started = trial.worker().start()
        assert trial.value(trial.run()) == "done"
        assert [end.attempt.generation for end in trial.ended] == [1]
        assert trial.ended[0].handle == started.handle
        self.made_one(trial)

    def test_a_job_of_other_code_is_cancelled_and_not_joined(self, trials: Callable[..., Trial]) -> None:
        self.only_detached()
        old = trials(steps.wait, params={"seconds": 600})
        started = old.worker("old code").start()
        self.until(lambda: old.read("claim"), "the first job did not begin")
        new = trials(steps.one, task=old.task, state=old.state)
        assert new.value(new.worker("new code").run()) == 1
        ends = [(end.attempt.generation, end.verdict.outcome) for end in new.ended]
        assert ends == [(1, Outcome.CANCELLED), (2, Outcome.SUCCEEDED)]
        assert started.handle is not None
        assert old.over(started.handle)

    # Who ends it

    def test_a_running_job_is_cancelled_and_again_for_nothing(self, trials: Callable[..., Trial]) -> None:
        trial = trials(steps.wait, params={"seconds": 600})
        handle = self.begun(trial)
        for _ in range(2):
            trial.backend().cancel(handle, 10)
        seen = self.ended(trial, handle)
        self.unsuccessful(seen)
        assert isinstance(seen.exit_code, int) or not self.tells_codes, seen
        result = trial.result()
        assert result is None or result.status == "cancelled"

    def test_a_cancelled_attempt_never_succeeds(self, trials: Callable[..., Trial]) -> None:
        self.only_detached()
        trial = trials(steps.wait, params={"seconds": 600})
        worker = trial.worker()
        started = worker.start()
        worker.cancel()
        assert [end.verdict.outcome for end in trial.ended] == [Outcome.CANCELLED]
        with pytest.raises(JobCancelled):
            worker.finish(worker.wait(started))
        assert started.handle is not None
        assert trial.over(started.handle)

    def test_a_job_is_cancelled_right_after_its_submission(self, trials: Callable[..., Trial]) -> None:
        self.only_detached()
        trial = trials(steps.wait, params={"seconds": 600})
        handle = trial.submit()
        trial.backend().cancel(handle, 5)
        self.unsuccessful(self.ended(trial, handle))
        result = trial.result()
        assert result is None or result.status == "cancelled"

    def test_a_job_is_cancelled_before_it_begins(self, trials: Callable[..., Trial]) -> None:
        self.only_detached()
        self.need("hold")
        trial = trials(steps.wait, params={"seconds": 600})
        with self.hold():
            handle = trial.submit()
            assert trial.read("claim") is None
            trial.backend().cancel(handle, 5)
        self.unsuccessful(self.ended(trial, handle))
        assert trial.read("claim") is None
        assert trial.result() is None

    def test_a_job_that_is_killed_is_replaced_within_its_budget(self, trials: Callable[..., Trial]) -> None:
        self.only_detached()
        self.need("kill_job")
        trial = trials(steps.wait, params={"seconds": 600})
        trial.policy = replace(trial.policy, infra_retries=1)
        killed: list[JobHandle] = []

        def kill() -> None:
            self.until(lambda: trial.read("claim"), "the job did not begin")
            handle = trial.backend().find(trial.name)
            assert handle is not None
            trial.params = {"seconds": 0}  # of the generation that comes: a platform may kill late
            self.kill_job(handle)
            killed.append(handle)

        killer = threading.Thread(target=kill)
        killer.start()
        result = trial.run()
        killer.join()
        assert len(killed) == 1
        assert trial.value(result) == "done"
        ends = [(end.attempt.generation, end.verdict.failure) for end in trial.ended]
        assert ends == [(1, FailureClass.INFRA), (2, None)]

    def test_a_job_that_vanishes_is_lost_with_a_reason(self, trials: Callable[..., Trial]) -> None:
        self.need("erase_job")
        trial = trials(steps.wait, params={"seconds": 600})
        handle = self.begun(trial)
        self.erase_job(handle)
        self.until(lambda: trial.over(handle), "the job that was erased is still there, they say")
        seen = trial.observe(handle)
        assert seen.state is JobState.LOST
        assert seen.reason
        assert judge(trial.task, None, seen).failure is FailureClass.INFRA
        assert trial.backend().find(trial.name) is None

    def test_a_job_that_is_preempted_says_so(self, trials: Callable[..., Trial]) -> None:
        self.need("preempt")
        trial = trials(steps.wait, params={"seconds": 600})
        handle = self.begun(trial)
        self.preempt(handle)
        assert self.verdict(trial, handle) is FailureClass.PREEMPTED

    def test_a_silent_platform_is_asked_again(self, trials: Callable[..., Trial]) -> None:
        self.need("silence")
        trial = trials(steps.wait, params={"seconds": 1})
        handle = self.begun(trial)
        with self.silence(), pytest.raises(TransientError):
            trial.observe(handle)
        assert self.ended(trial, handle).exit_code == 0
