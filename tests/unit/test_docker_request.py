"""What the Docker backend asks of an engine, refuses offline, and makes of what it sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.backends.base import FailureClass, JobRequest, JobState, StoreView, Worker
from lading.backends.docker import DockerBackend
from lading.backends.docker.backend import judged
from lading.backends.docker.settings import DockerSettings, is_here
from lading.config import Target
from lading.execution import attempt_folder, job_name
from lading.resources import GPU, Resources
from lading_runner.contract import Attempt

if TYPE_CHECKING:
    from collections.abc import Iterator

GOLDEN = Path(__file__).parents[1] / "golden" / "docker"
ATTEMPT = Attempt("churn", "manual__2026-11-20", "train", 3)

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "limits": ({}, {"resources": Resources(cpu=1.5, memory="4GiB", shm="1GiB", gpu=GPU(count=2))}),
    "cloud-store": ({"network": "ml"}, {"store_root": "s3://bucket/lading"}),
    "mounted-store": ({}, {"target": {"mount": {"host_path": "/srv/lading"}}}),
    "own-mounts": (
        {"mounts": [{"source": "/data", "target": "/data", "read_only": True}], "user": "1000:1000"},
        {"requirements": ("six",), "env": {"A": "b"}, "options": {"pids_limit": 50}},
    ),
}


@pytest.fixture(autouse=True, scope="module")
def an_engine_on_this_machine() -> Iterator[None]:
    """Whether or not there is one: where it is decides about the store, and only its URL counts here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DockerSettings, "engine_is_here", lambda self: not (self.host or "").startswith("tcp:"))
        yield


def backend(extra: dict[str, Any], target: dict[str, Any] | None = None) -> DockerBackend:
    return DockerBackend.configured(Target("docker", "docker", extra=extra, **(target or {})), Worker())


def job(**changes: Any) -> JobRequest:
    folder = attempt_folder(ATTEMPT)
    given = {
        "name": job_name(ATTEMPT),
        "dag_id": ATTEMPT.dag_id,
        "task_id": ATTEMPT.task_id,
        "spec_uri": f"file:///lading/store/{folder}/spec.json",
        "store_root": "file:///home/me/lading",
        "folder": folder,
        "image": "python:3.12-slim",
        "labels": {"dag_id": ATTEMPT.dag_id, "run_id": ATTEMPT.run_id, "task_id": ATTEMPT.task_id},
    }
    return JobRequest(**{**given, **changes})


