"""The Docker engine that tests run on, and attempts on it without an Airflow around them."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import docker
from benchmarks.cases.containers import IMAGE, absent

from fakes.attempts import FileState
from lading.backends.base import JobRequest, Worker
from lading.backends.docker import DockerBackend
from lading.code.slicing import slice_function
from lading.config import Target
from lading.execution import AttemptRunner, Ended, Hooks, Policy, attempt_folder, job_name
from lading.resources import Resources
from lading_runner import values
from lading_runner.contract import Attempt, Spec
from lading_runner.store import ArtifactStore, LocalStore
from lading_testkit import require_service

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lading_runner.contract import Result

POLICY = Policy(poll_min_s=0.05, poll_max_s=0.3, settle_s=0.3, grace_s=5, backoff_s=0.01)


@cache
def api() -> Any:
    return docker.APIClient(version="auto")


def require() -> None:
    """Skip, or fail where it is required, unless an engine answers and has the image."""
    reason = absent()
    require_service("docker", not reason, reason)


@dataclass
class Desk:
    """One task instance of a function of the test's, in ``folder``; each ``worker()`` is another try."""

    folder: Path
    function: Callable[..., Any]
    params: dict[str, Any] = field(default_factory=dict)
    target: dict[str, Any] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    image: str | None = IMAGE
    requirements: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    timeout_s: float | None = None
    python: str | None = None
    lend: Worker = field(default_factory=Worker)
    policy: Policy = POLICY
    task: Attempt = field(default_factory=lambda: Attempt("dag", f"run-{uuid.uuid4().hex[:12]}", "train"))

    def __post_init__(self) -> None:
        self.store = ArtifactStore(LocalStore(str(self.folder / "store")))
        self.code = slice_function(self.function, roots=())
        self.store.put_bytes(self.code.archive)
        self.state = FileState(self.folder / "state.json")
        self.ended: list[Ended] = []
        self.said: list[str] = []
        self.lines: list[str] = []

    @property
    def backend(self) -> DockerBackend:
        return DockerBackend.configured(Target("docker", "docker", extra=self.target), self.lend)

    def request(self, attempt: Attempt) -> JobRequest:
        root = self.backend.store_view(self.store.root).root
        folder = attempt_folder(attempt)
        return JobRequest(
            name=job_name(attempt),
            dag_id=attempt.dag_id,
            task_id=attempt.task_id,
            spec_uri=f"{root}/{folder}/spec.json",
            store_root=self.store.root,
            folder=folder,
            resources=self.resources,
            image=self.image,
            requirements=self.requirements,
            env=self.env,
            labels={"dag_id": attempt.dag_id, "run_id": attempt.run_id, "task_id": attempt.task_id},
            options=self.options,
            timeout_s=self.timeout_s,
        )

    def spec(self, attempt: Attempt) -> Spec:
        view = self.backend.store_view(self.store.root)
        return Spec(
            attempt=attempt,
            code=self.code.to_spec(),
            store=view.root,
            folder=attempt_folder(attempt),
            params=self.params,
            python=self.python,
            outbox=view.outbox or None,
        )

    def worker(self, fingerprint: str = "same") -> AttemptRunner:
        return AttemptRunner(
            task=self.task,
            backend=self.backend,
            state=self.state,
            objects=self.store.objects,
            fingerprint=fingerprint,
            max_tries=3,
            request_for=self.request,
            spec_for=self.spec,
            hooks=Hooks(self.ended.append, on_log=self.lines.append, say=self.said.append),
            policy=replace(self.policy, timeout_s=self.timeout_s),
        )

    def run(self) -> Result:
        return self.worker().run()

    def value(self, result: Result) -> Any:
        return values.load(result.outputs["return_value"], self.store)

    def containers(self) -> list[dict[str, Any]]:
        """Those of this task instance that are there now, ended ones too."""
        label = f"lading.run_id={self.task.run_id}"
        found: list[dict[str, Any]] = api().containers(all=True, filters={"label": label})
        return found

    def created(self) -> list[str]:
        """Ids of all containers that were ever created for this task instance."""
        return created(self.task.run_id)


def created(run_id: str) -> list[str]:
    """Ids of the containers that were created for a run, lately: an engine keeps its last 256 events."""
    found = api().events(
        since=0,
        until=time.time(),
        filters={"event": "create", "type": "container", "label": f"lading.run_id={run_id}"},
    )
    return [json.loads(line)["Actor"]["ID"] for line in found]
