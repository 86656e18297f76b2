"""The fakes of cloud services as platforms that supervised tests run on. Each one's own records tell what
was submitted to it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import databricks_workspace
import vertex_project
from databricks_workspace import FILES
from lading_runner.contract import Attempt
from places import History, Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fakes.databricks import FakeDatabricks
    from fakes.vertex import Job
    from vertex_project import Project


class Databricks(Place):
    name = "databricks"
    environment = ("runtime", "serverless environment 4")
    many = 6  # enough, where each worker imports its client for seconds
    fake: FakeDatabricks

    def require(self) -> None:
        databricks_workspace.require()

    @contextmanager
    def opened(self, folder: Path) -> Iterator[None]:
        with databricks_workspace.workspace(folder) as self.fake:
            yield

    def environ(self) -> dict[str, str]:
        return {"AIRFLOW_CONN_DATABRICKS_DEFAULT": self.fake.connection()}

    def store(self, store: Path) -> str:
        return str(store)

    def target(self, store: Path) -> dict[str, Any]:
        return {"backend": "databricks", "files": FILES, "store": str(store)}

    def jobs(self, run_id: str, task_id: str) -> list[str]:
        return [str(run.id) for run in self._open(run_id, task_id)]

    def runs(self, run_id: str, task_id: str) -> bool:
        return any(run.state == "RUNNING" for run in self._open(run_id, task_id))

    def watch(self, dag_id: str) -> History:
        found = History()
        self.fake.workspace.listeners.append(
            lambda run, begins: _put_down(found, dag_id, _attempt_of_run(run), str(run.id), begins)
        )
        return found

    def _open(self, run_id: str, task_id: str) -> list[Any]:
        every = [run for run in list(self.fake.workspace.runs.values()) if not run.over.is_set()]
        return [run for run in every if _is_of(_attempt_of_run(run), run_id, task_id)]


class Vertex(Place):
    """The worker has a bucket as a folder, and jobs have it where the service mounts it: nothing else of this
    Airflow is in a bucket."""

    name = "vertex"
    environment = ("image", vertex_project.IMAGE)
    many = 6
    project: Project

    def require(self) -> None:
        vertex_project.require()
        vertex_project.require_mounts()

    @contextmanager
    def opened(self, folder: Path) -> Iterator[None]:
        with vertex_project.project(folder) as self.project, vertex_project.mounted(self.project.vertex):
            yield

    def environ(self) -> dict[str, str]:
        return self.project.env

    def store(self, store: Path) -> str:
        return str(vertex_project.BUCKETS / self._bucket(store).relative_to(self.project.vertex.buckets))

    def target(self, store: Path) -> dict[str, Any]:
        seen = self._bucket(store)
        if not seen.is_symlink():
            seen.parent.mkdir()
            seen.symlink_to(store)
        image = vertex_project.IMAGE
        return {"backend": "vertex", "region": "us-central1", "image": image, "store": self.store(store)}

    def jobs(self, run_id: str, task_id: str) -> list[str]:
        return [_number(job) for job in self._open(run_id, task_id)]

    def runs(self, run_id: str, task_id: str) -> bool:
        return any(job.state == "RUNNING" for job in self._open(run_id, task_id))

    def watch(self, dag_id: str) -> History:
        found = History()
        self.project.vertex.listeners.append(
            lambda job, begins: _put_down(found, dag_id, _attempt_of_job(job), _number(job), begins)
        )
        return found

    def _bucket(self, store: Path) -> Path:
        """Of the fake, which jobs have below ``/gcs``."""
        return self.project.vertex.buckets / "supervised" / store.name

    def _open(self, run_id: str, task_id: str) -> list[Job]:
        every = self.project.vertex.running()
        return [job for job in every if _is_of(_attempt_of_job(job), run_id, task_id)]


def _put_down(history: History, dag_id: str, attempt: Attempt, job: str, begins: bool) -> None:
    if attempt.dag_id == dag_id:
        (history.begins if begins else history.ends)(attempt.task_id, job)


def _number(job: Job) -> str:
    return str(job.message.name).rpartition("/")[2]


def _attempt_of_job(job: Job) -> Attempt:
    return _attempt(job.message.job_spec.worker_pool_specs[0].container_spec.args[1])


def _attempt_of_run(run: Any) -> Attempt:
    (task,) = run.body["tasks"]
    return _attempt(json.loads(task["spark_python_task"]["parameters"][0])["spec"])


def _attempt(spec_uri: str) -> Attempt:
    """Whose spec it is."""
    *_, dag, run, task, index, generation, _ = unquote(urlsplit(spec_uri).path).split("/")
    names = (unquote(name) for name in (dag, run, task))
    return Attempt(*names, map_index=int(index), generation=int(generation))


def _is_of(attempt: Attempt, run_id: str, task_id: str) -> bool:
    return (attempt.run_id, attempt.task_id) == (run_id, task_id)
