"""``make cloud-smoke`` on fakes that run its jobs: it passes where they behave, and names what does not."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tools.cloud_smoke import checks
from tools.cloud_smoke.__main__ import main
from tools.cloud_smoke.desk import DAG_ID, Pace

import databricks_workspace
import vertex_project
from fakes.gcs import TOKEN
from fakes.memory import limited

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fakes.databricks import FakeDatabricks
    from fakes.vertex import FakeVertex
    from vertex_project import Project

NAMES = [check.name for check in checks.CHECKS]
PACE = Pace(poll_min_s=0.1, poll_max_s=0.5, grace_s=15, settle_s=2, step_s=4, most_mib=1500)
LIMIT_MIB = 400


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Settings are read anew, before and after."""
    from lading import deployment

    deployment.settings.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    deployment.settings.cache_clear()


@pytest.fixture
def project(project: Project, fresh: pytest.MonkeyPatch) -> Iterator[Project]:
    options = {"base_url": project.gcs.url, "bearer_token": TOKEN}
    bucket = {"conn_type": "lading", "host": "gs://lading/smoke", "extra": options}
    target = {"region": "us-central1", "image": vertex_project.IMAGE}
    targets = {"vertex": target, "elsewhere": {**target, "backend": "vertex"}}
    fresh.setenv("AIRFLOW_CONN_BUCKET", json.dumps(bucket))
    fresh.setenv("AIRFLOW__LADING__STORE", "bucket")
    fresh.setenv("AIRFLOW__LADING__TARGETS", json.dumps(targets))
    project.vertex.jobs.clear()
    project.vertex.calls.clear()
    yield project
    left = [*(fault for fault in project.vertex.faults if fault.times), *project.vertex.fates]
    assert left == [], "a fault was asked for that did not happen"
    project.vertex.faults.clear()


@pytest.fixture
def workspace(fresh: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeDatabricks]:
    with databricks_workspace.workspace(tmp_path / "workspace") as made:
        store = str(tmp_path / "store")
        targets = tmp_path / "targets.toml"
        targets.write_text(f'[databricks]\nfiles = "{databricks_workspace.FILES}"\nstore = "{store}"\n')
        fresh.setenv("AIRFLOW__LADING__STORE", f"file://{store}")
        fresh.setenv("AIRFLOW__LADING__TARGETS_FILE", "")
        fresh.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", made.connection())
        databricks_workspace.forget_hooks()
        yield made
        databricks_workspace.forget_hooks()


@contextmanager
def small_vertex(vertex: FakeVertex, message: str = "") -> Iterator[list[str]]:
    """What runs out of memory is said so, or ended with another ``message``."""
    from fakes.vertex import Fate

    def running() -> dict[str, int]:
        jobs = {job.message.name.rpartition("/")[2]: job.process for job in vertex.running()}
        return {number: process.pid for number, process in jobs.items() if process is not None}

    def strike(number: str) -> None:
        vertex.strike(number, Fate((13, message)) if message else Fate.out_of_memory())

    with limited(LIMIT_MIB, running, strike) as struck:
        yield struck


@contextmanager
def small_databricks(fake: FakeDatabricks) -> Iterator[list[str]]:
    from fakes.databricks import Fate

    def running() -> dict[str, int]:
        runs = [run for run in list(fake.workspace.runs.values()) if not run.over.is_set()]
        return {str(run.id): run.compute.process.pid for run in runs if run.compute.process}

    def strike(number: str) -> None:
        fake.workspace.lose(int(number), Fate(kill="child"))

    with limited(LIMIT_MIB, running, strike) as struck:
        yield struck


def smoke(folder: Path, *argv: str) -> tuple[int, dict[str, dict[str, Any]], dict[str, Any]]:
    """Exit code, the checks by name, and all that was told."""
    file = folder / "seen.json"
    code = main([*argv, "--json", str(file), "--limit", "4"], PACE)
    told = json.loads(file.read_text())
    found = {row["check"]: row for row in told["checks"]}
    assert list(found) == NAMES
    return code, found, told


