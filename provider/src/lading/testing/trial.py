"""One task instance of a step on a backend, with all that an attempt needs, and no Airflow."""

from __future__ import annotations

import contextlib
import io
import json
import uuid
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lading.backends.base import JobState, Worker
from lading.backends.local import this_process
from lading.code.slicing import slice_function
from lading.config import Target
from lading.execution import AttemptRunner, AttemptState, Ended, Hooks, Policy, attempt_folder, job_name
from lading.operators.request import job_request
from lading_runner import values
from lading_runner.contract import Attempt, Result, Spec
from lading_runner.errors import DuplicateAttempt
from lading_runner.invoke import execute

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lading.backends.base import Backend, JobHandle, JobRequest, Observation, StoreView
    from lading.execution import StateStore
    from lading_runner.store import ArtifactStore

POLICY = Policy(poll_min_s=0.05, poll_max_s=0.5, settle_s=2, grace_s=10, backoff_s=0.01, infra_retries=0)


@dataclass
class MemoryState:
    """An attempt's state, which outlives its workers; JSON, as Airflow keeps it."""

    saved: str = "null"

    def load(self) -> AttemptState | None:
        data = json.loads(self.saved)
        return None if data is None else AttemptState.from_json(data)

    def save(self, state: AttemptState) -> None:
        self.saved = json.dumps(state.to_json())


@dataclass
class Trial:
    """``function`` as a step on ``backend``; each ``worker()`` is another try, with a backend object of its
    own, as another process would have it.

    ``lines``, ``said`` and ``ended`` are what its hooks were told: what the job printed, what the worker
    decided, and how each generation ended.
    """

    backend_for: Callable[[Worker], Backend]
    store: ArtifactStore  # as the worker sees it
    function: Callable[..., Any]
    params: Mapping[str, Any] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)  # fields of the ``JobRequest``
    spec: Mapping[str, Any] = field(default_factory=dict)  # fields of the ``Spec``
    lend: Worker = field(default_factory=Worker)
    policy: Policy = POLICY
    task: Attempt = field(default_factory=lambda: Attempt("dag", f"run-{uuid.uuid4().hex[:12]}", "train"))
    state: StateStore = field(default_factory=MemoryState)
    lines: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.code = slice_function(self.function, roots=())
        self.store.put_bytes(self.code.archive)

    @property
    def name(self) -> str:
        """Of the first generation's job."""
        return job_name(self.task)

    def backend(self) -> Backend:
        """A new object for the same target."""
        return self.backend_for(replace(self.lend, run=self.lend.run or self._run_here))

    @cached_property
    def _view(self) -> StoreView:
        return self.backend().store_view(self.store.root)

    def job(self, attempt: Attempt | None = None) -> JobRequest:
        """What is submitted for ``attempt``; None: the first generation."""
        made = job_request(
            attempt or self.task,
            Target("trial", "trial"),
            self.backend(),
            store_root=self.store.root,
        )
        return replace(made, **self.request)

    def spec_for(self, attempt: Attempt) -> Spec:
        given: dict[str, Any] = {
            "attempt": attempt,
            "code": self.code.to_spec(),
            "store": self._view.root,
            "folder": attempt_folder(attempt),
            "params": dict(self.params),
            "outbox": self._view.outbox or None,
            **self.spec,
        }
        return Spec(**given)

    def worker(self, fingerprint: str = "same") -> AttemptRunner:
        return AttemptRunner(
            task=self.task,
            backend=self.backend(),
            state=self.state,
            objects=self.store.objects,
            fingerprint=fingerprint,
            max_tries=3,
            request_for=self.job,
            spec_for=self.spec_for,
            hooks=Hooks(self.ended.append, on_log=self.lines.append, say=self.said.append),
            policy=self.policy,
        )

    def run(self) -> Result:
        """:raises LadingError: as ``AttemptRunner.finish``"""
        return self.worker().run()

    def submit(self, backend: Backend | None = None) -> JobHandle:
        """Its spec written and its job submitted, without a word in the attempt's state."""
        self.write_spec()
        return (backend or self.backend()).submit(self.job())

    def write_spec(self) -> None:
        self.store.objects.create(f"{self.key}/spec.json", self.spec_for(self.task).dumps())

    @property
    def key(self) -> str:
        """Of the first generation's folder in the store."""
        return attempt_folder(self.task)

    def read(self, name: str) -> bytes | None:
        """A file of the first generation's folder; None: it is not there."""
        try:
            return self.store.objects.read(f"{self.key}/{name}")
        except KeyError:
            return None

    def result(self) -> Result | None:
        """Of the first generation."""
        raw = self.read("result.json")
        return None if raw is None else Result.loads(raw)

    def value(self, result: Result) -> Any:
        return values.load(result.outputs["return_value"], self.store)

    def over(self, handle: JobHandle) -> bool:
        return self.observe(handle).state in (JobState.ENDED, JobState.LOST)

    def observe(self, handle: JobHandle) -> Observation:
        """By a backend that did not submit it."""
        return self.backend().observe(handle)

    def _run_here(self, job: JobRequest) -> int:
        """The job of a backend that is the task process itself, as the operator runs it."""
        objects = self.store.objects
        if not objects.create(f"{job.folder}/claim", this_process().encode()):
            return DuplicateAttempt.exit_code
        spec = Spec.loads(objects.read(f"{job.folder}/spec.json"))
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            outcome = execute(spec, self.store)
        self.lines += said.getvalue().splitlines()
        objects.create(f"{job.folder}/result.json", outcome.result.dumps())
        return 0 if outcome.result.status == "succeeded" else 1
