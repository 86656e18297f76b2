"""The fake workspace that tests run on, and attempts on it without an Airflow around them."""

from __future__ import annotations

import importlib.util
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fakes.attempts import FileState
from lading.backends.base import JobRequest, Worker
from lading.backends.databricks import DatabricksBackend
from lading.code.slicing import slice_function
from lading.config import Target
from lading.execution import AttemptRunner, Ended, Hooks, Policy, attempt_folder, job_name
from lading.resources import Resources
from lading_runner import values
from lading_runner.contract import Attempt, Spec
from lading_runner.store import ArtifactStore, LocalStore
from lading_testkit import require_service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fakes.databricks import FakeDatabricks
    from lading_runner.contract import Result

FILES = "/Volumes/main/ml/lading/jobs"
CLASSIC = {"compute": "classic", "spark_version": "16.4.x-cpu-ml-scala2.12", "node_type": "m5.xlarge"}
POLICY = Policy(poll_min_s=0.05, poll_max_s=0.3, settle_s=0.3, grace_s=5, backoff_s=0.01)


def require() -> None:
    """Skip, or fail where it is required, unless the provider and the official SDK are there."""
    packages = ("airflow.providers.databricks", "databricks.sdk")
    absent = [name for name in packages if not _is_there(name)]
    require_service("databricks", not absent, f"{', '.join(absent)} not installed")


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@contextmanager
def workspace(folder: Path) -> Iterator[FakeDatabricks]:
    require()
    from fakes.databricks import FakeDatabricks

    made = FakeDatabricks(folder)
    try:
        yield made
    finally:
        made.close()


def forget_hooks() -> None:
    """Their connections too, which a test may have changed."""
    from lading.backends.databricks import workspace

    workspace._made.clear()


@dataclass
class Desk:
    """One task instance of a function of the test's, in ``folder``; each ``worker()`` is another try."""

    folder: Path
    function: Callable[..., Any]
    params: dict[str, Any] = field(default_factory=dict)
    target: dict[str, Any] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    image: str | None = None
    requirements: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    timeout_s: float | None = None
    lend: Worker = field(default_factory=Worker)
    policy: Policy = POLICY
    task: Attempt = field(default_factory=lambda: Attempt("dag", f"run-{uuid.uuid4().hex[:12]}", "train"))

    def __post_init__(self) -> None:
        self.root = str(self.folder / "store")
        self.store = ArtifactStore(LocalStore(self.root))
        self.code = slice_function(self.function, roots=())
        self.store.put_bytes(self.code.archive)
        self.state = FileState(self.folder / "state.json")
        self.ended: list[Ended] = []
        self.said: list[str] = []
        self.lines: list[str] = []

    @property
    def backend(self) -> DatabricksBackend:
        target = Target("databricks", "databricks", store=self.root, extra={"files": FILES, **self.target})
        return DatabricksBackend.configured(target, self.lend)

    def request(self, attempt: Attempt) -> JobRequest:
        root = self.backend.store_view(self.root).root
        folder = attempt_folder(attempt)
        return JobRequest(
            name=job_name(attempt),
            dag_id=attempt.dag_id,
            task_id=attempt.task_id,
            spec_uri=f"{root}/{quote(folder)}/spec.json",
            store_root=self.root,
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
        return Spec(
            attempt=attempt,
            code=self.code.to_spec(),
            store=self.backend.store_view(self.root).root,
            folder=attempt_folder(attempt),
            params=self.params,
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

    def name(self, generation: int = 1) -> str:
        return job_name(self.task.replace(generation=generation))
