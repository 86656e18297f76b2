"""Whatever Airflow allows in an id, at its longest, has its own job, folder and labels."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING

import pytest

import docker_engine
from lading_testkit import run_dag, task_states

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lading.lineage.event import LineageEvent

pytestmark = [pytest.mark.usefixtures("airflow_db")]

LONGEST = 250  # characters, of each id
# Letters of every script, too, but not for the API inside of ``dag.test``: the supervised tests have them.
ALLOWED = f"{string.ascii_letters}{string.digits}_.-"
IN_RUNS = f"{string.ascii_letters}{string.digits}_.~:+-"


def longest(alphabet: str, last: str) -> str:
    return (alphabet * LONGEST)[: LONGEST - len(last)] + last


@pytest.fixture(
    params=[
        pytest.param("docker", marks=pytest.mark.service("docker")),
        pytest.param("kubernetes", marks=pytest.mark.service("kubernetes")),
    ]
)
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    from lading import deployment

    if request.param == "kubernetes":
        request.getfixturevalue("target")
    else:
        docker_engine.require()
        targets = {"docker": {"image": docker_engine.IMAGE}}
        monkeypatch.setenv("AIRFLOW__LADING__TARGETS", json.dumps(targets))
    monkeypatch.setenv("AIRFLOW__LADING__POLL_INTERVAL_S", "1")
    deployment.settings.cache_clear()
    yield request.param
    monkeypatch.undo()
    deployment.settings.cache_clear()


def events_of_run(place: str, run_id: str, monkeypatch: pytest.MonkeyPatch) -> list[LineageEvent]:
    """Of a run of two steps whose names differ in their last character only."""
    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG

    from lading import deployment, step
    from lading.lineage.log import read

    monkeypatch.setattr(DagRun, "generate_run_id", staticmethod(lambda **_: run_id))
    names = [longest(ALLOWED, last) for last in "12"]

    def echo(name: str) -> str:
        return name

    def check(found: list[str]) -> None:
        assert list(found) == names

    with DAG(longest(ALLOWED, place[0]), schedule=None) as dag:
        echoes = [step(task_id=name, on=place)(echo)(name) for name in names]
        step(task_id="check", on="local")(check)(echoes)

    run = run_dag(dag)
    assert run.run_id == run_id
    assert set(task_states(run).values()) == {"success"}
    found = read(deployment.store().objects, dag_id=dag.dag_id)
    return [e for e in found if e.task.run_id == run_id and e.task.task_id in names]


def test_the_longest_names_have_jobs_of_their_own(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [event for last in "ab" for event in events_of_run(place, longest(IN_RUNS, last), monkeypatch)]
    assert len(found) == 4
    assert len({event.job["id"] for event in found}) == 4
    assert len({event.id for event in found}) == 4
    assert {len(event.task.task_id) for event in found} == {LONGEST}
