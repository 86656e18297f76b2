"""What the Databricks backend asks of a workspace, and refuses offline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import databricks_workspace
from lading.backends.base import JobRequest, StoreView, Worker
from lading.backends.databricks import DatabricksBackend, backend, nodes
from lading.backends.databricks.script import script
from lading.config import Target
from lading.execution import attempt_folder, job_name
from lading.resources import GPU, Resources
from lading_runner.contract import Attempt

GOLDEN = Path(__file__).parents[1] / "golden" / "databricks"
ATTEMPT = Attempt("churn", "manual__2026-11-20", "train", 3)
FILES = "/Volumes/main/ml/lading"
CLASSIC = {"compute": "classic", "spark_version": "16.4.x-cpu-ml-scala2.12", "node_type": "m5.xlarge"}
SIZED = {
    **CLASSIC,
    "gpu_spark_version": "16.4.x-gpu-ml-scala2.12",
    "node_types": [
        {"node_type": "m5.xlarge", "cpu": 4, "memory": "16GiB"},
        {"node_type": "m5.4xlarge", "cpu": 16, "memory": "64GiB"},
        {"node_type": "g5.xlarge", "cpu": 4, "memory": "16GiB", "gpu": {"type": "a10", "count": 1}},
    ],
}
LOGIN = {"username": "ml/registry-user", "password": "ml/registry-password"}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "serverless": ({}, {}),
    "serverless-gpu": (
        {"environment_version": "3", "run_as": "0a1b", "secret_env": {"HF_TOKEN": "ml/hub"}},
        {
            "resources": Resources(gpu=GPU("h100", 8)),
            "requirements": ("six==1.17.0", "pandas"),
            "env": {"A": "{{job.id}} \"b'"},
            "timeout_s": 90.5,
            "options": {"performance_target": "STANDARD", "spark": True},
        },
    ),
    "classic": (CLASSIC, {}),
    "classic-sized": (SIZED, {"resources": Resources(cpu=5, memory="20GiB")}),
    "classic-gpu": (SIZED, {"resources": Resources(gpu=GPU("a10"), spot=True, disk="200GiB")}),
    "classic-image": (
        {
            **CLASSIC,
            "image_login": LOGIN,
            "instance_profile": "arn:aws:iam::123456789012:instance-profile/ml",
            "policy": "0123456789ABCDEF",
            "tags": {"team": "ml"},
        },
        {"image": "acme/train:7", "requirements": ("six",), "store_root": "file:///srv"},
    ),
    "classic-spark": (
        {"compute": "classic", "spark_version": "16.4.x-scala2.12", "instance_pool": "pool-1"},
        {"options": {"workers": 2, "spark_conf": {"a": "b"}, "runtime_engine": "PHOTON", "spark": True}},
    ),
    "classic-azure-spot": (
        {**CLASSIC, "node_type": "Standard_D4ds_v5"},
        {"resources": Resources(spot=True)},
    ),
    "classic-gcp-spot": (
        {**CLASSIC, "node_type": "n2-standard-4", "instance_profile": "ml@acme.iam.gserviceaccount.com"},
        {"resources": Resources(spot=True)},
    ),
}


def made(extra: dict[str, Any], **target: Any) -> DatabricksBackend:
    return DatabricksBackend.configured(
        Target("dbx", "databricks", extra={"files": FILES, **extra}, **target), Worker()
    )


def job(**changes: Any) -> JobRequest:
    folder = attempt_folder(ATTEMPT)
    given = {
        "name": job_name(ATTEMPT),
        "dag_id": ATTEMPT.dag_id,
        "task_id": ATTEMPT.task_id,
        "spec_uri": f"s3://bucket/lading/{folder}/spec.json",
        "store_root": "s3://bucket/lading",
        "folder": folder,
        "labels": {
            "dag_id": ATTEMPT.dag_id,
            "run_id": ATTEMPT.run_id,
            "task_id": "träin",
            "map_index": "3",
            "generation": "1",
        },
    }
    return JobRequest(**{**given, **changes})


@pytest.mark.parametrize("name", CASES)
def test_the_request_is_the_one_of_the_golden_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written anew with LADING_GOLDEN=1; look at the difference before it is kept."""
    monkeypatch.setattr(backend, "script", lambda: (b"", "sha256:" + "0" * 64))
    extra, changes = CASES[name]
    subject = made(extra, store="/Volumes/main/ml/store" if "store_root" in changes else None)
    assert subject.validate(job(**changes)) == []
    rendered = json.dumps(subject.render(job(**changes)), indent=2, sort_keys=True) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("LADING_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(rendered)
    assert rendered == path.read_text()


@pytest.mark.service("databricks")
@pytest.mark.parametrize("name", CASES)
def test_the_official_sdk_knows_every_field_of_the_request(name: str) -> None:
    """There and back through its types; what it does not know would be gone."""
    databricks_workspace.require()
    from databricks.sdk.service.jobs import JobEnvironment, JobRunAs, QueueSettings, SubmitTask

    from fakes.databricks import schema

    body = json.loads((GOLDEN / f"{name}.json").read_text())
    types: dict[str, Any] = {"tasks": SubmitTask, "environments": JobEnvironment}
    for field, kind in types.items():
        assert [kind.from_dict(one).as_dict() for one in body.get(field, [])] == body.get(field, [])
    for field, kind in {"queue": QueueSettings, "run_as": JobRunAs}.items():
        if field in body:
            assert kind.from_dict(body[field]).as_dict() == body[field]
    assert schema.wrong(body) == []
    body["tasks"][0]["spark_pyhton_task"] = body["tasks"][0].pop("spark_python_task")
    assert schema.wrong(body) == [".tasks[0].spark_pyhton_task: unknown field"]


NO_STORE = {"store_root": "file:///srv/lading"}


@pytest.mark.parametrize(
    ("extra", "changes", "field", "message"),
    [
        ({}, {"image": "a:1"}, "image", "serverless compute takes no image"),
        ({}, {"resources": Resources(cpu=2)}, "resources.cpu", "cannot be chosen on serverless"),
        ({}, {"resources": Resources(memory="1GiB")}, "resources.memory", "cannot be chosen on serverless"),
        ({}, {"resources": Resources(disk="1GiB")}, "resources.disk", "cannot be chosen on serverless"),
        ({}, {"resources": Resources(spot=True)}, "resources.spot", '"compute": "classic"'),
        ({}, {"resources": Resources(shm="1GiB")}, "resources.shm", "no such limit"),
        ({}, {"resources": Resources(gpu=GPU("l4"))}, "resources.gpu", "GPU('a10', 1), GPU('h100', 1)"),
        ({}, {"resources": Resources(gpu=GPU("a10", 3))}, "resources.gpu", "has no 3 x a10"),
        ({}, {"python": "3.11"}, "python", 'set "environment_version": "2"'),
        ({}, {"options": {"workers": 2}}, "options.workers", "means nothing to serverless"),
        ({}, {"options": {"init_scripts": []}}, "options.init_scripts", "not an option of a step"),
        ({}, {"options": {"spark": "yes"}}, "options.spark", "True or False"),
        ({}, {"env": {"A-B": "c"}}, "env", "'A-B' is no name of a variable"),
        ({}, {"requirements": ("not a requirement!",)}, "requirements", "not a requirement"),
        ({}, {"requirements": ("six @ https://me:pw@host/six.whl",)}, "requirements", "holds a login"),
        ({}, NO_STORE, "store", "which no cluster sees"),
        ({"files": ""}, {}, "files", '"/Volumes/main/ml/lading"'),
        ({"files": "/Volumes/main/ml"}, {}, "files", "a folder below a volume"),
        ({"files": "/Volumes/main/ml/x/../../y"}, {}, "files", "a folder below a volume"),
        ({"node_type": "m5.xlarge"}, {}, "node_type", "means nothing to serverless"),
        ({"compute": "big"}, {}, "compute", "one of serverless, classic"),
        ({"environment_version": 4}, {}, "environment_version", "a number as text"),
        ({"secret_env": {"A": "b"}}, {}, "secret_env", '"scope/key"'),
        ({"compute": "classic", "node_type": "m5.xlarge"}, {}, "spark_version", "a cluster needs one"),
        ({"compute": "classic", "spark_version": "x"}, {}, "node_type", "or a policy that has it"),
        ({**CLASSIC, "environment_version": "4"}, {}, "environment_version", "means nothing to classic"),
        ({**CLASSIC, "image_login": LOGIN}, {}, "image_login", "no image to log in for"),
        (CLASSIC, {"resources": Resources(cpu=2)}, "resources.cpu", "does not say what its nodes have"),
        (
            SIZED,
            {"resources": Resources(cpu=99)},
            "resources.cpu",
            "it has: m5.xlarge, m5.4xlarge, g5.xlarge",
        ),
        (SIZED, {"resources": Resources(gpu=GPU("a10", 2))}, "resources.gpu", "2 x a10"),
        (
            {**SIZED, "gpu_spark_version": "16.4.x-scala2.12"},
            {"resources": Resources(gpu=GPU())},
            "gpu_spark_version",
            "no GPU driver",
        ),
        (CLASSIC, {"resources": Resources(disk="1GiB")}, "resources.disk", "100GiB to 4096GiB"),
        (
            {**CLASSIC, "node_type": "Standard_D4"},
            {"resources": Resources(disk="100GiB")},
            "resources.disk",
            "only nodes of AWS",
        ),
        (
            {"compute": "classic", "spark_version": "x", "policy": "p"},
            {"resources": Resources(spot=True)},
            "resources.spot",
            '"cloud": "aws"',
        ),
        (CLASSIC, {"options": {"performance_target": "STANDARD"}}, "options.performance_target", "classic"),
        (CLASSIC, {"options": {"workers": -1}}, "options.workers", "is -1"),
        ({**CLASSIC, "node_types": [{"node_type": "x"}]}, {}, "node_types", '"cpu": 4'),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_honoured_is_refused_offline(
    extra: dict[str, Any], changes: dict[str, Any], field: str, message: str
) -> None:
    found = {p.field: f"{p.message}; {p.cure}" for p in made(extra).validate(job(**changes))}
    assert set(found) == {field}
    assert message in found[field]


@pytest.mark.parametrize(
    ("store", "root", "seen"),
    [
        (None, "s3://b/x", "s3://b/x"),
        ("/Volumes/main/ml/a b/", "s3://b/x", "file:///Volumes/main/ml/a%20b"),
        ("abfss://c@a.dfs.core.windows.net/x", "file:///srv", "abfss://c@a.dfs.core.windows.net/x"),
    ],
)
def test_the_store_is_where_the_compute_sees_it(store: str | None, root: str, seen: str) -> None:
    subject = made({}, store=store)
    assert subject.store_view(root) == StoreView(seen)
    assert subject.validate(job(store_root=root)) == []


@given(st.text(min_size=1, max_size=250), st.text(max_size=50), st.integers(-1, 10**6))
def test_tokens_are_legal_and_tell_every_attempt_apart(dag_id: str, value: str, map_index: int) -> None:
    attempt = Attempt(dag_id, "run", "task", map_index)
    tokens = set()
    for one in (attempt, attempt.replace(generation=2)):
        body: Any = made(CLASSIC).render(job(name=job_name(one), env={"A": value}, labels={"run_id": dag_id}))
        tokens.add(body["idempotency_token"])
        order = body["tasks"][0]["spark_python_task"]["parameters"][0]
        assert "{{" not in order
        assert json.loads(order)["env"] == {"A": value}
        tags = body["tasks"][0]["new_cluster"]["custom_tags"]
        assert all(len(text) <= 255 and text.isascii() for text in tags.values())
    assert len(tokens) == 2
    assert all(0 < len(token) <= 64 for token in tokens)


def test_the_smallest_node_that_fits_is_chosen_and_no_gpu_is_given_away() -> None:
    settings = made(SIZED)._settings
    chosen = {
        asked: nodes.node_for(asked, settings)
        for asked in (Resources(), Resources(cpu=4.5), Resources(memory="17GiB"), Resources(gpu=GPU()))
    }
    assert list(chosen.values()) == ["m5.xlarge", "m5.4xlarge", "m5.4xlarge", "g5.xlarge"]
    assert nodes.node_for(Resources(gpu=GPU("h100")), settings) is None


def test_the_script_is_one_file_that_needs_nothing_else(tmp_path: Path) -> None:
    data, digest = script()
    assert len(data) < 1 << 20
    assert script()[1] == digest
    file = tmp_path / "script.py"
    file.write_bytes(data)
    order = json.dumps(
        {"spec": f"file://{tmp_path}/no/spec.json", "env": {}, "secret_env": {}, "spark": False}
    )
    argv = [sys.executable, "-I", "-S", str(file), order, "{{job.run_id}}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("LadingJobFailed: there is no spec at")
    assert last.endswith("(runner exit code 64)")


def test_a_dag_that_uses_databricks_is_parsed_without_its_libraries(tmp_path: Path) -> None:
    program = """
import sys
from airflow.sdk import DAG
from lading import step
with DAG("d", schedule=None):
    @step(on="databricks")
    def f(): ...
    f()
heavy = ("databricks", "airflow.providers.databricks", "requests", "urllib3", "aiohttp", "tenacity", "pandas")
print(sorted(m for m in sys.modules if m in heavy or m.startswith(tuple(h + "." for h in heavy))))
"""
    targets = json.dumps({"databricks": {"files": FILES}})
    env = {**os.environ, "AIRFLOW__LADING__STORE": "s3://b/x", "AIRFLOW__LADING__TARGETS": targets}
    alone = "\n".join(["import sys, airflow.sdk", *program.splitlines()[-2:]])
    seen = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
        for code in (program, alone)
    ]
    assert seen[0].stdout.strip().splitlines()[-1] == seen[1].stdout.strip().splitlines()[-1]
    assert "'databricks" not in seen[0].stdout.strip().splitlines()[-1]
