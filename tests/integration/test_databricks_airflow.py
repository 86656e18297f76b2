"""Steps of a DAG as runs of a fake workspace: deferred and not, their link, and the commands around them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

import databricks_workspace
from databricks_workspace import CLASSIC, FILES, Desk
from lading.backends.base import FailureClass
from lading_testkit import run_dag, task_states

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fakes.databricks import FakeDatabricks

pytestmark = pytest.mark.service("databricks")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDatabricks]:
    from lading import deployment

    with databricks_workspace.workspace(tmp_path / "workspace") as made:
        store = str(tmp_path / "store")
        own = {"files": FILES, "store": store}
        targets = {"databricks": own, "classic": {"backend": "databricks", **own, **CLASSIC}}
        monkeypatch.setenv("AIRFLOW__LADING__STORE", f"file://{store}")
        monkeypatch.setenv("AIRFLOW__LADING__TARGETS", json.dumps(targets))
        monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", made.connection())
        databricks_workspace.forget_hooks()
        deployment.settings.cache_clear()
        yield made
        databricks_workspace.forget_hooks()
    monkeypatch.undo()
    deployment.settings.cache_clear()


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("deferrable", [True, False])
def test_a_step_runs_there_and_hands_its_value_on(fake: FakeDatabricks, deferrable: bool) -> None:
    from airflow.sdk import dag

    from lading import deployment, step
    from lading.lineage.log import read

    @dag(schedule=None)
    def on_databricks():
        @step(on="databricks", deferrable=deferrable)
        def train(n: int) -> dict[str, int]:
            print("training")
            return {"n": n}

        @step
        def check(found: dict[str, int]) -> None:
            assert found == {"n": 7}

        check(train(7))

    run = run_dag(on_databricks())
    assert task_states(run) == {"train": "success", "check": "success"}
    (event,) = [
        e for e in read(deployment.store().objects, dag_id="on_databricks") if e.task.task_id == "train"
    ]
    (ran,) = fake.workspace.runs
    assert event.job == {"id": str(ran), "url": f"{fake.url}/?o=1#job/{ran + 500_000}/run/{ran}"}
    assert event.environment["runtime"] == "serverless environment 4"
    assert [output.name for output in event.outputs] == ["return_value", "n"]
    assert _link(run, "train") == event.job["url"]
    assert not _link(run, "check")


def _link(run: Any, task_id: str) -> str | None:
    """As Airflow's API server finds it, from the DAG as it is stored."""
    from airflow.models.serialized_dag import SerializedDagModel

    dag = SerializedDagModel.get_dag(run.dag_id)
    assert dag is not None
    task = dag.get_task(task_id)
    ti = run.get_task_instance(task_id)
    return task.get_extra_links(ti, "Job")  # type: ignore[no-any-return]


@pytest.mark.usefixtures("airflow_db")
def test_a_deferred_step_that_is_killed_cancels_its_run(fake: FakeDatabricks, tmp_path: Path) -> None:
    from lading.triggers import LadingTrigger

    desk = Desk(tmp_path, _wait)
    started = desk.worker().start()
    assert started.handle is not None
    run = fake.workspace.runs[int(started.handle.id)]
    assert run.printed.wait(30)
    trigger = LadingTrigger("databricks", started.to_json(), 0.2, 5.0)
    row = json.dumps(trigger.serialize())
    assert "dapi" not in row
    asyncio.run(LadingTrigger(**json.loads(row)[1]).on_kill())
    assert run.over.wait(10)
    assert run.details is not None
    assert run.details["code"] == "USER_CANCELED"
    assert desk.backend.observe(started.handle).failure is FailureClass.CANCELLED
    assert not [path for path in fake.workspace.files.place(FILES).iterdir() if "lading-job" in path.name]


def _wait() -> None:
    import time

    print("begun", flush=True)
    time.sleep(60)


def test_doctor_looks_the_names_up_and_runs_a_job(fake: FakeDatabricks) -> None:
    from lading import deployment
    from lading.cli import probe

    seen = list(probe.target(deployment.settings(), "classic"))
    assert [(check.name, check.ok) for check in seen][:4] == [
        ("workspace", True),
        ("runtime", True),
        ("node type", True),
        ("job", True),
    ]


def test_doctor_does_not_try_what_the_workspace_does_not_have(
    fake: FakeDatabricks, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lading import deployment
    from lading.cli import probe

    own = {"backend": "databricks", "files": FILES, "store": "/x", **CLASSIC, "node_type": "m9.huge"}
    monkeypatch.setenv("AIRFLOW__LADING__TARGETS", json.dumps({"huge": {**own, "policy": "F00"}}))
    deployment.settings.cache_clear()
    seen = {check.name: check for check in probe.target(deployment.settings(), "huge")}
    assert (seen["node type"].ok, seen["policy"].ok, seen["job"].ok) == (False, False, None)
    assert seen["node type"].cure == "correct node_type; the workspace has 5"
    assert fake.workspace.runs == {}
