"""Steps in pods of a real cluster."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cluster_node
from cluster_node import wait_until
from lading.backends.base import FailureClass
from lading.errors import ConfigError, JobLost, LadingError, StepFailed
from lading.execution import Policy, attempt_folder
from lading.resources import Resources
from lading_testkit import run_dag, task_states

if TYPE_CHECKING:
    from fakes.pod_worker import Desks

pytestmark = pytest.mark.service("kubernetes")

ROOT = Path(__file__).parents[2]
SLEEP = "def run():\n    import time\n    print('begun')\n    time.sleep(600)\n"
DRAFT_ID = "01900000-0000-7000-8000-000000000000"
OK = "def run():\n    return 42\n"


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize("kind", ["pod", "job"])
def test_a_step_runs_in_a_pod_and_hands_its_value_on(
    target: cluster_node.Cluster, kind: str, deferrable: bool
) -> None:
    from airflow.sdk import dag

    from lading import deployment, step
    from lading.lineage.log import read

    target.configure(kind=kind)

    @dag(schedule=None)
    def in_a_pod():
        @step(on="kubernetes", deferrable=deferrable)
        def where(n: int) -> dict[str, object]:
            import os
            import socket

            print("hello from", socket.gethostname())
            return {"uid": os.getuid(), "host": socket.gethostname(), "n": n}

        @step
        def check(found: dict[str, object]) -> None:
            assert str(found["host"]).startswith("lading-")
            assert found["uid"] == 65534
            assert found["n"] == 7

        check(where(7))

    run = run_dag(in_a_pod())
    assert task_states(run) == {"where": "success", "check": "success"}
    event = [e for e in read(deployment.store().objects, dag_id="in_a_pod") if e.task.task_id == "where"][-1]
    assert event.task.run_id == run.run_id
    assert "sha256:" in event.environment["image"]
    assert target.made() == 1
    assert target.left_behind() == []


def test_what_happens_to_a_waiting_pod_is_said_once_each(desk: Desks) -> None:
    one = desk(OK)
    one.worker().run()
    told = [line for line in one.said if line.startswith(("Scheduled: ", "Pulled: ", "Started: "))]
    assert len(told) == len(set(told))
    assert any(line.startswith("Scheduled: Successfully assigned") for line in told)


def test_the_exact_image_is_in_the_evidence(desk: Desks) -> None:
    one = desk(OK)
    one.worker().run()
    (end,) = one.ends
    assert "sha256:" in end.observation.environment["image"]
    assert end.handle is not None
    assert end.handle.extra["environment"] == {"image": "lading/python:3.11"}


def test_an_image_that_does_not_exist_is_an_error_of_configuration_within_half_a_minute(
    desk: Desks, target: cluster_node.Cluster
) -> None:
    one = desk(OK)
    begun = time.monotonic()
    with pytest.raises(ConfigError, match=r'"lading\.invalid/none:1" cannot be pulled: .*image_pull_secrets'):
        one.worker(image="lading.invalid/none:1").run()
    assert time.monotonic() - begun < 35
    assert any(line.startswith("Pulling: ") for line in one.said)
    assert any("ailed to pull image" in line for line in one.said)
    assert target.left_behind() == []


def test_an_image_without_python_is_named_with_the_cure(desk: Desks, target: cluster_node.Cluster) -> None:
    image = target.image_without_python()
    one = desk(OK)
    with pytest.raises(ConfigError) as failed:
        one.worker(image=image).run()
    first = str(failed.value).splitlines()[0]
    assert f'image "{image}" has no "python3": ' in first
    assert "use an image with Python 3.9" in first
    assert target.left_behind() == []


NO_MORE_TRIES = Policy(poll_max_s=0.5, settle_s=1, grace_s=30, infra_retries=0)
ENDS: dict[str, tuple[str, dict[str, Any], type[LadingError], list[str]]] = {
    "exit": ("import sys; sys.exit(3)", {}, StepFailed, ["sys.exit(3)", "raise an exception"]),
    "leave": ("import os; os._exit(0)", {}, JobLost, ["exit code 0", "os._exit() instead of returning"]),
    "crash": (
        "import ctypes; ctypes.string_at(0)",
        {},
        StepFailed,
        ["SIGSEGV: native code", "faulthandler.enable()"],
    ),
    "memory": (
        "x = [bytearray(b'x' * (8 << 20)) for _ in range(1000)]",
        {"resources": Resources(memory="64MiB")},
        JobLost,
        ["killed by the kernel: it used all of its memory limit of 64 MiB (its peak)", "more memory"],
    ),
    "lambda": (
        "return lambda: 1",
        {},
        StepFailed,
        ["return_value is of type function", "return one of these"],
    ),
}


@pytest.mark.parametrize("how", ENDS)
def test_the_first_line_of_an_error_has_the_cause_and_the_cure(
    desk: Desks, target: cluster_node.Cluster, how: str
) -> None:
    body, asked, kind, words = ENDS[how]
    one = desk(f"def run():\n    {body}\n")
    one.policy = NO_MORE_TRIES
    with pytest.raises(kind) as failed:
        one.worker(**asked).run()
    first = str(failed.value).splitlines()[0]
    assert [word for word in words if word not in first] == [], first
    assert target.left_behind() == []


def test_another_python_than_asked_for_is_told_with_both_and_the_cure(
    desk: Desks, target: cluster_node.Cluster
) -> None:
    one = desk(OK)
    one.spec = {"python": "==3.8.*"}
    with pytest.raises(ConfigError) as failed:
        one.worker().run()
    first = str(failed.value).splitlines()[0]
    assert "3.8" in first
    assert "3.11" in first
    assert "give the step an image or environment with that Python" in first
    assert target.left_behind() == []


def test_a_secret_that_is_not_there_is_named(desk: Desks, target: cluster_node.Cluster) -> None:
    one = desk(OK, secret_env={"PASSWORD": {"secret": "nowhere", "key": "k"}})
    with pytest.raises(ConfigError, match=r'secret "nowhere" not found.*create what it names'):
        one.worker().run()
    assert target.left_behind() == []


def test_what_no_node_can_hold_fails_with_the_scheduler_s_sentence(
    desk: Desks, target: cluster_node.Cluster
) -> None:
    one = desk(OK, max_wait_s=3)
    with pytest.raises(JobLost, match=r"no node within 3 s .*0/1 nodes are available: .*nsufficient cpu"):
        one.worker(resources=Resources(cpu=1000)).run()
    assert one.ends[0].verdict.failure is FailureClass.CAPACITY
    assert any(line.startswith("FailedScheduling: 0/1 nodes") for line in one.said)
    assert target.left_behind() == []


def test_a_deferred_step_that_is_killed_leaves_no_pod_and_an_event(
    desk: Desks, target: cluster_node.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the triggerer does it, when a user marks the task failed."""
    from lading import deployment
    from lading.execution import OpenJob
    from lading.lineage.event import LineageEvent
    from lading.lineage.log import read
    from lading.triggers import LadingTrigger
    from lading_runner.store import ArtifactStore
    from lading_runner.store.local import LocalStore

    one = desk(SLEEP)
    started = one.worker().start()
    folder = attempt_folder(started.attempt)
    objects = LocalStore(str(one.root))
    draft = LineageEvent(DRAFT_ID, "2026-01-01T00:00:00Z", "cancelled", started.attempt, "step")
    OpenJob(started.attempt, "kubernetes", draft.to_json()).write(objects)
    monkeypatch.setattr(deployment, "store", lambda: ArtifactStore(objects))
    assert wait_until(target.running, 30)
    trigger = LadingTrigger("kubernetes", started.to_json(), 1.0, 20.0)
    asyncio.run(trigger.on_kill())
    assert target.left_behind(30) == []
    assert [event.status for event in read(objects)] == ["cancelled"]
    assert (one.root / folder / "cancelled").exists()


