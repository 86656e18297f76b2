"""A whole DAG, ``lading doctor`` and ``lading run --dry-run``'s kind with a target on the fake Vertex AI."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import vertex_project
from fakes.gcs import TOKEN
from lading_testkit import run_dag, task_states

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vertex_project import Project

pytestmark = pytest.mark.service("vertex")


@pytest.fixture
def settings(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Of an Airflow whose store is the bucket, and whose target is the project."""
    from lading import deployment

    options = {"base_url": project.gcs.url, "bearer_token": TOKEN}
    target = {"region": "us-central1", "image": vertex_project.IMAGE, "resources": {"memory": "8GiB"}}
    env = {
        "AIRFLOW_CONN_BUCKET": json.dumps(
            {"conn_type": "lading", "host": "gs://lading/dag", "extra": options}
        ),
        "AIRFLOW__LADING__STORE": "bucket",
        "AIRFLOW__LADING__TARGETS": json.dumps({"vertex": target}),
        "AIRFLOW__LADING__POLL_INTERVAL_S": "0.2",
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    caches = (deployment.settings, deployment.store)
    for cached in caches:
        getattr(cached, "cache_clear", lambda: None)()
    yield env
    monkeypatch.undo()
    for cached in caches:
        getattr(cached, "cache_clear", lambda: None)()


@pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "triggerer"])
def test_a_dag_hands_artifacts_from_job_to_job(
    project: Project, settings: dict[str, str], airflow_db: None, deferrable: bool
) -> None:
    from airflow.models.xcom import XComModel
    from airflow.sdk import DAG
    from airflow.utils.session import create_session

    from lading import step

    name = f"on_vertex_{deferrable}"
    with DAG(name, schedule=None) as dag:

        @step(on="vertex", deferrable=deferrable)
        def load() -> list[int]:
            return list(range(5000))

        @step(on="vertex", deferrable=deferrable)
        def total(rows: list[int]) -> int:
            print("adding up")
            return sum(rows)

        @step
        def here(number: int) -> int:
            return number + 1

        here(total(load()))

    before = set(project.vertex.jobs)
    run = run_dag(dag)
    assert set(task_states(run).values()) == {"success"}
    made = [number.rpartition("/")[2] for number in project.vertex.jobs if number not in before]
    assert len(made) == 2
    with create_session() as session:
        rows = session.query(XComModel).filter(XComModel.dag_id == name).all()
        links = {r.task_id: r.value for r in rows if r.key == "_link_JobLink"}
        results = {r.task_id: r.value for r in rows if r.key == "return_value"}
    page = (
        "https://console.cloud.google.com/vertex-ai/locations/us-central1/training/{}/cpu?project=proj-1234"
    )
    assert links == {"load": page.format(made[0]), "total": page.format(made[1])}  # a local step has none
    assert results["here"]["inline"] == sum(range(5000)) + 1


def lading(*argv: str, env: dict[str, str], project: Project) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lading.cli", *argv],
        capture_output=True,
        text=True,
        check=False,
        env=vertex_project.environ(project, **env),
    )


def test_the_doctor_runs_a_job_there(project: Project, settings: dict[str, str], airflow_db: None) -> None:
    before = len(project.vertex.jobs)
    ran = lading("doctor", "--target", "vertex", "--json", env=settings, project=project)
    checks: list[dict[str, Any]] = json.loads(ran.stdout)["checks"]
    told = {check["name"]: check for check in checks if check["area"] == "target vertex"}
    assert told, ran.stderr
    assert all(check["ok"] is not False for check in told.values()), told
    assert len(project.vertex.jobs) == before + 1


def test_a_request_is_printed_and_not_sent(
    project: Project, settings: dict[str, str], airflow_db: None, tmp_path: Path
) -> None:
    file = tmp_path / "dag.py"
    file.write_text(
        "from airflow.sdk import DAG\n"
        "from lading import step\n"
        "with DAG('printed', schedule=None):\n"
        "    @step(on='vertex', resources={'gpu': {'type': 'l4'}})\n"
        "    def train(): ...\n"
        "    train()\n"
    )
    before = len(project.vertex.calls)
    ran = lading("render", str(file), env=settings, project=project)
    assert ran.returncode == 0, ran.stderr
    assert '"machineType": "g2-standard-4"' in ran.stdout
    assert TOKEN not in ran.stdout
    assert len(project.vertex.calls) == before
