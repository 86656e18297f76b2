"""The demo, moved to another platform by configuration alone, gives the same bytes."""

from __future__ import annotations

import json
import os
import secrets
import sys
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

import cluster_node
import databricks_workspace
import docker_engine
import vertex_project
from e2e.test_example_dags import DAGS, load
from lading import deployment
from lading.backends import registry
from lading.lineage import log
from lading_testkit import run_dag, task_states

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lading.lineage.event import LineageEvent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PACKAGES = ("scikit-learn", "pandas", "pyarrow", "numpy", "scipy", "matplotlib", "skops")
IN_IMAGES = {"docker", "kubernetes"}
REMOTE = {"load", "split", "train", "choose", "evaluate"}


@contextmanager
def venv_target(folder: Path) -> Iterator[dict[str, Any]]:
    yield {}


@contextmanager
def docker_target(folder: Path) -> Iterator[dict[str, Any]]:
    docker_engine.require()
    yield {"image": docker_engine.IMAGE}
    assert docker_engine.api().containers(all=True, filters={"label": "lading.dag_id=demo_digits"}) == []


@contextmanager
def kubernetes_target(folder: Path) -> Iterator[dict[str, Any]]:
    cluster_node.require()
    cache = folder / "packages"
    cache.mkdir()
    cache.chmod(0o777)
    cluster_node.store_folder().mkdir(exist_ok=True)
    with cluster_node.namespace(f"lading-demo-{os.getpid()}-{secrets.token_hex(2)}") as space:
        yield {
            "image": docker_engine.IMAGE,
            "namespace": space,
            "mount": {"host_path": str(cluster_node.store_folder())},
            "package_cache": {"host_path": str(cache)},
        }
        assert len(list(cache.iterdir())) == 1, "one lock, installed once"
        pods = cluster_node.core().list_namespaced_pod(space).items
        assert [pod.metadata.name for pod in pods if pod.metadata.deletion_timestamp is None] == []


@contextmanager
def vertex_target(folder: Path) -> Iterator[dict[str, Any]]:
    """With the bucket as the store."""
    vertex_project.require()
    cloud = folder / "vertex"
    cloud.mkdir()
    with vertex_project.project(cloud) as made, pytest.MonkeyPatch.context() as patch:
        bucket = {"conn_type": "lading", "host": "gs://lading/demo", "extra": made.store_options}
        patch.setenv("AIRFLOW_CONN_DEMO_BUCKET", json.dumps(bucket))
        patch.setenv("AIRFLOW__LADING__STORE", "demo_bucket")
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        yield {"region": "us-central1", "image": vertex_project.IMAGE, "python": python}


@contextmanager
def databricks_target(folder: Path) -> Iterator[dict[str, Any]]:
    databricks_workspace.require()
    with databricks_workspace.workspace(folder / "workspace") as made, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", made.connection())
        databricks_workspace.forget_hooks()
        yield {"files": databricks_workspace.FILES, "store": str(cluster_node.store_folder())}
        databricks_workspace.forget_hooks()


#: By backend: a target for it. A backend that is not here fails the first test below.
PLACES = {
    "venv": venv_target,
    "docker": docker_target,
    "kubernetes": kubernetes_target,
    "vertex": vertex_target,
    "databricks": databricks_target,
}


@pytest.fixture
def default_target(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[str]:
    """The parameter as ``[lading] default_target``, with an image that has what the worker has."""
    pinned = [f"{name}=={version(name)}" for name in PACKAGES]
    with ExitStack() as stack:
        targets = {}
        if request.param in PLACES:
            keys = stack.enter_context(PLACES[request.param](tmp_path))
            targets[request.param] = {**keys, "requirements": pinned}
        monkeypatch.setenv("AIRFLOW__LADING__TARGETS", json.dumps(targets))
        monkeypatch.setenv("AIRFLOW__LADING__DEFAULT_TARGET", request.param)
        monkeypatch.syspath_prepend(str(DAGS))
        deployment.settings.cache_clear()
        yield request.param
    monkeypatch.undo()
    deployment.settings.cache_clear()


def demo_events() -> dict[str, list[LineageEvent]]:
    """Events of a new run, by task."""
    run = run_dag(load("demo_digits"))
    assert str(run.state) == "success"
    found: dict[str, list[LineageEvent]] = {}
    for event in log.read(deployment.store().objects, dag_id="demo_digits", run_id=run.run_id):
        found.setdefault(event.task.task_id, []).append(event)
    return found


def digests(events: dict[str, list[LineageEvent]]) -> dict[tuple[str, int, str], str]:
    return {
        (task, event.task.map_index, output.name): output.artifact.digest
        for task, several in events.items()
        for event in several
        for output in event.outputs
    }


_local: dict[tuple[str, int, str], str] = {}


def test_the_demo_runs_on_every_backend() -> None:
    ours = {name for name in registry.names() if registry.get(name).__module__.startswith("lading.")}
    assert {"local", *PLACES} == ours


@pytest.mark.parametrize("default_target", ["local", *PLACES], indirect=True)
def test_every_artifact_is_the_same_wherever_the_demo_runs(default_target: str, airflow_db: None) -> None:
    events = demo_events()
    assert {e.target for task in REMOTE for e in events[task]} == {default_target}
    if default_target == "local":
        _local.update(digests(events))
        assert len(_local) > 20
        return
    assert _local, "the local run comes first"
    assert digests(events) == _local
    for event in (e for task in REMOTE for e in events[task]):
        assert ("sha256:" in event.environment.get("image", "")) == (default_target in IN_IMAGES)
        assert event.profile["cpu_s"] > 0
        assert event.profile["peak_rss_bytes"] > 0


def test_the_example_runs_on_every_target_that_it_names(
    airflow_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"docker": "containers", "kubernetes": "cluster"}
    with ExitStack() as stack:
        monkeypatch.syspath_prepend(str(DAGS))
        targets = {
            names[backend]: {"backend": backend, **stack.enter_context(place(tmp_path))}
            for backend, place in PLACES.items()
            if backend in names
        }
        monkeypatch.setenv("AIRFLOW__LADING__TARGETS", json.dumps(targets))
        deployment.settings.cache_clear()
        run = run_dag(load("example_elsewhere"))
        assert task_states(run) == dict.fromkeys(
            ["weigh", "describe_containers", "describe_cluster", "compare"], "success"
        )
        events = log.read(deployment.store().objects, dag_id="example_elsewhere", run_id=run.run_id)
        assert {e.target for e in events} >= set(names.values())
    monkeypatch.undo()
    deployment.settings.cache_clear()
