"""The demo, moved to another platform by configuration alone, gives the same bytes."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

import docker_engine
from e2e.test_example_dags import DAGS, load
from lading import deployment
from lading.lineage import log
from lading_testkit import run_dag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lading.lineage.event import LineageEvent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PACKAGES = ("scikit-learn", "pandas", "pyarrow", "numpy", "scipy", "matplotlib", "skops")
REMOTE = {"load", "split", "train", "choose", "evaluate"}


@pytest.fixture
def default_target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The parameter as ``[lading] default_target``, with an image that has what the worker has."""
    pinned = [f"{name}=={version(name)}" for name in PACKAGES]
    targets = {"docker": {"image": docker_engine.IMAGE, "requirements": pinned}}
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


@pytest.mark.parametrize("default_target", ["local", "docker"], indirect=True)
def test_every_artifact_is_the_same_wherever_the_demo_runs(default_target: str, airflow_db: None) -> None:
    if default_target == "docker":
        docker_engine.require()
    events = demo_events()
    assert {e.target for task in REMOTE for e in events[task]} == {default_target}
    if default_target == "local":
        _local.update(digests(events))
        assert len(_local) > 20
        return
    assert _local, "the local run comes first"
    assert digests(events) == _local
    for event in (e for task in REMOTE for e in events[task]):
        assert "sha256:" in event.environment["image"]
        assert event.profile["cpu_s"] > 0
        assert event.profile["peak_rss_bytes"] > 0
    assert docker_engine.api().containers(all=True, filters={"label": "lading.dag_id=demo_digits"}) == []
