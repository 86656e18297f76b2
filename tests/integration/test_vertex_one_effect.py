"""Each step has one effect on a fake Vertex AI, whatever is lost, late, cancelled or killed."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from lading.backends.base import FailureClass, Observation
from lading.errors import JobCancelled, JobLost
from lading.execution import Outcome, Started
from supervised import until
from vertex_project import VertexDesk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vertex_project import Project

pytestmark = [pytest.mark.service("vertex"), pytest.mark.usefixtures("calm")]


def facts(n: int) -> dict[str, Any]:
    import os

    print("hello from the job äö")
    given = {"greeting": os.environ.get("GREETING"), "empty": os.environ.get("NOTHING")}
    return {"n": n, **given, "job": os.environ["LADING_JOB_ID"]}


def slow(seconds: float) -> str:
    import time

    print("begun", flush=True)
    time.sleep(seconds)
    return "done"


@pytest.mark.parametrize(
    ("method", "code", "after"),
    [
        ("CreateCustomJob", "UNAVAILABLE", False),
        ("CreateCustomJob", "UNAVAILABLE", True),
        ("CreateCustomJob", "INTERNAL", True),
        ("GetCustomJob", "UNAVAILABLE", False),
        ("GetCustomJob", "RESOURCE_EXHAUSTED", False),
        ("ListCustomJobs", "UNAVAILABLE", False),
    ],
)
def test_an_answer_that_does_not_come_is_asked_for_again(
    project: Project, tmp_path: Path, method: str, code: str, after: bool
) -> None:
    from fakes.vertex import Fault

    message = "Quota exceeded for requests per minute" if code == "RESOURCE_EXHAUSTED" else "no answer"
    project.vertex.faults.append(Fault(method, code, message, after))
    desk = VertexDesk(project, tmp_path, facts, {"n": 1})
    desk.backend._service.settle_s = 1.0
    assert desk.value(desk.run())["n"] == 1
    assert project.vertex.fired == [f"{method}: {code}"]
    assert len(desk.jobs()) == 1


def unanswered(project: Project, hidden_s: float) -> None:
    """The next job is made, nobody is told, and the list does not show it yet."""
    from fakes.vertex import Fate, Fault

    project.vertex.faults.append(Fault("CreateCustomJob", "UNAVAILABLE", "no answer", after=True))
    project.vertex.fates.append(Fate(hidden_s=hidden_s))


def test_a_job_that_the_list_shows_late_is_waited_for(project: Project, tmp_path: Path) -> None:
    unanswered(project, hidden_s=1.0)
    desk = VertexDesk(project, tmp_path, facts, {"n": 1})
    desk.backend._service.settle_s = 20.0
    assert desk.value(desk.run())["n"] == 1
    assert "hidden" in project.vertex.fired
    assert len(desk.jobs()) == 1


@pytest.mark.parametrize("how", ["cancel", "remove"])
def test_whoever_ends_a_job_ends_every_job_of_its_name(project: Project, tmp_path: Path, how: str) -> None:
    unanswered(project, hidden_s=1.0)
    desk = VertexDesk(project, tmp_path, slow, {"seconds": 60})
    desk.backend._service.settle_s = 0.0
    started = desk.worker().start()
    until(lambda: len(desk.backend._service.named(desk.name())) == 2, "the list does not show both")
    assert started.handle is not None
    if how == "cancel":
        desk.backend.cancel(started.handle, 1)
    else:
        desk.backend.remove(started.handle, failed=True)
    until(lambda: project.vertex.running() == [], "one goes on")
    assert {job.state for job in desk.jobs()} <= {"CANCELLED", "FAILED"}


def test_two_jobs_of_one_name_have_one_effect(project: Project, tmp_path: Path) -> None:
    """The answer was lost, and the list does not show the job yet: another is made, and its runner stands
    back."""
    unanswered(project, hidden_s=4.0)
    desk = VertexDesk(project, tmp_path, facts, {"n": 1})
    desk.backend._service.settle_s = 0.2
    found = desk.value(desk.run())
    assert "hidden" in project.vertex.fired
    first, second = desk.jobs()
    holder = desk.claim()
    assert found["job"] == holder
    until(lambda: {first.state, second.state} == {"SUCCEEDED", "FAILED"}, "both have not ended")
    (loser,) = (job for job in (first, second) if job.state == "FAILED")
    assert "status of 86" in loser.message.error.message
    assert len(desk.ended) == 1


def test_a_retry_joins_the_job_of_a_worker_that_died(project: Project, tmp_path: Path) -> None:
    desk = VertexDesk(project, tmp_path, slow, {"seconds": 1.5})
    desk.worker().start()
    again = VertexDesk(project, tmp_path, slow, {"seconds": 1.5}, task=desk.task)
    assert again.value(again.run()) == "done"
    assert len(desk.jobs()) == 1


def test_changed_code_cancels_the_job_that_is_there(project: Project, tmp_path: Path) -> None:
    desk = VertexDesk(project, tmp_path, slow, {"seconds": 60})
    desk.worker("old").start()
    until(desk.claim, "the first job did not begin")
    desk.params = {"seconds": 0}
    assert desk.value(desk.worker("new").run()) == "done"
    assert [job.state for job in (*desk.jobs(1), *desk.jobs(2))] == ["CANCELLED", "SUCCEEDED"]


@pytest.mark.parametrize("begun", [True, False], ids=["running", "queued"])
def test_a_cancelled_job_ends_and_is_never_a_success(project: Project, tmp_path: Path, begun: bool) -> None:
    from fakes.vertex import Fate

    if not begun:
        project.vertex.fates.append(Fate(queued_s=60))
    desk = VertexDesk(project, tmp_path, slow, {"seconds": 60})
    worker = desk.worker()
    started = worker.start()
    if begun:
        until(desk.claim, "the job did not begin")
    worker.cancel()
    assert [job.state for job in desk.jobs()] == ["CANCELLED"]
    assert desk.ended[0].verdict.outcome is Outcome.CANCELLED
    assert started.handle is not None
    desk.backend.cancel(started.handle, 1)  # again
    with pytest.raises(JobCancelled):
        worker.finish(worker.wait(started))
    assert (desk.claim() is not None) is begun


def test_a_job_that_somebody_cancels_in_the_console_is_cancelled(project: Project, tmp_path: Path) -> None:
    desk = VertexDesk(project, tmp_path, slow, {"seconds": 60})
    cancelled = []

    def cancel() -> None:
        until(desk.claim, "the job did not begin")
        (job,) = desk.jobs()
        desk.backend._service.cancel(job.message.name)
        cancelled.append(job)

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(JobCancelled):
        desk.run()
    thread.join()
    assert len(cancelled) == 1


def test_a_job_past_its_deadline_is_ended(project: Project, tmp_path: Path) -> None:
    desk = VertexDesk(project, tmp_path, slow, {"seconds": 60}, timeout_s=2.0)
    with pytest.raises(JobLost, match="did not end within 2 s"):
        desk.run()
    assert desk.ended[0].verdict.failure is FailureClass.TIMEOUT
    (job,) = desk.jobs()
    assert job.state in ("CANCELLED", "FAILED")  # by us, or by the service's own clock


@pytest.fixture
def triggerer(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As this process is set up."""
    from lading import deployment

    monkeypatch.setenv("AIRFLOW__LADING__TARGETS", json.dumps({"vertex": {"region": "us-central1"}}))
    deployment.settings.cache_clear()
    monkeypatch.setattr(deployment, "store", project.store)
    yield
    deployment.settings.cache_clear()


