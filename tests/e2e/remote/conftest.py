"""One Airflow of processes for all files here, and the platforms that its steps run on."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cluster_node
import docker_engine
from places import Docker, Frail, Kubernetes, Place, is_there, targets
from supervised import Airflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DAGS = Path(__file__).parent / "dags"
SPACE = f"lading-supervised-{os.getpid()}"


@pytest.fixture(scope="package")
def places() -> Iterator[dict[str, Place]]:
    """Those that are there."""
    found = {place.name: place for place in (Docker(), Kubernetes(SPACE)) if is_there(place)}
    if "kubernetes" not in found:
        yield found
        return
    with cluster_node.namespace(SPACE):
        yield found


@pytest.fixture(scope="package")
def frail(places: dict[str, Place], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frail]:
    made = Frail(SPACE, tmp_path_factory.mktemp("frail"), kubernetes="kubernetes" in places)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture(scope="package")
def airflow(
    places: dict[str, Place], frail: Frail, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    if not places:
        docker_engine.require()
    home = tmp_path_factory.mktemp("supervised")
    settings = {
        "AIRFLOW__LADING__TARGETS": targets({**places, **frail.places}, home / "store"),
        "SUPERVISED_TARGETS": ",".join(places),
        "SUPERVISED_FRAIL_TARGETS": ",".join(frail.places),
        "AIRFLOW__LADING__POLL_INTERVAL_S": "1",
        # by a connection, which worker and triggerer must ask Airflow for
        "AIRFLOW__LADING__STORE": "artifacts",
        "AIRFLOW_CONN_ARTIFACTS": f'{{"conn_type": "lading", "host": "{(home / "store").as_uri()}"}}',
    }
    server = Airflow(home, DAGS, settings, triggerer=True)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(
    params=[
        pytest.param("docker", marks=pytest.mark.service("docker")),
        pytest.param("kubernetes", marks=pytest.mark.service("kubernetes")),
    ]
)
def place(request: pytest.FixtureRequest, places: dict[str, Place]) -> Place:
    if request.param not in places:
        {"docker": docker_engine, "kubernetes": cluster_node}[request.param].require()
    return places[request.param]


@pytest.fixture(scope="package")
def run_of(airflow: Airflow) -> Callable[[str], str]:
    """The one run of a DAG that several tests look at."""
    return cache(airflow.trigger)
