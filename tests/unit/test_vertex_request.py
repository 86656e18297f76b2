"""What the Vertex AI backend asks for, refuses offline, and makes of what it sees."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.backends.base import FailureClass, JobRequest, JobState, StoreView, Worker
from lading.backends.vertex import VertexBackend, launch, machines
from lading.backends.vertex.judged import judged
from lading.backends.vertex.names import label_value
from lading.config import Target
from lading.execution import attempt_folder, job_name
from lading.resources import GPU, Resources
from lading_runner.contract import Attempt

GOLDEN = Path(__file__).parents[1] / "golden" / "vertex"
ATTEMPT = Attempt("churn", "manual__2026-11-20", "train", 3)
STORE = "gs://acme/lading"
PROGRAM = Path(launch.__file__).read_text()

EVERYTHING = {
    "project": "acme-ml-1234",
    "service_account": "trainer@acme-ml-1234.iam.gserviceaccount.com",
    "network": "projects/123/global/networks/ml",
    "encryption_key": "projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k",
    "disk_type": "pd-standard",
    "labels": {"team": "ml"},
    "interpreter": "/usr/bin/python3.11",
}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "cpu-and-memory": ({}, {"resources": Resources(cpu=12, memory="100GiB")}),
    "attached-gpu": ({}, {"resources": Resources(gpu=GPU("t4", 2), memory="20GiB")}),
    "built-in-gpu": ({}, {"resources": Resources(gpu=GPU("a100-80", 4))}),
    "spot": ({}, {"resources": Resources(gpu=GPU("h100"), spot=True, disk="1TiB"), "timeout_s": 3600.0}),
    "everything": (
        EVERYTHING,
        {
            "env": {"B": "2", "A": "1", "D": "", "C": ""},
            "requirements": ("six",),
            "python": "3.12",
            "timeout_s": 90.5,
        },
    ),
    "named-machine": ({"machine_type": "n1-standard-8"}, {"options": {"machine_type": "c4-standard-96"}}),
    "mounted-store": ({"store": "/gcs/acme/lading"}, {"store_root": "file:///mnt/acme/lading"}),
}


def backend(keys: dict[str, Any] | None = None) -> VertexBackend:
    extra = {"region": "europe-west4", **(keys or {})}
    common = {name: extra.pop(name) for name in ("store", "mount") if name in extra}
    extra = {name: value for name, value in extra.items() if value is not None}
    return VertexBackend.configured(Target("vertex", "vertex", extra=extra, **common), Worker())


def job(**changes: Any) -> JobRequest:
    folder = attempt_folder(ATTEMPT)
    given = {
        "name": job_name(ATTEMPT),
        "dag_id": ATTEMPT.dag_id,
        "task_id": ATTEMPT.task_id,
        "spec_uri": f"{STORE}/{folder}/spec.json",
        "store_root": STORE,
        "folder": folder,
        "image": "europe-west4-docker.pkg.dev/acme-ml-1234/steps/train:7",
        "labels": {
            "dag_id": ATTEMPT.dag_id,
            "run_id": "manual__2026-11-20T10:00:00+00:00",
            "map_index": "-1",
        },
    }
    return JobRequest(**{**given, **changes})


@pytest.mark.parametrize("name", CASES)
def test_the_request_is_the_one_of_the_golden_file(name: str) -> None:
    """Written anew with LADING_GOLDEN=1; look at the difference before it is kept."""
    keys, changes = CASES[name]
    made = backend(keys).render(job(**changes))
    text = json.dumps(made, indent=2, sort_keys=True) + "\n"
    # the program and the runner's digest change with every release
    text = re.sub(
        r"runners/[0-9a-f]{64}\.pyz", "runners/RUNNER.pyz", text.replace(json.dumps(PROGRAM), '"PROGRAM"')
    )
    path = GOLDEN / f"{name}.json"
    if os.environ.get("LADING_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize(
    ("keys", "changes", "field", "message"),
    [
        ({"region": None}, {}, "region", "is not set"),
        ({"region": "EU"}, {}, "region", "'EU'"),
        ({"project": "A project"}, {}, "project", "'A project'"),
        ({"service_account": "trainer"}, {}, "service_account", "'trainer'"),
        ({"network": "default"}, {}, "network", "projects/NUMBER/global/networks/NAME"),
        ({"encryption_key": "k"}, {}, "encryption_key", "cryptoKeys"),
        ({"disk_type": "floppy"}, {}, "disk_type", "pd-ssd"),
        ({"keep": "some"}, {}, "keep", "all, failed, never"),
        ({"max_wait_s": "long"}, {}, "max_wait_s", "number of seconds"),
        ({"labels": {"Team": "ml"}}, {}, "labels", "no key that Google Cloud takes"),
        ({"labels": {"team": "M L"}}, {}, "labels", "no value that Google Cloud takes"),
        ({"labels": {"lading_job": "x"}}, {}, "labels", "Lading's own"),
        ({"mount": {"pvc": "x"}}, {}, "mount", "takes no mounts"),
        ({}, {"store_root": "file:///srv/lading"}, "store", "a folder of the worker's"),
        ({}, {"store_root": "s3://bucket"}, "store", "set [lading] store to gs://"),
        ({}, {"image": None}, "image", "needs one"),
        ({}, {"resources": Resources(shm="1GiB")}, "resources.shm", "cannot be honoured"),
        ({}, {"resources": Resources(disk="64TiB")}, "resources.disk", "at most 64000 GiB"),
        ({}, {"resources": Resources(cpu=500)}, "resources", "no machine type holds cpu=500"),
        ({}, {"resources": Resources(gpu=GPU())}, "resources.gpu", "no GPU without a type"),
        ({}, {"resources": Resources(gpu=GPU("l40"))}, "resources.gpu", "did you mean 'l4'?"),
        ({}, {"resources": Resources(gpu=GPU("l4", 3))}, "resources.gpu", "g2-standard-24: 2"),
        ({}, {"resources": Resources(gpu=GPU("h100"))}, "resources.gpu", "no machine type holds"),
        (
            {"machine_type": "n1-standard-4"},
            {"resources": Resources(cpu=8)},
            "machine_type",
            "4 CPUs and 15 GiB, less than is asked",
        ),
        (
            {"machine_type": "g2-standard-4"},
            {"resources": Resources(gpu=GPU("t4"))},
            "resources.gpu",
            "g2-standard-4 does not take 1 of 't4'; it takes 1 of l4",
        ),
        ({}, {"requirements": ("six",)}, "python", "is not set"),
        (
            {},
            {"requirements": ("not a requirement!",), "python": "3.12"},
            "requirements",
            "not a requirement",
        ),
        ({}, {"env": {"A-B": "x"}}, "env", "no name of a variable"),
        ({}, {"env": {f"V{n}": "x" for n in range(101)}}, "env", "101 variables"),
        ({}, {"options": {"scheduling": {}}}, "options.scheduling", "is not an option of a step"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_honoured_is_refused_offline(
    keys: dict[str, Any], changes: dict[str, Any], field: str, message: str
) -> None:
    found = {p.field: f"{p.message}; {p.cure}" for p in backend(keys).validate(job(**changes))}
    assert set(found) == {field}
    assert message in found[field]


@pytest.mark.parametrize("name", CASES)
def test_what_can_be_honoured_is_not_refused(name: str) -> None:
    keys, changes = CASES[name]
    assert backend(keys).validate(job(**changes)) == []


@pytest.mark.parametrize(
    ("asked", "machine"),
    [
        (Resources(), "n1-highmem-2"),
        (Resources(cpu=2, memory="14GiB"), "e2-highmem-2"),
        (Resources(cpu=2.5), "n1-standard-4"),
        (Resources(cpu=16, memory="10GiB"), "n1-highcpu-16"),
        (Resources(cpu=4, memory="15.5GiB"), "e2-standard-4"),
        (Resources(memory="700GiB"), "m1-ultramem-40"),
        (Resources(gpu=GPU("t4")), "n1-highmem-2"),
        (Resources(gpu=GPU("t4", 2), cpu=20), "n1-highcpu-32"),
        (Resources(gpu=GPU("v100", 8), cpu=64), "n1-highcpu-64"),
        (Resources(gpu=GPU("l4")), "g2-standard-4"),
        (Resources(gpu=GPU("l4"), memory="100GiB"), "g2-standard-32"),
        (Resources(gpu=GPU("l4", 8)), "g2-standard-96"),
        (Resources(gpu=GPU("a100-40", 16)), "a2-megagpu-16g"),
        (Resources(gpu=GPU("h100", 2), spot=True), "a3-highgpu-2g"),
        (Resources(gpu=GPU("h100", 8)), "a3-highgpu-8g"),
    ],
    ids=str,
)
def test_the_machine_is_the_smallest_that_fits(asked: Resources, machine: str) -> None:
    found = machines.choose(asked)
    assert found is not None
    assert found.name == machine


@given(st.integers(1, 224), st.integers(1, 3000), st.booleans())
def test_no_smaller_machine_of_the_table_would_hold_it(cpu: int, memory: int, spot: bool) -> None:
    asked = Resources(cpu=cpu, memory=f"{memory}GiB", spot=spot)
    found = machines.choose(asked)
    plain = [m for m in machines.machines().values() if not m.gpus or m.name.startswith("n1-")]
    fitting = [m for m in plain if m.cpu >= cpu and m.memory_gib >= memory]
    if found is None:
        assert fitting == []
    else:
        assert found in fitting
        assert (found.cpu, found.memory_gib) == min((m.cpu, m.memory_gib) for m in fitting)


@pytest.mark.parametrize(
    ("keys", "store", "view", "runner"),
    [
        ({}, "gs://b/x%20y", StoreView("gs://b/x%20y"), "/gcs/b/x y/runners/r.pyz"),
        ({}, "gs://b", StoreView("gs://b"), "/gcs/b/runners/r.pyz"),
        ({"store": "gs://b/p"}, "file:///srv", StoreView("gs://b/p"), "/gcs/b/p/runners/r.pyz"),
        ({"store": "/gcs/b/p"}, "file:///srv", StoreView("file:///gcs/b/p"), "/gcs/b/p/runners/r.pyz"),
        ({"store": "file:///gcs/b/p"}, "gs://b/p", StoreView("file:///gcs/b/p"), "/gcs/b/p/runners/r.pyz"),
    ],
)
def test_the_store_is_where_the_job_sees_it(
    keys: dict[str, Any], store: str, view: StoreView, runner: str
) -> None:
    made = backend(keys)
    assert made.store_view(store) == view
    assert made._settings.path_of(store, "runners/r.pyz") == runner
    assert made.validate(job(store_root=store)) == []


_EXITED = (
    "The replica workerpool0-0 exited with a non-zero status of {}. To find out more about why your job "
)
_EXITED += "exited please check the logs: https://console.cloud.google.com/logs/viewer?quota=1"


def seen(state: str, code: int = 0, message: str = "") -> dict[str, Any]:
    pool = {"machineSpec": {"machineType": "g2-standard-4"}}
    return {
        "name": "projects/p/locations/r/customJobs/42",
        "state": f"JOB_STATE_{state}",
        "createTime": "2026-11-20T10:00:00.123456789Z",
        "jobSpec": {"workerPoolSpecs": [pool]},
        **({"error": {"code": code, "message": message}} if code else {}),
    }


@pytest.mark.parametrize(
    ("found", "state", "failure", "reason"),
    [
        (seen("QUEUED"), JobState.QUEUED, None, "custom job 42 is queued: it waits for quota"),
        (seen("PENDING"), JobState.QUEUED, None, "waits for its machine"),
        (seen("RUNNING"), JobState.RUNNING, None, "is running"),
        (seen("CANCELLING"), JobState.RUNNING, None, "is cancelling"),
        (seen("PAUSED"), JobState.RUNNING, None, "is paused"),
        (seen("SUCCEEDED"), JobState.ENDED, None, "succeeded"),
        (seen("CANCELLED", 1, "CANCELED"), JobState.ENDED, FailureClass.CANCELLED, "cancelled"),
        (seen("EXPIRED"), JobState.ENDED, FailureClass.TIMEOUT, "expired"),
        (seen("FAILED", 3, _EXITED.format(1)), JobState.ENDED, None, "non-zero status of 1."),
        (
            seen("FAILED", 3, _EXITED.format(137)),
            JobState.ENDED,
            FailureClass.OOM,
            "on machine type g2-standard-4",
        ),
        (seen("FAILED", 3, _EXITED.format(143)), JobState.ENDED, FailureClass.INFRA, "SIGTERM"),
        (seen("FAILED", 3, _EXITED.format(127)), JobState.ENDED, FailureClass.CONFIG, "Python 3.9 or later"),
        (
            seen(
                "FAILED",
                3,
                "The replica workerpool0-0 ran out-of-memory and exited with a non-zero status of 9(S",
            ),
            JobState.ENDED,
            FailureClass.OOM,
            "out-of-memory",
        ),
        (seen("FAILED", 14, "the VM was preempted"), JobState.ENDED, FailureClass.PREEMPTED, "preempted"),
        (seen("FAILED", 13, "Internal error"), JobState.ENDED, FailureClass.INFRA, "Internal error"),
        (seen("FAILED", 13), JobState.ENDED, FailureClass.INFRA, "without a word"),
        (
            seen("FAILED", 8, "Resources are insufficient in region: r. Please try a different region"),
            JobState.ENDED,
            FailureClass.CAPACITY,
            "insufficient",
        ),
        (seen("FAILED", 8, "no"), JobState.ENDED, FailureClass.CAPACITY, "no"),
        (seen("FAILED", 4, "late"), JobState.ENDED, FailureClass.TIMEOUT, "late"),
        (
            seen("FAILED", 7, "Permission 'artifactregistry.repositories.downloadArtifacts' denied"),
            JobState.ENDED,
            FailureClass.CONFIG,
            "roles/artifactregistry.reader",
        ),
        (
            seen("FAILED", 3, 'exec: "python3": executable file not found in $PATH'),
            JobState.ENDED,
            FailureClass.CONFIG,
            "Python 3.9 or later",
        ),
        (
            seen("FAILED", 7, "Service account x@y does not have permission"),
            JobState.ENDED,
            FailureClass.CONFIG,
            "give the job's service_account",
        ),
    ],
)
def test_a_job_is_judged_by_what_the_service_says(
    found: dict[str, Any], state: JobState, failure: FailureClass | None, reason: str
) -> None:
    now = 1795168800.0 - 4 * 24 * 3600  # before it was created: no patience ends
    observation = judged(found, now, 600)
    assert (observation.state, observation.failure) == (state, failure)
    assert reason in observation.reason
    assert "logs/viewer" not in observation.reason


@given(st.text(max_size=250))
def test_every_name_makes_a_label(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9_-]{1,63}", label_value(text))
    assert label_value(text) != label_value(f"{text}.")


def test_a_dag_that_uses_vertex_is_parsed_without_any_google_library() -> None:
    program = """
import sys
from airflow.sdk import DAG
{before}
with DAG("d", schedule=None):
    {step}
    print(sorted(m for m in sys.modules if m.partition(".")[0] in ("grpc", "proto", "google")
                 or m.startswith(("airflow.providers.google", "google."))))
"""
    step = """from lading import step
    @step(on="vertex", image="acme/train:7", resources={"gpu": {"type": "l4"}, "memory": "12GiB"})
    def f(): ...
    f()"""
    target = {"vertex": {"region": "europe-west4"}}
    env = {
        **os.environ,
        "AIRFLOW__LADING__STORE": "gs://bucket/lading",
        "AIRFLOW__LADING__TARGETS": json.dumps(target),
    }

    def loaded(step: str) -> str:
        source = program.format(before="", step=step)
        ran = subprocess.run(
            [sys.executable, "-c", source], capture_output=True, text=True, check=True, env=env
        )
        return ran.stdout.strip().splitlines()[-1]

    assert loaded(step) == loaded("pass")
    assert "aiplatform" not in loaded(step)