def deferred(started: Started) -> Any:
    """The trigger that waits for it, as it comes out of Airflow's database."""
    from airflow.sdk._shared.module_loading import import_string

    from lading.triggers import LadingTrigger

    given = LadingTrigger("vertex", started.to_json(), poll_interval_s=0.1, grace_s=5)
    path, kwargs = given.serialize()
    return import_string(path)(**json.loads(json.dumps(kwargs)))


def test_the_triggerer_waits_for_a_job_and_the_worker_takes_its_result(
    project: Project, tmp_path: Path, triggerer: None
) -> None:
    desk = VertexDesk(project, tmp_path, slow, {"seconds": 0.5})
    trigger = deferred(desk.worker().start())

    async def collected() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    (event,) = asyncio.run(collected())
    again = Started.from_json(event["started"])
    seen = Observation.from_json(event["observation"])
    assert event["removed"]
    assert desk.value(desk.worker().resume(again, seen, removed=True)) == "done"
    assert len(desk.jobs()) == 1


def test_a_deferred_task_that_is_killed_takes_its_job_with_it(
    project: Project, tmp_path: Path, triggerer: None
) -> None:
    desk = VertexDesk(project, tmp_path, slow, {"seconds": 60})
    trigger = deferred(desk.worker().start())
    until(desk.claim, "the job did not begin")
    asyncio.run(trigger.on_kill())
    until(lambda: [job.state for job in desk.jobs()] == ["CANCELLED"], "the job goes on")
    desk.params = {"seconds": 0}
    assert desk.value(desk.run()) == "done"  # the next try begins anew, and says why
    assert len(desk.jobs(2)) == 1
