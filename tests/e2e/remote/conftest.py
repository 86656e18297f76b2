"""One Airflow of processes for all files here, and the platforms that its steps run on."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import docker_engine
from cloud_places import Databricks, Vertex
from places import Docker, Frail, Kubernetes, Place, is_there, targets
from supervised import Airflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DAGS = Path(__file__).parent / "dags"
SPACE = f"lading-supervised-{os.getpid()}"
PLACES: dict[str, Place] = {one.name: one for one in (Docker(), Kubernetes(SPACE), Databricks(), Vertex())}


@pytest.fixture(scope="package")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Place]]:
    """Those that are there."""
    found = {name: place for name, place in PLACES.items() if is_there(place)}
    with ExitStack() as opened:
        for name, place in found.items():
            opened.enter_context(place.opened(tmp_path_factory.mktemp(name)))
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
        "SUPERVISED_TARGETS": told(places, home / "store"),
        "SUPERVISED_FRAIL_TARGETS": told(frail.places, home / "store"),
        "AIRFLOW__LADING__POLL_INTERVAL_S": "1",
        # by a connection, which worker and triggerer must ask Airflow for
        "AIRFLOW__LADING__STORE": "artifacts",
        "AIRFLOW_CONN_ARTIFACTS": f'{{"conn_type": "lading", "host": "{(home / "store").as_uri()}"}}',
    }
    for place in places.values():
        settings |= place.environ()
    with Airflow(home, DAGS, settings, triggerer=True).running() as server:
        yield server


def told(places: dict[str, Place], store: Path) -> str:
    """What the DAGs are told."""
    return json.dumps({name: (place.store(store), place.many) for name, place in places.items()})


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.service(name)) for name in PLACES])
def place(request: pytest.FixtureRequest, places: dict[str, Place]) -> Place:
    if request.param not in places:
        PLACES[request.param].require()
    return places[request.param]


@pytest.fixture(scope="package")
def run_of(airflow: Airflow) -> Callable[[str], str]:
    """The one run of a DAG that several tests look at."""
    return cache(airflow.trigger)
