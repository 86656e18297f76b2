"""Databricks passes the contract of all backends, on a fake workspace that really runs what is submitted."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

import pytest

import databricks_workspace
from databricks_workspace import CLASSIC, FILES
from lading.backends.databricks import DatabricksBackend
from lading.config import Target
from lading.testing import BackendContract, steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from fakes.databricks import FakeDatabricks
    from lading.backends.base import JobHandle, Worker
    from lading.testing import Trial

pytestmark = pytest.mark.service("databricks")

NODES = [
    {"node_type": "m5.xlarge", "cpu": 1, "memory": "512MiB"},
    {"node_type": "m5.4xlarge", "cpu": 16, "memory": "64GiB"},
    {"node_type": "g5.xlarge", "cpu": 4, "memory": "16GiB", "gpu": {"type": "a10", "count": 2}},
]


class OnWorkspace(BackendContract):
    extra: ClassVar[dict[str, Any]]  # of the target
    required = frozenset(
        {"kill_job", "erase_job", "preempt", "exhaust_memory", "lose_answer", "hold", "silence", "count_jobs"}
    )
    at_once = 3
    tells_codes = False  # the process is ended, and nobody tells how
    masks = False  # jobs know the secrets of their own ``secret_env`` alone
    fake: FakeDatabricks
    root: str

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def workspace(cls, store_root: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        with (
            databricks_workspace.workspace(tmp_path_factory.mktemp("workspace")) as cls.fake,
            pytest.MonkeyPatch.context() as patch,
        ):
            cls.root = store_root
            patch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", cls.fake.connection())
            databricks_workspace.forget_hooks()
            yield
            databricks_workspace.forget_hooks()

    def backend(self, worker: Worker) -> DatabricksBackend:
        target = Target("databricks", "databricks", store=self.root, extra=self.extra)
        return DatabricksBackend.configured(target, worker)

    def kill_job(self, handle: JobHandle) -> None:
        self._lose(handle, code="CLUSTER_ERROR", message="The cluster was terminated: USER_REQUEST")

    def preempt(self, handle: JobHandle) -> None:
        self._lose(handle, code="CLOUD_FAILURE", message="The cluster ended: SPOT_INSTANCE_TERMINATION")

    def exhaust_memory(self, handle: JobHandle) -> None:
        self._lose(handle, kill="child")

    def erase_job(self, handle: JobHandle) -> None:
        self.kill_job(handle)
        assert self.fake.workspace.runs[int(handle.id)].over.wait(30)  # no active run can be deleted
        self.fake.workspace.delete({"run_id": handle.id})

    @contextmanager
    def lose_answer(self) -> Iterator[None]:
        fault = self.fake.fault("POST .*runs/submit", lost=True)
        yield
        assert fault.fired == 1

    @contextmanager
    def hold(self) -> Iterator[None]:
        self.fake.workspace.go.clear()
        try:
            yield
        finally:
            self.fake.workspace.go.set()

    @contextmanager
    def silence(self) -> Iterator[None]:
        fault = self.fake.fault("", status=503, times=10**9)
        yield
        assert fault.fired
        fault.times = 0

    def count_jobs(self, name: str) -> int:
        tokens = [run.body["idempotency_token"] for run in self.fake.workspace.runs.values()]
        return tokens.count(name)

    def _lose(self, handle: JobHandle, **fate: Any) -> None:
        from fakes.databricks import Fate

        self.fake.workspace.lose(int(handle.id), Fate(**fate))


class TestServerless(OnWorkspace):
    extra: ClassVar = {"files": FILES}


class TestClassic(OnWorkspace):
    extra: ClassVar = {
        "files": FILES,
        **CLASSIC,
        "gpu_spark_version": "16.4.x-gpu-ml-scala2.12",
        "node_types": NODES,
    }

    def test_all_of_it_ran_on_clusters(self, trials: Callable[..., Trial]) -> None:
        trials(steps.nothing).run()
        tasks = [task for run in self.fake.workspace.runs.values() for task in run.body["tasks"]]
        assert tasks
        assert all("new_cluster" in task for task in tasks)