@pytest.mark.parametrize("name", CASES)
def test_the_request_is_the_one_of_the_golden_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written anew with LADING_GOLDEN=1; look at the difference before it is kept."""
    monkeypatch.setattr(os, "getuid", lambda: 50000)
    monkeypatch.setattr(os, "getgid", lambda: 0)
    extra, changes = CASES[name]
    target = changes.get("target")
    request = job(**{key: value for key, value in changes.items() if key != "target"})
    rendered = json.dumps(backend(extra, target).render(request), indent=2, sort_keys=True) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("LADING_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(rendered)
    assert rendered == path.read_text()


@pytest.mark.parametrize(
    ("extra", "changes", "field", "message"),
    [
        ({}, {"image": None}, "image", "needs one"),
        ({}, {"resources": Resources(spot=True)}, "resources.spot", "cannot be honoured"),
        ({}, {"resources": Resources(disk="1GiB")}, "resources.disk", "cannot be honoured"),
        ({}, {"resources": Resources(gpu=GPU("l4"))}, "resources.gpu", "cannot choose a GPU by its type"),
        ({"user": "root"}, {}, "user", "only the image can resolve"),
        ({"pull": "sometimes"}, {}, "pull", "'sometimes'"),
        ({"read_only": "yes"}, {}, "read_only", "'yes'"),
        ({"mounts": [{"source": "/a"}]}, {}, "mounts", "is no mount"),
        ({"secret_env": {"A-B": "hub"}}, {}, "secret_env", "no name of a variable"),
        ({"host": "tcp://engine:2376"}, {}, "store", "the Docker engine runs elsewhere"),
        ({}, {"options": {"privileged": True}}, "options.privileged", "not an option of a step"),
        ({}, {"requirements": ("not a requirement!",)}, "requirements", "not a requirement"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_honoured_is_refused_offline(
    extra: dict[str, Any], changes: dict[str, Any], field: str, message: str
) -> None:
    found = {p.field: f"{p.message}; {p.cure}" for p in backend(extra).validate(job(**changes))}
    assert set(found) == {field}
    assert message in found[field]


@pytest.mark.parametrize(
    ("extra", "target", "store", "view"),
    [
        ({}, {}, "file:///srv", StoreView("file:///lading/store", outbox=True)),
        ({}, {"store": "s3://b"}, "file:///srv", StoreView("s3://b")),
        ({}, {}, "s3://b/x", StoreView("s3://b/x")),
        (
            {"host": "tcp://engine:2376"},
            {"store": "file:///data", "mount": {"host_path": "/srv"}},
            "file:///srv",
            StoreView("file:///data", outbox=True),
        ),
    ],
)
def test_the_store_is_where_the_job_sees_it(
    extra: dict[str, Any], target: dict[str, Any], store: str, view: StoreView
) -> None:
    made = backend(extra, target)
    assert made.store_view(store) == view
    assert made.validate(job(store_root=store)) == []


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv"])
def test_an_engine_whose_socket_is_mounted_into_the_worker_s_container_is_elsewhere(
    tmp_path: Path, mark: str
) -> None:
    own, mounted = tmp_path / "docker.sock", Path("/proc/version")  # of another file system
    own.touch()
    assert is_here(f"unix://{mounted}", tmp_path)  # in no container every socket is of this machine
    assert is_here(f"unix://{tmp_path}/absent.sock", tmp_path)
    assert not is_here("tcp://127.0.0.1:2375", tmp_path)
    (tmp_path / mark).parent.mkdir(exist_ok=True)
    (tmp_path / mark).touch()
    assert is_here(f"unix://{own}", tmp_path)
    assert not is_here(f"unix://{mounted}", tmp_path)
    assert not is_here(f"unix://{tmp_path}/absent.sock", tmp_path)
    assert not is_here("tcp://127.0.0.1:2375", tmp_path)


def container(status: str = "exited", code: int = 0, **state: Any) -> dict[str, Any]:
    return {
        "Id": "c0ffee" * 10,
        "State": {"Status": status, "ExitCode": code, "OOMKilled": False, "Error": "", **state},
        "Config": {"Labels": {"lading.image": "acme/train:1"}, "Image": "x", "Entrypoint": ["python3"]},
        "HostConfig": {"Memory": 64 << 20},
    }


@pytest.mark.parametrize(
    ("seen", "state", "failure", "reason"),
    [
        (container("created"), JobState.QUEUED, None, "not started"),
        (container("running"), JobState.RUNNING, None, "is running"),
        (container("paused"), JobState.RUNNING, None, "is paused"),
        (container("exited", 0), JobState.ENDED, None, "exit code 0"),
        (container("exited", 1), JobState.ENDED, None, "exit code 1"),
        (
            container("exited", 137, OOMKilled=True),
            JobState.ENDED,
            FailureClass.OOM,
            "memory limit of 64 MiB",
        ),
        (container("exited", 137), JobState.ENDED, FailureClass.INFRA, "SIGKILL"),
        (container("exited", 143), JobState.ENDED, FailureClass.INFRA, "SIGTERM"),
        (container("exited", 127), JobState.ENDED, FailureClass.CONFIG, "'acme/train:1' has no 'python3'"),
        (container("dead", 1, Error="no space"), JobState.ENDED, FailureClass.INFRA, "no space"),
    ],
)
def test_a_container_is_judged_by_what_the_engine_says(
    seen: dict[str, Any], state: JobState, failure: FailureClass | None, reason: str
) -> None:
    found = judged(seen)
    assert (found.state, found.failure) == (state, failure)
    assert reason in found.reason


@given(st.text(min_size=1, max_size=250), st.text(min_size=1, max_size=250), st.integers(-1, 10**6))
def test_names_of_containers_are_legal_and_tell_every_attempt_apart(
    dag_id: str, task_id: str, map_index: int
) -> None:
    import re

    attempt = Attempt(dag_id, "run", task_id, map_index)
    other = attempt.replace(generation=2)
    names = {backend({}).render(job(name=job_name(a)))["name"] for a in (attempt, other)}
    assert len(names) == 2
    assert all(re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,62}", str(name)) for name in names)


def test_a_dag_that_uses_docker_is_parsed_without_the_sdk() -> None:
    program = """
import sys
from airflow.sdk import DAG
from lading import step
with DAG("d", schedule=None):
    @step(on="docker", image="python:3.12-slim")
    def f(): ...
    f()
heavy = {"docker", "requests", "urllib3", "pandas", "fastapi"}
print(sorted({m.partition(".")[0] for m in sys.modules} & heavy))
"""
    env = {**os.environ, "AIRFLOW__LADING__STORE": "s3://bucket/lading"}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)
    alone = subprocess.run(
        [sys.executable, "-c", "\n".join(["import sys, airflow.sdk", *program.splitlines()[-2:]])],
        capture_output=True,
        text=True,
        check=True,
        env=env,
    )
    assert run.stdout.strip().splitlines()[-1] == alone.stdout.strip().splitlines()[-1]
    assert "'docker'" not in run.stdout
