"""One execution of a step: specification, attempt, result, lineage event."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lading import capture, deployment
from lading.backends import registry
from lading.backends.base import Backend, JobRequest
from lading.backends.local import this_process
from lading.code.slicing import StepCode, image_code, slice_function
from lading.errors import CodeSliceError, ConfigError, StepFailed
from lading.execution import AttemptRunner, Ended, Hooks, Policy, attempt_folder, fingerprint, job_name
from lading.lineage.event import Input, Output
from lading.operators import events
from lading.operators.call import Call, WireCall, load_all, to_wire
from lading.operators.options import PLAIN_CONTEXT, target_of
from lading.operators.state import TaskState
from lading.xcom.pull import step_view
from lading.xcom.record import record_of
from lading.xcom.traced import Handle
from lading_runner import values
from lading_runner.contract import ArtifactRef, Attempt, Producer, Result, Spec
from lading_runner.invoke import Interrupted, Outcome, execute


class StepRun:
    """Everything about one try of one step. Made in the task process, used once."""

    def __init__(self, operator: Any, context: Any) -> None:
        self.operator, self.context, self.ti = operator, context, context["ti"]
        self.log = operator.log
        self.record = record_of(self.ti)
        self.record.rendered = True
        self.target = target_of(operator.step)
        self.store = deployment.store()
        self.in_place = self.target.backend == "local"
        self.outcome: Outcome | None = None  # of a call in this process
        self.attempts: AttemptRunner | None = None
        self.code: StepCode | None = None
        self.wire = WireCall()
        self.inputs: tuple[Input, ...] = ()
        self.killed = False

    def execute(self, call: Call) -> Any:
        """The return value, or what stands for it.

        :raises AirflowFailException: configuration is wrong; a retry cannot help
        """
        try:
            self.prepare(call)
            assert self.attempts is not None
            result = self.attempts.run()
        except ConfigError as e:
            raise AirflowFailException(str(e)) from None
        except StepFailed:
            self._raise_user_error()
            raise
        return self._returned(result)

    def prepare(self, call: Call) -> None:
        plain = self._without_context(call)
        call = call if self.in_place else plain
        self.wire = to_wire(plain, _names(call), secret_ok=self.in_place)
        self.code = self._code(call.function)
        self.call = call
        settings, step = deployment.settings(), self.operator.step
        timeout = self.operator.execution_timeout
        self.attempts = AttemptRunner(
            task=capture.attempt_of(self.ti, 1),
            backend=self._backend(),
            state=TaskState(self.context["task_state_store"]),
            objects=self.store.objects,
            fingerprint=self._fingerprint(),
            max_tries=self.ti.max_tries,
            request_for=self.request,
            spec_for=self.spec,
            hooks=Hooks(on_attempt_end=self._record, on_log=self._log_line, say=self.log.info),
            policy=Policy(
                timeout_s=timeout.total_seconds() if timeout else None,
                infra_retries=settings.infra_retries if step.infra_retries is None else step.infra_retries,
                poll_max_s=settings.poll_interval_s,
                grace_s=settings.cancel_grace_s,
            ),
        )

    def cancel(self) -> None:
        """On SIGTERM. In place, the user's code is interrupted where it stands; elsewhere the job is cancelled."""
        self.killed = True
        if self.in_place:
            raise Interrupted(
                f"step {self.ti.task_id!r} was killed while it ran; nothing of it counts", "cancelled"
            )
        if self.attempts is not None:
            self.attempts.cancel()

    def request(self, attempt: Attempt) -> JobRequest:
        folder, target = attempt_folder(attempt), self.target
        timeout = self.operator.execution_timeout
        return JobRequest(
            name=job_name(attempt),
            dag_id=attempt.dag_id,
            task_id=attempt.task_id,
            spec_uri=f"{self._job_store()}/{folder}/spec.json",
            store_root=self.store.objects.root,
            folder=folder,
            resources=target.resources,
            image=target.image,
            requirements=self._requirements(),
            python=target.python,
            env=target.env,
            labels={"dag_id": attempt.dag_id, "task_id": attempt.task_id, "run_id": attempt.run_id},
            options=target.options,
            timeout_s=timeout.total_seconds() if timeout else None,
        )

    def spec(self, attempt: Attempt) -> Spec:
        code = self.code
        return Spec(
            attempt=attempt,
            code={"digest": code.digest if code else None, "entry": self._entry()},
            store=self._job_store(),
            folder=attempt_folder(attempt),
            args=self.wire.args,
            params=self.wire.params,
            inputs=self.wire.inputs,
            outputs={"split": self._split()},
            python=f"=={self.target.python}.*" if self.target.python else None,
            environment={"kind": self.target.backend},
            allow_pickle=self._allow_pickle(),
        )

    def _job_store(self) -> str:
        return self.target.store or self.store.objects.root

    def _requirements(self) -> Any:
        found = self.target.requirements
        if isinstance(found, str):  # a file, relative to the DAG's
            return (os.path.join(os.path.dirname(inspect.getfile(self.call.function)), found),)  # noqa: PTH118,PTH120
        return tuple(found or ())

    def _allow_pickle(self) -> bool:
        asked = self.operator.step.allow_pickle
        return deployment.settings().allow_pickle if asked is None else asked

    def _split(self) -> bool:
        return (
            bool(self.operator.multiple_outputs)
            or next(iter(self.operator.iter_mapped_dependants()), None) is not None
        )

    def _entry(self) -> str:
        if self.code is not None:
            return self.code.entry
        return f"{self.call.function.__module__}:{self.call.function.__qualname__}"

    def _code(self, function: Callable[..., Any]) -> StepCode | None:
        """The step's code, put in the store; in place, a function that cannot be sliced runs all the same."""
        if self.operator.step.code == "image":
            return image_code(f"{function.__module__}:{function.__qualname__}")
        try:
            code = slice_function(function)
        except CodeSliceError as e:
            if not self.in_place:
                raise
            self.log.warning("the code of this step has no digest: %s", e)
            return None
        if code.digest and not self.store.exists(code.digest):
            self.store.put_bytes(code.archive)
        return code

    def _fingerprint(self) -> str:
        return fingerprint(
            code_digest=self.code.digest if self.code else None,
            entry=self._entry(),
            args=self.wire.args,
            params=self.wire.params,
            inputs={path: ref.digest for path, ref in self.wire.inputs.items()},
            resources=self.target.resources,
            image=self.target.image,
            environment={"backend": self.target.backend, "requirements": list(self._requirements())},
            options=self.target.options,
            python=self.target.python,
        )

    def _backend(self) -> Backend:
        kind: Any = registry.get(self.target.backend)
        if self.in_place:
            return kind(self._call_here)  # type: ignore[no-any-return]
        if self.target.backend == "venv":
            settings = deployment.settings()
            return kind(cache=settings.environments, log=self._log_line, secrets=deployment.secrets)  # type: ignore[no-any-return]
        return kind()  # type: ignore[no-any-return]

    def _without_context(self, call: Call) -> Call:
        """What crosses the wire: of Airflow's context only the values that are plain data and asked for by name."""
        named = set(inspect.signature(call.function).parameters)
        keep = {
            k: v for k, v in call.kwargs.items() if k in call.given or (k in named and k in PLAIN_CONTEXT)
        }
        return Call(call.function, call.args, keep, call.given)

    def _call_here(self, job: JobRequest) -> int:
        attempt = Spec.loads(self.store.objects.read(f"{job.folder}/spec.json")).attempt
        self.store.objects.create(f"{job.folder}/claim", this_process().encode())
        self.outcome = execute(
            self.spec(attempt), self.store, function=self._loaded_call, mask=deployment.mask
        )
        self.store.objects.create(f"{job.folder}/result.json", self.outcome.result.dumps())
        return 0 if self.outcome.result.status == "succeeded" else 1

    def _loaded_call(self) -> Any:
        """The user's function on its inputs, which are read here: a damaged one is the step's failure."""
        return self.call.function(*load_all(list(self.call.args)), **load_all(dict(self.call.kwargs)))

    def _log_line(self, line: str) -> None:
        self.log.info("%s", line)

    def _raise_user_error(self) -> None:
        """In place, the user's own exception goes on, with the user's frames first."""
        error = self.outcome.exception if self.outcome else None
        if error is not None:
            raise error.with_traceback(self.outcome.traceback if self.outcome else None)

    def _record(self, ended: Ended) -> None:
        status = ended.verdict.outcome.value
        if self.outcome is not None and isinstance(self.outcome.exception, AirflowSkipException):
            status = "skipped"
        self.inputs = capture.inputs_of(self.ti)  # after the call, which may have pulled more by hand
        outputs = self._outputs(ended.result) if status == "succeeded" else ()
        event = events.step_event(self, ended, status, outputs)
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
        return tuple(Output(name, ref) for name, ref in found.items())

    def _returned(self, result: Result) -> Any:
        ref = result.outputs.get("return_value")
        if ref is None:
            return None
        if self.outcome is not None:
            self.record.remember(self.outcome.value, ref)
            return self.outcome.value
        producer = Producer(*self.record.coordinates[:3], self.record.coordinates[3])
        return _small_or_view(Handle(ref, producer), self.store)


def _keys(whole: ArtifactRef, store: Any) -> dict[str, ArtifactRef]:
    """The references of a dict's values, by key."""
    if whole.format != values.COLLECTION:
        return {}
    collection = values.elements(whole, store)
    if collection.kind != "dict":
        return {}
    return {key: ref for key, (_, ref, _small) in zip(collection.keys, collection.refs, strict=True)}


def _small_or_view(handle: Handle, store: Any) -> Any:
    """Small JSON as the value, so that its row stays readable; everything else as handles."""
    if handle.ref.format == "json" and handle.ref.size <= deployment.settings().inline_limit:
        return values.load(handle.ref, store)
    return step_view(handle)


def _names(call: Call) -> list[str]:
    """Names of the positional arguments."""
    names: list[str] = []
    for parameter in inspect.signature(call.function).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{i}]" for i in range(len(call.args) - len(names))]
        elif parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            names.append(parameter.name)
    return names[: len(call.args)]