def test_an_api_server_that_is_silent_for_a_while_costs_nothing(
    desk: Desks, target: cluster_node.Cluster, tmp_path: Path
) -> None:
    with cluster_node.gate(tmp_path) as (gate, config_file):
        one = desk("def run():\n    import time\n    time.sleep(3)\n    return 42\n", config_file=config_file)
        started = one.worker().start()
        threading.Timer(1, gate.close).start()
        threading.Timer(9, gate.reopen).start()
        result = one.worker().run()
        assert gate.refused > 3
        assert started.handle is not None
        assert one.ends[0].handle == started.handle
    assert result.status == "succeeded"
    assert target.made() == 1
    assert target.left_behind() == []


@pytest.mark.usefixtures("airflow_db")
def test_an_airflow_connection_says_where_the_cluster_is(
    target: cluster_node.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk import dag

    from lading import step

    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": os.environ["KUBECONFIG"]}}
    connection["extra"]["namespace"] = target.space
    monkeypatch.setenv("AIRFLOW_CONN_TEST_CLUSTER", json.dumps(connection))
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    target.configure(connection="test_cluster", namespace=None)

    @dag(schedule=None)
    def by_connection():
        @step(on="kubernetes")
        def answer() -> int:
            return 42

        answer()

    assert task_states(run_dag(by_connection())) == {"answer": "success"}
    monkeypatch.undo()
    assert target.made() == 1
    assert target.left_behind() == []


def test_a_failed_pod_is_kept_where_the_target_says_so(desk: Desks, target: cluster_node.Cluster) -> None:
    one = desk("def run():\n    raise ValueError\n", keep="failed")
    with pytest.raises(StepFailed):
        one.worker().run()
    (kept,) = target.pods()
    assert kept.status.phase == "Failed"
    target.api.delete_namespaced_pod(kept.metadata.name, target.space)
    assert target.left_behind() == []


def test_secrets_are_referred_to_and_masked(desk: Desks, target: cluster_node.Cluster) -> None:
    value = "correct-horse-battery-staple"
    secret = {"metadata": {"name": "db"}, "data": {"password": base64.b64encode(value.encode()).decode()}}
    target.api.create_namespaced_secret(target.space, secret)
    code = "def run():\n    import os\n    print('it is', os.environ['DB_PASSWORD'])\n"
    one = desk(code, secret_env={"DB_PASSWORD": {"secret": "db", "key": "password"}}, keep="failed")
    started = one.worker().start()
    assert started.handle is not None
    spec = target.api.read_namespaced_pod(
        started.handle.extra["name"], target.space, _preload_content=False
    ).data
    one.worker().run()
    assert b'"DB_PASSWORD"' in spec
    assert value.encode() not in spec
    assert "it is ***" in one.printed
    files = [path for path in one.folder.rglob("*") if path.is_file() and "blobs" not in path.parts]
    assert len(files) > 4
    assert not [path for path in files if value.encode() in path.read_bytes()]


@pytest.mark.usefixtures("airflow_db")
def test_a_step_s_error_names_the_user_s_exception(target: cluster_node.Cluster) -> None:
    from airflow.sdk import dag

    from lading import step

    seen: list[Any] = []

    @dag(schedule=None)
    def failing_in_a_pod():
        @step(on="kubernetes", on_failure_callback=lambda context: seen.append(context["exception"]))
        def fail() -> None:
            raise ZeroDivisionError("by the user")

        fail()

    run = run_dag(failing_in_a_pod())
    assert task_states(run) == {"fail": "failed"}
    assert str(seen[0]).startswith("ZeroDivisionError: by the user")
    assert target.left_behind() == []
