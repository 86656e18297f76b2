"""What several files of integration tests share."""

from __future__ import annotations

import importlib.util
import logging
import os
import urllib.request
from typing import TYPE_CHECKING

import pytest

import cluster_node
import databricks_workspace
import postgres_server
import vertex_project
from fakes.pod_worker import PodDesk
from lading_testkit import require_service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fakes.databricks import FakeDatabricks
    from fakes.pod_worker import Desks
    from vertex_project import Project


@pytest.fixture(scope="session")
def space() -> Iterator[str]:
    cluster_node.require()
    with cluster_node.namespace(f"lading-{os.getpid()}") as name:
        yield name


@pytest.fixture(scope="session")
def shared_workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeDatabricks]:
    with databricks_workspace.workspace(tmp_path_factory.mktemp("workspace")) as made:
        made.workspace.listing_s = 3600.0  # nothing may hang on lists of runs
        yield made


@pytest.fixture
def databricks_connection(
    shared_workspace: FakeDatabricks, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", shared_workspace.connection())
    databricks_workspace.forget_hooks()
    yield
    databricks_workspace.forget_hooks()


@pytest.fixture(scope="module")
def file_workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeDatabricks]:
    with databricks_workspace.workspace(tmp_path_factory.mktemp("workspace")) as made:
        yield made


@pytest.fixture(name="fake")
def calm_workspace(
    file_workspace: FakeDatabricks, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeDatabricks]:
    """Of Databricks; no fault of one test reaches the next, and none that was asked for stays unused."""
    monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", file_workspace.connection())
    databricks_workspace.forget_hooks()
    yield file_workspace
    file_workspace.workspace.go.set()
    assert all(fate.fired for fate in file_workspace.workspace.fates)
    file_workspace.faults.clear()
    file_workspace.workspace.fates.clear()
    databricks_workspace.forget_hooks()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Of the fake Vertex AI."""
    vertex_project.require()
    with vertex_project.project(tmp_path_factory.mktemp("vertex")) as made:
        yield made


@pytest.fixture
def calm(project: Project) -> Iterator[None]:
    """No fault of one test reaches the next, and none that was asked for stays unused."""
    project.vertex.fired.clear()
    project.vertex.calls.clear()
    yield
    left = [*(fault for fault in project.vertex.faults if fault.times), *project.vertex.fates]
    project.vertex.faults.clear()
    project.vertex.fates.clear()
    assert left == [], "a fault was asked for that did not happen"


@pytest.fixture
def target(space: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[cluster_node.Cluster]:
    from lading import deployment

    made = cluster_node.Cluster(space, monkeypatch)
    made.configure()
    yield made
    made.clear()
    deployment.settings.cache_clear()


@pytest.fixture
def desk(target: cluster_node.Cluster, tmp_path: Path) -> Desks:
    return lambda code, **keys: PodDesk(tmp_path, target.space, code, keys)


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder of the node that everybody may write to."""
    folder = tmp_path / "packages"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """URL of an S3 server that has the bucket ``lading``."""
    present = all(importlib.util.find_spec(name) for name in ("moto", "flask", "obstore"))
    require_service("moto", present, "install moto[server] and obstore")
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    bucket = urllib.request.Request(f"http://{host}:{port}/lading", method="PUT")
    urllib.request.urlopen(bucket, timeout=30).close()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of a server that is up for this session."""
    with postgres_server.server() as url:
        yield url