def failed(rows: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: row["seen"] for name, row in rows.items() if not row["ok"]}


@pytest.mark.slow
@pytest.mark.service("vertex")
def test_vertex_passes_and_nothing_is_left(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_vertex(project.vertex) as struck:
        code, rows, told = smoke(tmp_path, "--only", "vertex")
    assert failed(rows) == {}
    assert (code, told["left_behind"]) == (0, [])
    assert rows["out of memory"]["jobs"] == struck
    assert project.vertex.jobs == {}
    assert project.vertex.calls.count("CreateCustomJob") == 6
    bucket = project.gcs.buckets[vertex_project.BUCKET]
    left = [key for key in bucket.objects if "blobs/" not in key and "lading-runner" not in key]
    assert [key for key in left if DAG_ID in key or "lineage/" in key or "open/" in key] == []
    shown, said = capsys.readouterr()
    table = shown.splitlines()
    assert table[0].split() == ["target", "check", "expected", "seen", "seconds", "job"]
    assert table[-1] == "all 6 checks passed"
    for line, row in zip(table[1:7], rows.values(), strict=True):
        assert row["check"] in line
        assert line.endswith(row["url"])
        assert f"{row['check']}: job {row['jobs'][0]} {row['url']}" in said


@pytest.mark.slow
@pytest.mark.service("vertex")
def test_two_targets_with_one_store_do_not_take_each_others_jobs(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "seen.json"
    with small_vertex(project.vertex):
        argv = ("--only", "vertex", "--only", "elsewhere", "--json", str(file), "--limit", "5")
        assert main(argv, PACE) == 0
    rows = json.loads(file.read_text())["checks"]
    assert [(row["target"], row["check"]) for row in rows if not row["ok"]] == []
    assert project.vertex.calls.count("CreateCustomJob") == 2 * 6


@pytest.mark.slow
@pytest.mark.service("vertex")
def test_an_out_of_memory_that_vertex_calls_something_else_fails_its_check_alone(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_vertex(project.vertex, "Internal error occurred.") as struck:
        code, rows, _ = smoke(tmp_path, "--only", "vertex")
    (number,) = struck
    assert list(failed(rows)) == ["out of memory"]
    assert rows["out of memory"]["seen"].startswith("infra: ")
    assert "Internal error occurred." in rows["out of memory"]["seen"]
    assert code == 1
    (left,) = project.vertex.jobs  # to be looked at; it ended
    assert left.endswith(number)
    assert project.vertex.running() == []
    assert capsys.readouterr().out.splitlines()[-1] == "1 of 6 checks failed"


@pytest.mark.slow
@pytest.mark.service("databricks")
def test_databricks_passes_and_nothing_is_left(workspace: FakeDatabricks, tmp_path: Path) -> None:
    with small_databricks(workspace) as struck:
        code, rows, told = smoke(
            tmp_path, "--only", "databricks", "--targets", str(tmp_path / "targets.toml")
        )
    assert failed(rows) == {}
    assert (code, told["left_behind"]) == (0, [])
    assert rows["out of memory"]["jobs"] == struck
    assert len(workspace.workspace.runs) == 6
    assert all(run.over.is_set() for run in workspace.workspace.runs.values())
    assert all(row["url"] for row in rows.values())
    assert [path for path in (tmp_path / "store").rglob("*") if DAG_ID in str(path) and path.is_file()] == []
    files = workspace.workspace.files.place(databricks_workspace.FILES)
    assert [path.name for path in files.iterdir() if "lading-job" in path.name] == []


@pytest.mark.slow
@pytest.mark.service("databricks")
def test_a_workspace_that_submits_twice_fails_the_duplicate_alone(
    workspace: FakeDatabricks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten = []
    submit = workspace.workspace.submit

    def forgetful(body: dict[str, Any], owner: str) -> dict[str, Any]:
        """Of one check's job the token is not kept."""
        answer = submit(body, owner)
        if "duplicate_submission" in json.dumps(body):
            forgotten.append(workspace.workspace.tokens.pop(body["idempotency_token"]))
        return answer

    monkeypatch.setattr(workspace.workspace, "submit", forgetful)
    with small_databricks(workspace):
        code, rows, _ = smoke(tmp_path, "--only", "databricks", "--targets", str(tmp_path / "targets.toml"))
    assert list(failed(rows)) == ["duplicate submission"]
    assert "2 jobs of one name" in rows["duplicate submission"]["seen"]
    assert code == 1
    assert len(set(forgotten)) == len(rows["duplicate submission"]["jobs"]) == 2
    assert all(run.over.is_set() for run in workspace.workspace.runs.values())


def test_what_is_missing_is_said_before_anything_is_submitted(
    fresh: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh.setenv("AIRFLOW__LADING__TARGETS", json.dumps({"docker": {}}))
    assert main([]) == 2
    vertex, databricks = capsys.readouterr().err.splitlines()[-2:]
    assert vertex.startswith("target 'vertex' cannot be tried: region is not set; say where the jobs run")
    assert "set [lading] store to gs://bucket/prefix" in vertex
    assert databricks.startswith("target 'databricks' cannot be tried: files the runner needs a place")
    assert main(["--only", "docker"]) == 2
    assert "its backend is 'docker'; name a target of vertex or databricks" in capsys.readouterr().err


@pytest.mark.service("databricks")
def test_a_connection_that_is_not_there_is_named_before_anything_is_submitted(
    workspace: FakeDatabricks, tmp_path: Path, fresh: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--only", "databricks", "--targets", str(tmp_path / "targets.toml")]
    given = json.loads(workspace.connection())
    fresh.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", json.dumps({**given, "password": "dapi-expired"}))
    assert main(argv) == 2
    assert "databricks_default" in (refused := capsys.readouterr().err)
    assert "cannot be tried: Databricks refuses to" in refused
    assert "dapi-expired" not in refused
    fresh.delenv("AIRFLOW_CONN_DATABRICKS_DEFAULT")
    databricks_workspace.forget_hooks()
    assert main(argv) == 2
    assert "connection 'databricks_default' cannot be used" in capsys.readouterr().err
    assert workspace.workspace.runs == {}


@pytest.mark.service("vertex")
def test_a_project_that_may_not_be_used_is_named_before_anything_is_submitted(
    project: Project, fresh: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fakes.vertex import Fault

    project.vertex.faults.append(Fault("ListCustomJobs", "PERMISSION_DENIED", "Permission denied on project"))
    assert main(["--only", "vertex"]) == 2
    (said,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("target"))
    assert "target 'vertex' cannot be tried" in said
    assert "roles/aiplatform.user" in said
    assert project.vertex.jobs == {}


@pytest.mark.slow
@pytest.mark.service("vertex")
def test_a_time_limit_ends_what_waits_and_its_jobs(project: Project, tmp_path: Path) -> None:
    from fakes.vertex import Fate

    project.vertex.fates += [Fate(queued_s=300) for _ in range(8)]
    pace = replace(PACE, grace_s=4, settle_s=0.2)
    file = tmp_path / "seen.json"
    begun = time.monotonic()
    assert main(["--only", "vertex", "--limit", "0.5", "--json", str(file)], pace) == 1
    assert time.monotonic() - begun < 0.5 * 60
    seen = {row["check"]: row["seen"] for row in json.loads(file.read_text())["checks"] if not row["ok"]}
    assert list(seen) == NAMES
    assert seen["success"].startswith("the DAG did not end within")
    assert seen["user error"].startswith("timeout: the job did not end within")
    assert seen["cancel"].startswith("the job to cancel did not begin within")
    assert len(project.vertex.fates) <= 3  # the worker to be killed may not have come so far
    project.vertex.fates.clear()
    assert project.vertex.running() == []
