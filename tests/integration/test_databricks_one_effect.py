"""Each step has one effect on a fake workspace, whatever is lost, late, cancelled or deleted."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import databricks_workspace
from databricks_workspace import Desk
from lading.backends.base import FailureClass, JobState
from lading.errors import JobCancelled, JobLost, TransientError
from lading.execution import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from fakes.databricks import FakeDatabricks

pytestmark = pytest.mark.service("databricks")


def facts(n: int) -> dict[str, Any]:
    import os

    print("hello from the run: ä")
    return {"n": n, "job": os.environ["LADING_JOB_ID"], "greeting": os.environ.get("GREETING")}


def slow(seconds: float) -> str:
    import time

    print("begun", flush=True)
    time.sleep(seconds)
    return "done"


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("match", ["PUT .*lading-job", "POST .*submit", "GET .*runs/get$"])
def test_a_later_from_the_api_costs_time_only(
    fake: FakeDatabricks, tmp_path: Path, match: str, status: int
) -> None:
    fault = fake.fault(match, status=status, times=2)
    desk = Desk(tmp_path, facts, {"n": 1})
    assert desk.value(desk.run())["n"] == 1
    assert fault.fired == 2
    assert fake.workspace.started[desk.name()] == 1


def test_an_answer_that_is_lost_after_acceptance_makes_no_second_run(
    fake: FakeDatabricks, tmp_path: Path
) -> None:
    fault = fake.fault("POST .*submit", lost=True, times=2)
    desk = Desk(tmp_path, facts, {"n": 1})
    before = len(fake.workspace.runs)
    assert desk.value(desk.run())["n"] == 1
    assert fault.fired == 2
    assert len(fake.workspace.runs) == before + 1
    assert fake.workspace.started[desk.name()] == 1


def test_a_silent_workspace_is_given_up_in_time_and_named(fake: FakeDatabricks, tmp_path: Path) -> None:
    fault = fake.fault("runs/submit", status=503, times=1000)
    desk = Desk(tmp_path, facts, {"n": 1}, policy=replace(databricks_workspace.POLICY, transient_s=0.5))
    with pytest.raises(TransientError, match=r"503 .*'databricks_default'.*joined by the task's next try"):
        desk.run()
    assert fault.fired > 1


def test_a_run_that_waits_says_for_what(fake: FakeDatabricks, tmp_path: Path) -> None:
    fake.workspace.go.clear()
    desk = Desk(tmp_path, facts, {"n": 1})
    timer = threading.Timer(0.6, fake.workspace.go.set)
    timer.start()
    assert desk.value(desk.run())["n"] == 1
    assert "pending: waits for its compute" in desk.said


def test_find_is_sure_though_lists_are_late(fake: FakeDatabricks, tmp_path: Path) -> None:
    """Whatever was cut off after the intent: the run is found, or begun under the same token."""
    fake.workspace.listing_s = 3600.0
    desk = Desk(tmp_path, facts, {"n": 1})
    backend, job = desk.backend, desk.request(desk.task)
    assert backend.find(job.name) is None
    fault = fake.fault("POST .*submit", lost=True)
    with pytest.raises(TransientError):
        backend.submit(job)
    assert fault.fired == 1
    found = backend.find(job.name)
    assert found is not None
    assert found == backend.submit(job)
    assert [run.id for run in fake.workspace.runs.values() if run.body["idempotency_token"] == job.name] == [
        int(found.id)
    ]
    backend.remove(found, failed=True)
    backend.remove(found, failed=True)
    assert backend.find(job.name) is None
    fake.workspace.listing_s = 0.0


def test_a_run_that_the_official_sdk_lists_late_is_found_at_once(
    fake: FakeDatabricks, tmp_path: Path
) -> None:
    from databricks.sdk import WorkspaceClient

    client = WorkspaceClient(host=fake.url, token="dapi-of-the-worker")
    fake.workspace.listing_s = 3600.0
    desk = Desk(tmp_path, facts, {"n": 1})
    made = desk.worker().start().handle
    assert made is not None

    def listed() -> bool:
        return int(made.id) in [run.run_id for run in client.jobs.list_runs()]

    assert not listed()
    assert client.jobs.get_run(int(made.id)).run_id == int(made.id)
    assert desk.backend.find(desk.name()) == made
    assert desk.value(desk.worker().run())["n"] == 1  # another worker's: it joins the run
    assert not listed()
    fake.workspace.runs[int(made.id)].began -= 3600.0  # an hour later
    assert listed()
    assert fake.workspace.started[desk.name()] == 1
    fake.workspace.listing_s = 0.0


def test_a_cancelled_job_is_gone_and_never_a_success(fake: FakeDatabricks, tmp_path: Path) -> None:
    desk = Desk(tmp_path, slow, {"seconds": 60})
    worker = desk.worker()
    started = worker.start()
    assert started.handle is not None
    run = fake.workspace.runs[int(started.handle.id)]
    assert run.printed.wait(30)
    worker.cancel()
    assert run.details is not None
    assert run.details["code"] == "USER_CANCELED"
    desk.backend.cancel(started.handle, 0)  # again, and after its end
    assert desk.ended[0].verdict.outcome is Outcome.CANCELLED
    with pytest.raises(JobCancelled):
        worker.finish(worker.wait(started))


def test_a_job_that_is_cancelled_before_it_starts_never_starts(fake: FakeDatabricks, tmp_path: Path) -> None:
    fake.workspace.go.clear()
    desk = Desk(tmp_path, facts, {"n": 1})
    started = desk.worker().start()
    assert started.handle is not None
    desk.backend.cancel(started.handle, 5)
    fake.workspace.go.set()
    run = fake.workspace.runs[int(started.handle.id)]
    assert run.over.wait(10)
    assert fake.workspace.started[desk.name()] == 0
    assert desk.backend.observe(started.handle).failure is FailureClass.CANCELLED


def test_a_job_past_its_deadline_is_ended(fake: FakeDatabricks, tmp_path: Path) -> None:
    desk = Desk(tmp_path, slow, {"seconds": 60}, timeout_s=1.5)
    with pytest.raises(JobLost, match="did not end within 2 s"):
        desk.run()
    assert desk.ended[0].verdict.failure is FailureClass.TIMEOUT
    run = fake.workspace.runs[int(desk.ended[0].handle.id)]  # type: ignore[union-attr]
    assert run.body["timeout_seconds"] == 302
    assert run.over.wait(10)


def test_another_worker_joins_the_run_of_one_that_died(fake: FakeDatabricks, tmp_path: Path) -> None:
    desk = Desk(tmp_path, slow, {"seconds": 1})
    first = desk.worker().start()
    assert desk.value(desk.worker().run()) == "done"
    assert first.handle == desk.ended[0].handle
    assert fake.workspace.started[desk.name()] == 1


def test_changed_code_cancels_the_old_run_and_begins_another(fake: FakeDatabricks, tmp_path: Path) -> None:
    desk = Desk(tmp_path, slow, {"seconds": 60})
    first = desk.worker("old").start()
    assert first.handle is not None
    assert fake.workspace.runs[int(first.handle.id)].printed.wait(30)
    desk.params = {"seconds": 0}
    assert desk.value(desk.worker("new").run()) == "done"
    assert [e.verdict.outcome for e in desk.ended] == [Outcome.CANCELLED, Outcome.SUCCEEDED]
    assert fake.workspace.runs[int(first.handle.id)].cancelled


def test_a_run_that_somebody_deletes_is_lost(fake: FakeDatabricks, tmp_path: Path) -> None:
    desk = Desk(tmp_path, facts, {"n": 1})
    started = desk.worker().start()
    assert started.handle is not None
    assert fake.workspace.runs[int(started.handle.id)].over.wait(30)
    fake.workspace.delete({"run_id": started.handle.id})
    seen = desk.backend.observe(started.handle)
    assert (seen.state, seen.failure) == (JobState.LOST, FailureClass.INFRA)
    desk.backend.cancel(started.handle, 1)
