"""Steps as custom jobs of a fake Vertex AI that runs them: what they are given, how they end."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import vertex_project
from lading.backends.base import FailureClass, JobState, Worker
from lading.errors import ConfigError, JobLost, StepFailed
from lading.execution import Outcome
from lading.resources import GPU, Resources
from lading.triggers import LadingTrigger
from supervised import until
from vertex_project import VertexDesk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vertex_project import Project

pytestmark = [pytest.mark.service("vertex"), pytest.mark.usefixtures("calm")]


def facts(n: int) -> dict[str, Any]:
    import os

    print("hello from the job äö")
    given = {"greeting": os.environ.get("GREETING"), "empty": os.environ.get("NOTHING")}
    return {"n": n, **given, "job": os.environ["LADING_JOB_ID"]}


def test_a_step_runs_as_one_job_and_its_result_comes_back(project: Project, tmp_path: Path) -> None:
    env = {"GREETING": 'h\'i "there" $HOME äö', "NOTHING": ""}
    desk = VertexDesk(project, tmp_path, facts, {"n": 7}, env=env)
    found = desk.value(desk.run())
    (job,) = desk.jobs()
    number = job.message.name.rpartition("/")[2]
    assert found == {"n": 7, "greeting": 'h\'i "there" $HOME äö', "empty": "", "job": number}
    assert desk.lines == ["hello from the job äö"]
    assert desk.claim() == number
    handle = desk.ended[0].handle
    assert handle is not None
    assert handle.id == number
    page = f"/vertex-ai/locations/us-central1/training/{number}/cpu?project=proj-1234"
    assert handle.url == f"https://console.cloud.google.com{page}"
    assert job.state == "SUCCEEDED"
    assert job.message.job_spec.scheduling.disable_retries


def test_what_a_target_says_reaches_the_job(project: Project, tmp_path: Path) -> None:
    from google.cloud.aiplatform_v1 import AcceleratorType, Scheduling

    account = "trainer@proj-1234.iam.gserviceaccount.com"
    key = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"
    keys = {
        "service_account": account,
        "network": "projects/1/global/networks/ml",
        "encryption_key": key,
        "labels": {"team": "ml"},
        "keep": "never",
    }
    resources = Resources(cpu=6, memory="20GiB", gpu=GPU("l4"), disk="200GiB", spot=True)
    desk = VertexDesk(project, tmp_path, facts, {"n": 1}, keys, resources, timeout_s=90.5)
    made = desk.backend.submit(desk.request(desk.task))
    (job,) = desk.jobs()
    pool = job.message.job_spec.worker_pool_specs[0]
    assert pool.machine_spec.machine_type == "g2-standard-8"
    assert pool.machine_spec.accelerator_type == AcceleratorType.NVIDIA_L4
    assert pool.machine_spec.accelerator_count == 1
    assert pool.disk_spec.boot_disk_size_gb == 200
    scheduling = job.message.job_spec.scheduling
    assert scheduling.strategy == Scheduling.Strategy.SPOT
    assert scheduling.timeout.seconds == 91
    assert job.message.job_spec.service_account == account
    assert job.message.job_spec.network == keys["network"]
    assert job.message.encryption_spec.kms_key_name == key
    assert job.message.labels["team"] == "ml"
    until(lambda: job.state == "FAILED", "no spec was written, so the runner cannot have succeeded")
    desk.backend.remove(made, failed=True)
    assert desk.jobs() == []
    desk.backend.remove(made, failed=True)
    assert desk.backend.observe(made).state is JobState.LOST


def raises() -> None:
    raise LookupError("no such customer")


def exits() -> None:
    import sys

    sys.exit(3)


def leaves() -> None:
    import os

    os._exit(70)


def slow(seconds: float) -> str:
    import time

    print("begun", flush=True)
    time.sleep(seconds)
    return "done"


@pytest.mark.parametrize(
    ("function", "error", "failure", "message"),
    [
        (raises, StepFailed, "user", r"\ALookupError: no such customer"),
        (exits, StepFailed, "user", r"\ASystemExit: the step called sys\.exit\(3\)"),
        (leaves, JobLost, "infra", r"exit code 70.*non-zero status of 70"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_step_that_fails_says_why(
    project: Project,
    tmp_path: Path,
    function: Callable[[], Any],
    error: type[Exception],
    failure: str,
    message: str,
) -> None:
    desk = VertexDesk(project, tmp_path, function)
    desk.policy = replace(desk.policy, infra_retries=0)
    with pytest.raises(error, match=message):
        desk.run()
    assert desk.ended[-1].verdict.failure == FailureClass(failure)


def fate(name: str) -> Any:
    from fakes.vertex import Fate

    made = {
        "preempted": lambda: Fate.preempted(0.3),
        "oom": Fate.out_of_memory,
        "stockout": Fate.stockout,
        "image": lambda: Fate.no_image(vertex_project.IMAGE),
        "internal": lambda: Fate((13, "Internal error occurred."), at="PENDING"),
    }
    return made[name]()


@pytest.mark.parametrize(
    ("kind", "error", "failure", "message"),
    [
        ("oom", JobLost, FailureClass.OOM, r"\AThe replica .*out-of-memory.*n1-highmem-2.*more memory"),
        ("stockout", JobLost, FailureClass.CAPACITY, r"\AResources are insufficient.*try later"),
        ("image", ConfigError, FailureClass.CONFIG, r"\AFailed to pull image .*train:7.*check its name"),
    ],
)
def test_what_the_platform_did_is_told_with_its_cure(
    project: Project, tmp_path: Path, kind: str, error: type[Exception], failure: FailureClass, message: str
) -> None:
    project.vertex.fates.append(fate(kind))
    desk = VertexDesk(project, tmp_path, slow, {"seconds": 60})
    with pytest.raises(error, match=message):
        desk.run()
    assert desk.ended[0].verdict.failure is failure
    assert len(project.vertex.fired) == 1
    assert project.vertex.running() == []


@pytest.mark.parametrize(("kind", "failure"), [("preempted", "preempted"), ("internal", "infra")])
def test_a_job_that_the_platform_took_is_submitted_again(
    project: Project, tmp_path: Path, kind: str, failure: str
) -> None:
    project.vertex.fates.append(fate(kind))
    desk = VertexDesk(project, tmp_path, slow, {"seconds": 1})
    assert desk.value(desk.run()) == "done"
    assert len(project.vertex.fired) == 1
    assert [(e.verdict.outcome, e.verdict.failure) for e in desk.ended] == [
        (Outcome.FAILED, FailureClass(failure)),
        (Outcome.SUCCEEDED, None),
    ]
    assert len(desk.jobs(1)) == len(desk.jobs(2)) == 1


def test_a_job_that_gets_no_machine_fails_and_does_not_begin_later(project: Project, tmp_path: Path) -> None:
    from fakes.vertex import Fate

    project.vertex.fates.append(Fate(queued_s=60))
    desk = VertexDesk(project, tmp_path, slow, {"seconds": 1}, {"max_wait_s": 1})
    with pytest.raises(JobLost, match=r"\Acustom job \d+ got no machine within 1 s"):
        desk.run()
    assert desk.ended[0].verdict.failure is FailureClass.CAPACITY
    assert any("is queued: it waits for quota" in line or "is pending" in line for line in desk.said)
    until(lambda: [job.state for job in desk.jobs()] == ["CANCELLED"], "it still waits")


def test_the_log_of_a_job_whose_runner_never_began_is_googles(project: Project, tmp_path: Path) -> None:
    desk = VertexDesk(project, tmp_path, slow, {"seconds": 1}, {"store": "gs://lading/elsewhere"})
    with pytest.raises(
        ConfigError, match=r"\Athe job cannot read the runner .*elsewhere/runners/.*service acc"
    ):
        desk.run()
    assert any("cannot read the runner" in line for line in desk.lines)
    assert "ListLogEntries" in project.vertex.calls


def test_a_log_that_may_not_be_read_is_no_failure_of_its_own(project: Project, tmp_path: Path) -> None:
    from fakes.vertex import Fault

    message = "Permission denied for all log views"
    project.vertex.faults += [Fault("ListLogEntries", "PERMISSION_DENIED", message, times=2)]
    told: list[str] = []
    lend = Worker(log=told.append, store_options=lambda: project.store_options)
    keys = {"store": "gs://lading/elsewhere"}
    desk = VertexDesk(project, tmp_path, slow, {"seconds": 1}, keys, lend=lend)
    with pytest.raises(ConfigError, match="non-zero status of 66"):
        desk.run()
    assert message in told[0]
    assert "https://console.cloud.google.com/vertex-ai/" in told[0]


def test_requirements_are_installed_in_the_job(project: Project, tmp_path: Path) -> None:
    import sys

    def with_packages() -> list[str]:
        import six

        return [six.__version__, six.__file__]

    lend = Worker(cache=tmp_path / "cache", store_options=lambda: project.store_options)
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    desk = VertexDesk(
        project, tmp_path, with_packages, requirements=("six==1.16.0",), python=python, lend=lend
    )
    version, path = desk.value(desk.run())
    assert version == "1.16.0"
    assert "/packages/six" in path


def a_private_key() -> str:
    """Of nobody."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def test_nothing_secret_is_in_the_request_the_log_the_state_or_the_trigger(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's connection has a key, by which it proves itself."""
    from fakes.gcs import TOKEN

    secret, key = "s3cr3t-of-the-worker", a_private_key()
    keyfile = {
        "type": "service_account",
        "project_id": "proj-1234",
        "private_key_id": "0123456789abcdef-of-the-key",
        "private_key": key,
        "client_email": "airflow@proj-1234.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    keyed = {"conn_type": "google_cloud_platform", "extra": {"keyfile_dict": json.dumps(keyfile)}}
    monkeypatch.setenv("AIRFLOW_CONN_KEYED", json.dumps(keyed))
    project.vertex.logins.clear()
    lend = Worker(secrets=lambda: [secret], store_options=lambda: project.store_options)
    desk = VertexDesk(project, tmp_path, facts, {"n": 1}, {"connection": "keyed"}, lend=lend)
    started = desk.worker().start()
    (job,) = desk.jobs()
    until(lambda: job.state == "SUCCEEDED", "it did not end")
    assert project.vertex.logins, "the key was not used, so that nothing of it could be told"
    bucket = project.gcs.buckets[vertex_project.BUCKET]
    written = b"".join(o.data for name, o in bucket.objects.items() if desk.task.run_id in name)
    trigger = LadingTrigger("vertex", started.to_json(), poll_interval_s=0.1, grace_s=5)
    told = [
        str(job.message),
        json.dumps(desk.backend.render(desk.request(desk.task))),
        json.dumps(trigger.serialize()),
        desk.state.path.read_text(),
        written.decode(),
        *job.lines,
        *desk.said,
    ]
    hidden = [secret, TOKEN, keyfile["private_key_id"], *project.vertex.logins, *key.split()[3:6]]
    assert not [text for text in told if any(part in text for part in hidden)]


def test_the_store_may_be_the_mounted_bucket(project: Project, tmp_path: Path) -> None:
    """The worker has the bucket as a folder too, and the job needs no driver."""
    vertex_project.require_mounts()
    with vertex_project.mounted(project.vertex):
        url = f"file://{project.vertex.buckets}/lading/mounted"
        desk = VertexDesk(project, tmp_path, facts, {"n": 3}, {"store": "/gcs/lading/mounted"}, url=url)
        assert desk.value(desk.run())["n"] == 3
        assert desk.spec(desk.task).store == "file:///gcs/lading/mounted"
