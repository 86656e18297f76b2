"""A project of the fake Vertex AI with a bucket, and attempts in it without an Airflow around them."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import tempfile
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from fakes.attempts import FileState
from fakes.gcs import TOKEN, FakeGCS
from lading.backends.base import JobRequest, Worker
from lading.backends.vertex import VertexBackend, clients
from lading.code.slicing import slice_function
from lading.config import Target
from lading.execution import AttemptRunner, Ended, Hooks, Policy, attempt_folder, job_name
from lading.resources import Resources
from lading_runner import values
from lading_runner.contract import Attempt, Spec
from lading_runner.store import ArtifactStore, open_object_store
from lading_testkit import require_service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fakes.tls_proxy import ConnectProxy
    from fakes.vertex import FakeVertex
    from lading_runner.contract import Result

BUCKET = "lading"
BUCKETS = Path("/gcs")
STORE = f"""gs://{BUCKET}/it's a "prefix" of $HOME, ü"""
IMAGE = "us-central1-docker.pkg.dev/proj-1234/steps/train:7"
POLICY = Policy(poll_min_s=0.05, poll_max_s=0.3, settle_s=0.3, grace_s=15, backoff_s=0.01, transient_s=60)


def require() -> None:
    """Skip, or fail where it is required, unless Airflow's Google provider is installed."""
    found = importlib.util.find_spec("airflow.providers")
    present = found is not None and importlib.util.find_spec("airflow.providers.google") is not None
    require_service("vertex", present, "install apache-airflow-providers-google")


@dataclass
class Project:
    vertex: FakeVertex
    gcs: FakeGCS
    proxy: ConnectProxy
    certificates: tuple[Path, Path, Path]  # of the authority and of the server, and its key
    env: dict[str, str]  # of a process that is to see this cloud and no other

    @property
    def store_options(self) -> dict[str, Any]:
        return {"bearer_token": TOKEN, "base_url": self.gcs.url}

    @property
    def worker(self) -> Worker:
        return Worker(store_options=lambda: self.store_options)

    def store(self, url: str = STORE) -> ArtifactStore:
        return ArtifactStore(open_object_store(url, self.store_options))


@cache
def _certificates() -> tuple[Path, Path, Path]:
    """One authority for every project of this process, in which gRPC reads it once."""
    from fakes.tls_proxy import certificates

    return certificates(Path(tempfile.mkdtemp(prefix="authority-")), "*.googleapis.com")


@contextmanager
def project(folder: Path) -> Iterator[Project]:
    """Google's clients of this process, and of those that get ``env``, reach the fake and nothing else."""
    from fakes.tls_proxy import ConnectProxy
    from fakes.vertex import FakeVertex

    authority, certificate, key = made = _certificates()
    gcs = FakeGCS(BUCKET)
    node = {"GOOGLE_BASE_URL": gcs.url, "GOOGLE_BEARER_TOKEN": TOKEN}  # as a service account gives a job
    vertex = FakeVertex(folder / "vertex", certificate, key, gcs, node)
    hosts = r"us-central1-aiplatform\.googleapis\.com:443|logging\.googleapis\.com:443"
    proxy = ConnectProxy({hosts: vertex.port})
    connection = {
        "conn_type": "google_cloud_platform",
        "extra": {"is_anonymous": True, "project": "proj-1234"},
    }
    env = {
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(authority),
        "grpc_proxy": proxy.url,
        "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": json.dumps(connection),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        patch.delenv("no_proxy", raising=False)
        try:
            yield Project(vertex, gcs, proxy, made, env)
        finally:
            clients._made.clear()
            vertex.stop()
            proxy.stop()
            gcs.close()


def require_mounts() -> None:
    require_service("root", os.geteuid() == 0, "a mount namespace needs it")


@contextmanager
def mounted(vertex: FakeVertex) -> Iterator[None]:
    """Jobs have the buckets where the service mounts them: on a folder of this machine, which is there as
    long as a process of the tests needs it."""
    with Path(os.environ["PYTEST_DEBUG_TEMPROOT"], "lading-gcs").open("wb") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        BUCKETS.mkdir(exist_ok=True)
        vertex.mounted = True
        try:
            yield
        finally:
            vertex.mounted = False
            with suppress(BlockingIOError):  # another process has it
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                BUCKETS.rmdir()


def configured(keys: dict[str, Any], worker: Worker) -> VertexBackend:
    given = {"region": "us-central1", **keys}
    common = {name: given.pop(name) for name in ("store", "connection", "mount") if name in given}
    return VertexBackend.configured(Target("vertex", "vertex", extra=given, **common), worker)


@dataclass
class VertexDesk:
    """One task instance of a function of the test's; each ``worker()`` is another try."""

    project: Project
    folder: Path
    function: Callable[..., Any]
    params: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)  # of the target
    resources: Resources = field(default_factory=Resources)
    image: str = IMAGE
    requirements: tuple[str, ...] = ()
    python: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    policy: Policy = POLICY
    lend: Worker | None = None
    url: str = STORE  # of the store
    task: Attempt = field(default_factory=lambda: Attempt("dag", f"run-{uuid.uuid4().hex[:12]}", "train"))

    def __post_init__(self) -> None:
        self.store = self.project.store(self.url)
        self.code = slice_function(self.function, roots=())
        self.store.put_bytes(self.code.archive)
        self.state = FileState(self.folder / "state.json")
        self.ended: list[Ended] = []
        self.said: list[str] = []
        self.lines: list[str] = []
        self.backend = configured(self.keys, self.lend or self.project.worker)

    def name(self, generation: int = 1) -> str:
        return job_name(self.task.replace(generation=generation))

    def request(self, attempt: Attempt) -> JobRequest:
        folder = attempt_folder(attempt)
        return JobRequest(
            name=job_name(attempt),
            dag_id=attempt.dag_id,
            task_id=attempt.task_id,
            spec_uri=f"{self.backend.store_view(self.store.root).root}/{quote(folder)}/spec.json",
            store_root=self.store.root,
            folder=folder,
            resources=self.resources,
            image=self.image,
            requirements=self.requirements,
            python=self.python,
            env=self.env,
            labels={"dag_id": attempt.dag_id, "run_id": attempt.run_id, "task_id": attempt.task_id},
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

    def jobs(self, generation: int = 1) -> list[Any]:
        """Those that were ever created for a generation."""
        return self.project.vertex.named(self.name(generation))

    def claim(self, generation: int = 1) -> str | None:
        """Who has it."""
        key = f"{attempt_folder(self.task.replace(generation=generation))}/claim"
        return None if self.store.objects.stat(key) is None else self.store.objects.read(key).decode()


def environ(project: Project, **more: str) -> dict[str, str]:
    """Of a process of a worker."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LADING_")}
    return {**kept, **project.env, **more}
