"""One execution of a step in the task process: the attempt, its lineage events, the return value."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, AirflowTaskTimeout

from lading import capture, deployment
from lading.backends import registry
from lading.backends.base import Capability, FailureClass, Observation, Worker
from lading.backends.local import this_process
from lading.errors import ConfigError, JobCancelled, StepFailed, TransientError
from lading.execution import AttemptRunner, Clock, Ended, Hooks, OpenJob, Policy, Started, open_job_key
from lading.lineage.event import Output
from lading.operators import events
from lading.operators.call import Call, load_all
from lading.operators.options import target_of
from lading.operators.plan import StepPlan
from lading.operators.state import TaskState
from lading.triggers import LadingTrigger
from lading.xcom.pull import step_view
from lading.xcom.push import inline
from lading.xcom.record import record_of
from lading.xcom.traced import Handle
from lading_runner import values
from lading_runner.contract import ArtifactRef, Attempt, Producer, Result, Spec
from lading_runner.errors import DuplicateAttempt
from lading_runner.interrupts import Interrupted
from lading_runner.invoke import Outcome, execute
from lading_runner.staging import annotation_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lading.backends.base import Backend, JobHandle, JobRequest


class StepRun:
    """One try of one step. Made in the task process, used once."""

    def __init__(self, operator: Any, context: Any, event: Mapping[str, Any] | None = None) -> None:
        """``event``: what the trigger saw of the job that an earlier process left to it."""
        self.operator, self.context, self.ti = operator, context, context["ti"]
        self.log = operator.log
        self.store = deployment.store()
        self.record = record_of(self.ti)
        self.record.rendered = True
        self.plan: StepPlan
        self.outcome: Outcome | None = None  # of a call in this process
        first = self.ti.try_number <= 1 and event is None
        self._state = TaskState(context["task_state_store"], first_try=first)
        self._event = event
        self._started = Started.from_json(event["started"]) if event else None
        self._attempts: AttemptRunner | None = None
        self._killed = threading.Event()
        self._calling = False

    def execute(self, call: Call) -> Any:
        """The return value, or what stands for it.

        :raises AirflowFailException: configuration is wrong; a retry cannot help
        :raises JobCancelled: the task was killed
        :raises AirflowTaskTimeout: ``execution_timeout`` passed; the job was cancelled
        """
        try:
            target = target_of(self.operator.step)
            backend = registry.get(target.backend).configured(target, self._worker())
            self.plan = StepPlan(self.operator, call, self.store, self.ti, target=target, backend=backend)
            self._attempts = self._runner(backend)
            return self._returned(self._run(self._attempts))
        except ConfigError as e:
            raise AirflowFailException(str(e)) from None
        except StepFailed as e:
            failure = self._user_error() or e
        except (Interrupted, JobCancelled) as e:
            if self._killed.is_set():
                self._cancel(FailureClass.CANCELLED)
            raise JobCancelled(str(e)) from None
        except AirflowTaskTimeout:  # raised by Airflow's alarm while the job was submitted or waited for
            self._cancel(FailureClass.TIMEOUT)
            raise
        raise failure  # outside of the handler: the user's exception is no consequence of another

    def _run(self, attempts: AttemptRunner) -> Result:
        if self._event is None or self._started is None:
            return attempts.run()
        if "silent" in self._event:
            raise TransientError(f"the triggerer cannot wait for the job: {self._event['silent']}")
        observation = Observation.from_json(self._event["observation"])
        return attempts.resume(self._started, observation, removed=self._event.get("removed", False))

    def _defer(self, started: Started) -> None:
        """Leave the wait to the triggerer."""
        self._stop_if_killed()  # else who told this process to end would be left with a job
        self._show(started.handle)
        asked = self.operator.step.deferrable
        deferrable = deployment.settings().deferrable if asked is None else asked
        if not deferrable or Capability.DEFERRABLE not in self._capabilities:
            return
        settings = deployment.settings()
        trigger = LadingTrigger(
            target=self.plan.target.name,
            started=started.to_json(),
            poll_interval_s=settings.poll_interval_s,
            grace_s=settings.cancel_grace_s,
        )
        self.operator.defer(trigger=trigger, method_name="resume")

    def _register(self, started: Started) -> None:
        """So that the job can be ended by who is not this process, with the event that holds then."""
        if Capability.DEFERRABLE in self._capabilities:
            event = events.cancelled_event(self, started).to_json()
            OpenJob(started.attempt, self.plan.target.name, event).write(self.store.objects)

    def _deregister(self, attempt: Attempt) -> None:
        if Capability.DEFERRABLE in self._capabilities:
            self.store.objects.delete(open_job_key(attempt))

    def kill(self) -> None:
        """On SIGTERM, in the signal handler: only marks, so that no request of the protocol is torn in two.
        User code that runs in this process is interrupted where it stands."""
        self._killed.set()
        if self._calling:
            raise self._interrupted()

    def _cancel(self, failure: FailureClass) -> None:
        if self._attempts is not None:
            self._state.end()
            self._attempts.cancel(failure)

    def _interrupted(self) -> Interrupted:
        return Interrupted(
            f"step {self.ti.task_id!r} was killed while it ran; nothing of it counts", "cancelled"
        )

    def _stop_if_killed(self) -> None:
        if self._killed.is_set():
            raise self._interrupted()

    def _pause(self, seconds: float) -> None:
        """Ends early when the task is killed."""
        if self._killed.is_set():
            time.sleep(min(seconds, 0.2))
        else:
            self._killed.wait(seconds)

    def _worker(self) -> Worker:
        return Worker(
            cache=deployment.settings().environments,
            log=self._build_line,
            secrets=deployment.secrets,
            connection=deployment.connection,
            store_options=deployment.store_options,
            run=self._call_here,
        )

    def _timeout_s(self) -> float | None:
        """What is left of the try's time."""
        if self._started is not None:
            deadline = self._started.deadline
            return None if deadline is None else max(0.0, deadline - time.time())
        timeout = self.operator.execution_timeout
        return timeout.total_seconds() if timeout else None

    def _runner(self, backend: Backend) -> AttemptRunner:
        settings, asked = deployment.settings(), self.operator.step.infra_retries
        self._capabilities = backend.capabilities
        return AttemptRunner(
            task=capture.attempt_of(self.ti, 1),
            backend=backend,
            state=self._state,
            objects=self.store.objects,
            fingerprint=self.plan.fingerprint(),
            max_tries=self.ti.max_tries,
            request_for=self.plan.request,
            spec_for=self.plan.spec,
            hooks=Hooks(
                on_attempt_end=self._record,
                on_log=self._log_line,
                heartbeat=self._stop_if_killed,
                on_submit=self._register,
                on_removed=self._deregister,
                on_wait=self._defer,
                say=self.log.info,
            ),
            policy=Policy(
                timeout_s=self._timeout_s(),
                infra_retries=settings.infra_retries if asked is None else asked,
                poll_max_s=settings.poll_interval_s,
                grace_s=settings.cancel_grace_s,
            ),
            clock=Clock(sleep=self._pause),
        )

    def _call_here(self, job: JobRequest) -> int:
        """The job of the local backend: the runner's exit code."""
        spec = Spec.loads(self.store.objects.read(f"{job.folder}/spec.json"))
        if not self.store.objects.create(f"{job.folder}/claim", this_process().encode()):
            return DuplicateAttempt.exit_code
        self.outcome = execute(spec, self.store, function=self._loaded_call, masker=deployment.masker())
        self._stop_if_killed()
        self._show_traceback(self.outcome)
        self.store.objects.create(f"{job.folder}/result.json", self.outcome.result.dumps())
        return 0 if self.outcome.result.status == "succeeded" else 1

    def _show_traceback(self, outcome: Outcome) -> None:
        """As a job elsewhere prints it: before Airflow's report, in which Airflow's own frames come first."""
        if isinstance(outcome.exception, Exception) and not isinstance(
            outcome.exception, AirflowSkipException
        ):
            for line in (outcome.result.error or {}).get("traceback", "").splitlines():
                self._log_line(line)

    def _loaded_call(self) -> Any:
        """The user's function on its inputs, which are read here: a damaged one is the step's failure."""
        call = self.plan.call
        self._calling = True
        try:
            self._stop_if_killed()
            args = [self._ready(*pair) for pair in zip(self.plan.names, call.args, strict=True)]
            return call.function(*args, **{name: self._ready(name, v) for name, v in call.kwargs.items()})
        finally:
            self._calling = False

    def _ready(self, name: str, value: Any) -> Any:
        hint = annotation_of(self.plan.call.function, name)
        return load_all(value, hint, allow_pickle=self.plan.allow_pickle)

    def _log_line(self, line: str) -> None:
        self.log.info("%s", line)

    def _build_line(self, line: str) -> None:
        """Of an environment that is built, which may take minutes: a kill ends it between two lines."""
        self._stop_if_killed()
        self._log_line(line)

    def _user_error(self) -> BaseException | None:
        """In place, the user's own exception, as retry rules and callbacks expect it."""
        return self.outcome.exception if self.outcome is not None else None

    def _show(self, job: JobHandle | None) -> None:
        self.operator.job_url = job.url if job is not None else None

    def _record(self, ended: Ended) -> None:
        """The lineage event of one generation; called again for the same one after a crash."""
        self._show(ended.handle)
        status = ended.verdict.outcome.value
        if status == "succeeded":
            self._stop_if_killed()
        if self.outcome is not None and isinstance(self.outcome.exception, AirflowSkipException):
            status = "skipped"
        inputs = capture.inputs_of(self.ti)  # after the call, which may have pulled more by hand
        outputs = self._outputs(ended.result) if status == "succeeded" else ()
        event = events.step_event(self, ended, status, inputs, outputs)
        capture.write(event)
        self.record.recorded = True
        if status == "succeeded":
            events.fill_outlets(self, event)

    def _outputs(self, result: Result | None) -> tuple[Output, ...]:
        found = dict(self.record.pushes)
        if result is not None:
            found.update(result.outputs)
            if self.operator.multiple_outputs and (whole := result.outputs.get("return_value")):
                found.update(_keys(whole, self.store))
            if (small := self._in_row()) is not None:
                found["return_value"] = small.ref
        return tuple(Output(name, ref) for name, ref in found.items())

    def _in_row(self) -> Handle | None:
        """A value that its row will hold whole, though it is stored in parts: readers know it by its row."""
        whole = self.outcome.result.outputs.get("return_value") if self.outcome else None
        if self.outcome is None or whole is None or whole.format != values.COLLECTION:
            return None
        return inline(self.outcome.value, Producer(*self.record.coordinates))

    def _remember(self, value: Any, ref: ArtifactRef) -> None:
        """What is pushed again is not stored again: a figure may have other bytes when it is drawn twice."""
        self.record.remember(value, ref)
        if self.operator.multiple_outputs:
            for key, (_, part, small) in _items(ref, self.store):
                if small is values.ABSENT:  # what is small has no bytes in the store
                    self.record.remember(value[key], part)

    def _returned(self, result: Result) -> Any:
        ref = result.outputs.get("return_value")
        if ref is None:
            return None
        if self.outcome is not None:
            self._remember(self.outcome.value, ref)
            return self.outcome.value
        handle = Handle(ref, Producer(*self.record.coordinates))
        small = ref.format == "json" and ref.size <= deployment.settings().inline_limit
        if small and not ref.meta.get(values.WITHHELD):
            return values.load(ref, self.store)  # small JSON as the value, so that its row stays readable
        return step_view(handle)


def _keys(whole: ArtifactRef, store: Any) -> dict[str, ArtifactRef]:
    """The references of a dict's values, by key."""
    return {str(key): ref for key, (_, ref, _small) in _items(whole, store)}


def _items(whole: ArtifactRef, store: Any) -> list[tuple[Any, values.Element]]:
    """Of a dict that is stored value by value; else none."""
    if whole.format != values.COLLECTION:
        return []
    found = values.elements(whole, store)
    return list(zip(found.keys, found.refs, strict=True)) if found.kind == "dict" else []
