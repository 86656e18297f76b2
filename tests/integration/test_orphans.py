"""Jobs whose task is over, and whom neither a worker nor a trigger ends: the API server does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fakes.attempts import Desk, run_for_ever, succeed
from lading import deployment
from lading.backends import registry
from lading.errors import TransientError
from lading.execution import AttemptFolder, Hooks, OpenJob, Started, open_job_keys
from lading.lineage.event import LineageEvent, uuid7
from lading.lineage.log import read
from lading.plugin.api.orphans import Orphans, Place, over_in_database
from lading_runner.store import ArtifactStore

if TYPE_CHECKING:
    from pathlib import Path


class Ward:
    """One task with a job in the register, the database's word on it, and whoever looks for orphans."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.objects = desk, desk.platform.objects
        self.at = 0.0
        self.over: bool | None = False  # None: the database has no such task
        hooks = Hooks(desk.ends.append, on_submit=self._register)
        self.started = desk.worker(hooks=hooks).start()
        self.orphans = Orphans(self._is_over, lambda: self.at)

    def _register(self, started: Started) -> None:
        event = LineageEvent(uuid7(), started.since, "cancelled", started.attempt, "@task.step")
        OpenJob(started.attempt, "venv", event.to_json()).write(self.objects)

    def _is_over(self, places: list[Place]) -> dict[Place, bool]:
        return {} if self.over is None else dict.fromkeys(places, self.over)

    def look(self, after_s: float = 0) -> None:
        self.at += after_s
        self.orphans.look(self.objects)

    @property
    def cancels(self) -> int:
        return self.desk.generation(1).cancels

    @property
    def registered(self) -> int:
        return len(list(open_job_keys(self.objects)))


@pytest.fixture
def ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ward:
    return make(Desk(tmp_path, [run_for_ever]), monkeypatch)


def make(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Ward:
    class Here(type(desk.platform)):  # type: ignore[misc]  # only its constructor is another
        @classmethod
        def configured(cls, target: Any, worker: Any) -> Any:
            return desk.platform

    known = registry.get
    monkeypatch.setattr(registry, "get", lambda name: Here if name == "venv" else known(name))
    monkeypatch.setattr(deployment, "store", lambda: ArtifactStore(desk.objects))
    return Ward(desk)


def test_the_job_of_a_task_that_is_over_is_ended_once_its_own_had_their_time(ward: Ward) -> None:
    ward.look()
    ward.over = True
    ward.look(8)
    assert ward.cancels == 0

    ward.look(8)
    ward.look(100)

    assert ward.cancels == 1
    (event,) = read(ward.objects)
    assert (event.status, event.job["id"]) == ("cancelled", ward.started.handle and ward.started.handle.id)
    assert ward.registered == 0
    assert AttemptFolder(ward.objects, ward.started.attempt).cancelled()
    assert [failed for _, failed in ward.desk.platform.removed] == [True]


def test_a_task_that_is_not_over_keeps_its_job(ward: Ward) -> None:
    for _ in range(10):
        ward.look(60)
    ward.over = True
    ward.look(8)
    ward.over = False  # cleared: its next try joins the job
    ward.look(8)
    ward.over = True
    ward.look(1)
    assert (ward.cancels, ward.registered) == (0, 1)


def test_a_job_of_another_airflow_on_the_same_store_is_left_alone(ward: Ward) -> None:
    ward.over = None
    for _ in range(10):
        ward.look(60)
    assert (ward.cancels, ward.registered) == (0, 1)


def test_the_job_of_a_task_that_was_deleted_is_ended(ward: Ward) -> None:
    ward.look()
    ward.over = None
    ward.look(8)
    ward.look(8)
    assert (ward.cancels, ward.registered) == (1, 0)


def test_whoever_began_to_cancel_a_job_is_given_time_for_it(ward: Ward) -> None:
    AttemptFolder(ward.objects, ward.started.attempt).mark_cancelled()
    ward.over = True
    ward.look()
    ward.look(50)
    assert ward.cancels == 0
    ward.look(50)
    assert ward.cancels == 1


def test_a_job_that_cannot_be_ended_is_told_of_and_tried_again(
    ward: Ward, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise TransientError("the engine does not answer")

    ward.over = True
    with monkeypatch.context() as broken:
        broken.setattr(ward.desk.platform, "find", refuse)
        ward.look()
        ward.look(8)
    assert "cannot end its job on target 'venv': the engine does not answer" in caplog.text
    assert (ward.cancels, ward.registered) == (0, 1)
    ward.look(10)
    assert ward.cancels == 0
    ward.look(60)
    assert (ward.cancels, ward.registered) == (1, 0)


def test_a_damaged_record_is_told_of_and_does_no_harm(ward: Ward, caplog: pytest.LogCaptureFixture) -> None:
    ward.objects.write("open/x/y/z/-1/1", b"{")
    ward.over = True
    ward.look()
    ward.look(8)
    assert "open/x/y/z/-1/1 is no record of an open job" in caplog.text
    assert ward.cancels == 1


def test_a_job_that_ended_is_only_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ward = make(Desk(tmp_path, [succeed]), monkeypatch)
    ward.desk.worker().wait(ward.started)  # and dies
    ward.over = True
    ward.look()
    ward.look(8)
    assert (ward.cancels, ward.registered, list(read(ward.objects))) == (0, 0, [])
    assert len(ward.desk.platform.removed) == 1


def test_the_database_tells_which_tasks_are_over(airflow_db: None) -> None:
    from airflow.sdk import dag, task

    from lading_testkit import run_dag

    @dag(dag_id="orphaned", schedule=None)
    def orphaned() -> None:
        @task
        def one(n: int) -> int:
            return n

        one.expand(n=[1, 2])

    run = run_dag(orphaned())
    there: list[Place] = [("orphaned", run.run_id, "one", n) for n in (0, 1)]
    absent: Place = ("orphaned", run.run_id, "one", 2)
    many = [*there, absent, *[("nowhere", "run", "task", n) for n in range(500)]]
    assert over_in_database(many) == dict.fromkeys(there, True)
