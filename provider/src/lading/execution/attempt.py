"""One step, one effect: start, wait, finish and cancel, each safe to repeat after a crash at any line."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lading.backends.base import (
    Backend,
    FailureClass,
    JobHandle,
    JobRequest,
    JobState,
    Observation,
)
from lading.errors import JobCancelled, LadingError, TransientError
from lading.execution.decision import Decision, Previous, Step, decide
from lading.execution.folder import AttemptFolder
from lading.execution.outputs import with_outputs
from lading.execution.patience import Clock, Patience, Policy
from lading.execution.records import Ended, Hooks, Started
from lading.execution.state import AttemptState, Outcome, Phase, StateStore
from lading.execution.traces import Traces, waiting
from lading.execution.verdict import EXITS, Action, Verdict, failed, judge
from lading.execution.waiting import over
from lading_runner.failpoints import failpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from lading_runner.contract import Attempt, Result, Spec
    from lading_runner.store.base import ObjectStore


class AttemptRunner:
    """Carries one task instance through its generations.

    ``task`` names it; its ``generation`` is ignored. ``request_for`` and ``spec_for`` are pure: for the same
    attempt and fingerprint they give the same (but for ``Spec.deadline``), with ``job_name(attempt)`` as the
    name and ``attempt_folder(attempt)`` as the folder.
    """

    def __init__(
        self,
        *,
        task: Attempt,
        backend: Backend,
        state: StateStore,
        objects: ObjectStore,
        fingerprint: str,
        max_tries: int,
        request_for: Callable[[Attempt], JobRequest],
        spec_for: Callable[[Attempt], Spec],
        hooks: Hooks,
        policy: Policy | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._task, self._backend, self._state, self._objects = task, backend, state, objects
        self._fingerprint, self._max_tries = fingerprint, max_tries
        self._request_for, self._spec_for, self._hooks = request_for, spec_for, hooks
        self._policy, self._clock = policy or Policy(), clock or Clock()
        self._patience = Patience(self._policy, self._clock, hooks.say)
        self._traces = Traces(backend, self._patience)
        self._cancelled = False

    def run(self) -> Result:
        """Start, wait, resubmit what infrastructure lost, finish."""
        ended = self.wait(self.start())
        return self._carry_on(ended)

    def resume(self, started: Started, observation: Observation, *, removed: bool = False) -> Result:
        """``run`` from where somebody else waited: ``observation`` is the last that a trigger made, which
        may have ``removed`` the job."""
        return self._carry_on(replace(self.conclude(started, observation), removed=removed))

    def _carry_on(self, ended: Ended) -> Result:
        while (again := self.resubmit(ended)) is not None:
            ended = self.wait(again)
        return self.finish(ended)

    def start(self) -> Started:
        """Join the open generation's job, or begin a generation and submit its job."""
        loaded = self._state.load()
        state = None if loaded is None else self._marked(loaded)
        failpoint("start.loaded")
        decision, result = self._decide(state)
        self._hooks.say(decision.reason)
        failpoint("start.decided")
        if state is None or decision.step is Step.BEGIN:
            if state is not None:
                self._close(state, decision, result)
            return self._begin(decision.generation, decision.reason)
        if decision.step is Step.SUBMIT:
            return self._submit(state, decision.reason)
        if decision.job is not None:
            return self._submitted(state, decision.job, decision.reason)
        return self._started(state, None, decision.reason)

    def wait(self, started: Started) -> Ended:
        """Poll until the job ended or the deadline passed, then judge."""
        if started.handle is None:
            return self.conclude(started, Observation(JobState.ENDED))
        self._hooks.on_wait(started)
        wait = waiting(
            attempt=started.attempt,
            handle=started.handle,
            backend=self._backend,
            objects=self._objects,
            hooks=self._hooks,
            patience=self._patience,
        )
        return self.conclude(started, wait.until_over(started.deadline))

    def conclude(self, started: Started, observation: Observation) -> Ended:
        """Judge a job that somebody (a trigger, say) saw ending, or running past its deadline."""
        failpoint("wait.ended")
        folder = self._folder(started.attempt)
        if not over(observation):
            return self._time_out(started, folder)
        result = self._traces.settled_result(folder)
        failpoint("wait.result_read")
        if result is None and started.handle is not None and observation.exit_code in EXITS:
            observation = replace(
                observation, reason=self._traces.last_words(started.handle) or observation.reason
            )
        return self._ended(started, observation, result, judge(started.attempt, result, observation))

    def resubmit(self, ended: Ended) -> Started | None:
        """The next generation of a job that infrastructure lost, or that was cancelled with an earlier try
        after this one had joined it; None: neither, or the budget is used up."""
        if self._ended_with_an_earlier_try(ended):
            return self._begin_anew(ended)
        if ended.verdict.action is not Action.RESUBMIT:
            return None
        state = self._still_ours(ended)
        if state.resubmits >= self._policy.infra_retries:
            return None
        self._hooks.on_attempt_end(ended)
        self._remove(ended.handle, state, failed=True)
        failpoint("resubmit.reported")
        count = state.resubmits + 1
        new = f"generation {state.generation + 1}, resubmission {count} of {self._policy.infra_retries}"
        reason = f"{new}: {ended.verdict.message}"
        self._hooks.say(reason)
        self._clock.sleep(self._policy.backoff_s * 2**state.resubmits)
        return self._begin(state.generation + 1, reason, count)

    def finish(self, ended: Ended) -> Result:
        """Verify the outputs, report the end, close the generation.

        :raises StepFailed: the user's code failed; the task's own retries apply
        :raises ConfigError: a retry cannot help
        :raises JobLost: no result, or one that cannot be used
        :raises JobCancelled: cancelled, or overtaken by another worker
        """
        state = self._still_ours(ended)
        if ended.verdict.outcome is Outcome.SUCCEEDED and ended.result is not None:
            outbox = bool(self._spec_for(ended.attempt).outbox)
            ended = with_outputs(ended, ended.result, self._folder(ended.attempt), self._patience, outbox)
        failpoint("finish.verified")
        self._hooks.on_attempt_end(ended)
        failpoint("finish.reported")
        bad = ended.verdict.outcome is not Outcome.SUCCEEDED
        self._remove(ended.handle, state, failed=bad, removed=ended.removed)
        failpoint("finish.removed")
        handle = ended.handle.to_json() if ended.handle else state.handle
        final = replace(state, phase=Phase.FINAL, outcome=ended.verdict.outcome, handle=handle)
        if final != state:
            self._state.save(final)
        failpoint("finish.final_saved")
        if ended.verdict.outcome is not Outcome.SUCCEEDED or ended.result is None:
            raise ended.error()
        return ended.result

    def cancel(self, failure: FailureClass = FailureClass.CANCELLED) -> None:
        """Cancel the open generation's job, whichever worker started it; it can never end in success.

        ``failure``: what it is reported as; TIMEOUT where this worker's time ran out. Where the job outlives
        ``grace_s``, the state stays open and the next start cancels again.
        """
        self._cancelled = True
        state = self._state.load()
        if state is None or state.phase is Phase.FINAL:
            return
        gone = self._cancel_job(state, self._policy.grace_s)
        verdict = self._report_cancelled(state, gone, failure)
        failpoint("cancel.reported")
        if over(gone):
            self._remove(None, state, failed=True)
            self._state.save(replace(state, phase=Phase.FINAL, outcome=verdict.outcome))
            failpoint("cancel.final_saved")

    # Deciding

    def _marked(self, state: AttemptState) -> AttemptState:
        """``state``, cancelled where somebody began to cancel its job."""
        if state.phase is Phase.FINAL:
            return state
        if not self._patience.ask(self._folder(self._attempt(state)).cancelled):
            return state
        return replace(state, outcome=Outcome.CANCELLED)

    def _ended_with_an_earlier_try(self, ended: Ended) -> bool:
        """Who clears a task gives its next try a head start on the end of the job."""
        if self._cancelled or ended.attempt.try_number >= self._task.try_number:
            return False
        return self._patience.ask(self._folder(ended.attempt).cancelled)

    def _begin_anew(self, ended: Ended) -> Started:
        state = self._generation_of(ended)
        self._report_cancelled(state, ended.observation)
        self._remove(ended.handle, state, failed=True)
        reason = f"generation {state.generation + 1}: the one before was cancelled with an earlier try"
        self._hooks.say(reason)
        return self._begin(state.generation + 1, reason)

    def _decide(self, state: AttemptState | None) -> tuple[Decision, Result | None]:
        decision = decide(state, self._fingerprint, max_tries=self._max_tries)
        if decision.step is not Step.LOOK:
            return decision, None
        folder = self._folder(self._attempt(state) if state else self._task)
        found, result = self._traces.look(state, folder)
        return decide(state, self._fingerprint, max_tries=self._max_tries, found=found), result

    # Beginning

    def _begin(self, generation: int, reason: str, resubmits: int = 0) -> Started:
        self._stop_if_cancelled(None)
        state = AttemptState(
            generation=generation,
            phase=Phase.SUBMITTING,
            fingerprint=self._fingerprint,
            max_tries=self._max_tries,
            try_number=self._task.try_number,
            started=datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="milliseconds"),
            resubmits=resubmits,
        )
        self._state.save(state)
        failpoint("start.intent_saved")
        return self._submit(state, reason)

    def _submit(self, state: AttemptState, reason: str) -> Started:
        attempt = self._attempt(state)
        spec, request = self._spec_for(attempt), self._request_for(attempt)
        self._patience.ask(lambda: self._folder(attempt).write_spec(spec))
        self._patience.ask(lambda: self._hooks.on_submit(self._started(state, None, reason)))
        failpoint("start.spec_written")
        self._stop_if_cancelled(None)
        handle = self._patience.ask(lambda: self._backend.submit(request))
        failpoint("start.submitted")
        return self._submitted(state, handle, reason)

    def _submitted(self, state: AttemptState, handle: JobHandle, reason: str) -> Started:
        self._stop_if_cancelled(handle)
        if not self._traces.in_process:  # there the job ended already, and its claim says where it was
            self._state.save(replace(state, phase=Phase.SUBMITTED, handle=handle.to_json()))
        failpoint("start.handle_saved")
        return self._started(state, handle, reason)

    def _started(self, state: AttemptState, handle: JobHandle | None, reason: str) -> Started:
        timeout = self._policy.timeout_s
        deadline = None if timeout is None else self._clock.now() + timeout
        return Started(self._attempt(state), handle, state.started, deadline, reason)

    # Ending

    def _close(self, state: AttemptState, decision: Decision, result: Result | None) -> None:
        """Bring the generation before to its end, where nobody did."""
        if decision.previous is Previous.NOTHING:
            return
        if decision.previous is Previous.CANCEL:
            patience_s = self._policy.grace_s + self._policy.gone_s
            gone = self._cancel_job(state, patience_s)
            if not over(gone):
                raise TransientError(
                    f"the job of generation {state.generation} still runs {patience_s:.0f} s "
                    f"after it was told to end; expected it gone before another begins; "
                    f"let the task retry, or end it by hand"
                )
            self._report_cancelled(state, gone)
        else:
            gone = Observation(JobState.LOST if result is None else JobState.ENDED, reason=decision.reason)
            started = self._started(state, self._handle(state), decision.reason)
            verdict = judge(started.attempt, result, gone)
            self._hooks.on_attempt_end(self._ended(started, gone, result, verdict))
        self._remove(None, state, failed=True)
        failpoint("start.previous_reported")

    def _time_out(self, started: Started, folder: AttemptFolder) -> Ended:
        state = self._state.load()
        if state is not None and state.generation == started.attempt.generation:
            self._cancel_job(state, self._policy.grace_s)
        verdict = failed(FailureClass.TIMEOUT, self._too_long())
        return self._ended(
            started, Observation(JobState.ENDED, failure=FailureClass.TIMEOUT), folder.result(), verdict
        )

    def _cancel_job(self, state: AttemptState, patience_s: float) -> Observation:
        """How the job was last seen: ``over``, unless it outlives that. The intent is kept in the store:
        a killed task has seconds, Airflow's server may be slow, and it takes no state of a cleared task."""
        folder = self._folder(self._attempt(state))
        self._patience.ask(folder.mark_cancelled)
        failpoint("cancel.intent_saved")
        handle = self._traces.job(folder)
        if handle is None:
            return Observation(JobState.LOST, reason="no job of that name")
        self._patience.ask(lambda: self._backend.cancel(handle, self._policy.grace_s))
        failpoint("cancel.requested")
        seen: list[Observation] = []

        def gone() -> bool:
            seen.append(self._patience.ask(lambda: self._backend.observe(handle)))
            return over(seen[-1])

        runs_on = f"the job of generation {state.generation} was told to end and still runs"
        self._patience.until(gone, patience_s, runs_on)
        failpoint("cancel.ended")
        return seen[-1]

    def _report_cancelled(
        self, state: AttemptState, gone: Observation, failure: FailureClass = FailureClass.CANCELLED
    ) -> Verdict:
        started = self._started(state, self._handle(state), "")
        message = f"generation {state.generation} was cancelled"
        if failure is FailureClass.TIMEOUT:
            message = self._too_long()
        verdict = failed(failure, message)
        result = self._patience.ask(self._folder(started.attempt).result)
        self._hooks.on_attempt_end(self._ended(started, gone, result, verdict))
        return verdict

    def _too_long(self) -> str:
        return f"the job did not end within {self._policy.timeout_s or 0:.0f} s and was cancelled"

    def _remove(
        self, handle: JobHandle | None, state: AttemptState, *, failed: bool, removed: bool = False
    ) -> None:
        """A job that cannot be removed costs its place on the platform, not the step.

        :param removed: somebody did that already
        """
        attempt = self._attempt(state)
        try:
            left = None if removed else handle or self._traces.left_over(state, self._folder(attempt))
            if left is not None:
                self._backend.remove(left, failed=failed)
            self._hooks.on_removed(attempt)
        except (LadingError, OSError) as e:
            self._hooks.say(f"a job of generation {state.generation} was left on its platform: {e}")

    def _still_ours(self, ended: Ended) -> AttemptState:
        """The state, unless this generation was cancelled or overtaken: then nothing may be made of it."""
        state = self._generation_of(ended)
        timed_out = ended.verdict.failure is FailureClass.TIMEOUT
        if not self._traces.in_process:
            state = self._marked(state)
        if self._cancelled or (state.outcome is Outcome.CANCELLED and not timed_out):
            raise JobCancelled(
                f"generation {state.generation} was cancelled: its result is not taken; "
                f"clear the task to run it again"
            )
        return state

    def _generation_of(self, ended: Ended) -> AttemptState:
        state = self._state.load()
        if state is None or state.generation != ended.attempt.generation:
            now = "none" if state is None else f"generation {state.generation}"
            raise JobCancelled(
                f"generation {ended.attempt.generation} was overtaken: the state names {now}; "
                f"its result is not taken"
            )
        return state

    def _stop_if_cancelled(self, handle: JobHandle | None) -> None:
        """A kill may arrive while a submission is on its way: then the answer is a job to cancel."""
        if not self._cancelled:
            return
        if handle is not None:
            self._patience.ask(lambda: self._backend.cancel(handle, self._policy.grace_s))
        raise JobCancelled("the task was killed while its job was submitted; clear the task to run it again")

    # Parts

    def _attempt(self, state: AttemptState) -> Attempt:
        return self._task.replace(generation=state.generation, try_number=state.try_number)

    def _folder(self, attempt: Attempt) -> AttemptFolder:
        return AttemptFolder(self._objects, attempt)

    def _handle(self, state: AttemptState) -> JobHandle | None:
        return JobHandle.from_json(state.handle) if state.handle else None

    def _ended(
        self, started: Started, observation: Observation, result: Result | None, verdict: Verdict
    ) -> Ended:
        return Ended(started.attempt, started.handle, started.since, observation, result, verdict)
