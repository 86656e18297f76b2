"""Jobs as one-time runs of a fake workspace that really runs them: what they are given, how they end."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from databricks_workspace import CLASSIC, FILES, Desk
from lading.backends.base import FailureClass
from lading.errors import ConfigError, JobLost, StepFailed
from lading.resources import Resources
from lading_testkit import require_spark

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fakes.databricks import FakeDatabricks

pytestmark = pytest.mark.service("databricks")


def facts(n: int) -> dict[str, Any]:
    import os

    print("hello from the run: ä")
    return {"n": n, "job": os.environ["LADING_JOB_ID"], "greeting": os.environ.get("GREETING")}


def test_a_step_runs_with_its_own_arguments_and_variables(fake: FakeDatabricks, tmp_path: Path) -> None:
    greeting = 'h\'i "there" $HOME {{job.id}} äö'
    desk = Desk(tmp_path, facts, {"n": 7}, env={"GREETING": greeting})
    found = desk.value(desk.run())
    handle = desk.ended[0].handle
    assert handle is not None
    assert found == {"n": 7, "job": handle.id, "greeting": greeting}
    assert desk.lines == ["hello from the run: ä"]
    assert handle.url == f"{fake.url}/?o=1#job/{int(handle.id) + 500_000}/run/{handle.id}"
    assert handle.extra["environment"] == {"runtime": "serverless environment 4"}
    left = [path.name for path in fake.workspace.files.place(FILES).iterdir()]
    assert not [name for name in left if desk.name() in name]


def test_a_step_runs_on_a_cluster_from_a_workspace_folder(fake: FakeDatabricks, tmp_path: Path) -> None:
    target = {
        **CLASSIC,
        "files": "/Workspace/Shared/made/by lading",
        "instance_profile": "arn:aws:iam::123456789012:instance-profile/ml",
        "policy": "0123456789ABCDEF",
    }
    desk = Desk(tmp_path, facts, {"n": 1}, target=target, resources=Resources(spot=True, disk="100GiB"))
    desk.image = "acme/train:1"
    assert desk.value(desk.run())["n"] == 1
    body = fake.workspace.runs[int(desk.ended[0].handle.id)].body  # type: ignore[union-attr]
    assert body["idempotency_token"] == desk.name()
    assert body["tasks"][0]["new_cluster"]["aws_attributes"]["availability"] == "SPOT_WITH_FALLBACK"
    assert desk.ended[0].handle.extra["environment"]["image"] == "acme/train:1"  # type: ignore[union-attr]


def count(n: int, spark: Any = None) -> int:
    if spark is None:
        return -1
    found: int = spark.range(n).count()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"spark": True}, {}], ids=["asked", "not asked"])
def test_a_step_that_asks_for_spark_gets_the_session_of_its_run(
    fake: FakeDatabricks, tmp_path: Path, options: dict[str, Any]
) -> None:
    require_spark()
    desk = Desk(tmp_path, count, {"n": 7}, options=options)
    assert desk.value(desk.run()) == (7 if options else -1)


def with_packages() -> list[str]:
    import six

    return [six.__version__]


@pytest.mark.parametrize("target", [{}, CLASSIC], ids=["serverless", "classic"])
def test_requirements_are_installed_by_the_platform(
    fake: FakeDatabricks, tmp_path: Path, target: dict[str, Any]
) -> None:
    desk = Desk(tmp_path, with_packages, target=target, requirements=("six==1.16.0",))
    assert desk.value(desk.run()) == ["1.16.0"]


def test_requirements_that_do_not_exist_fail_with_their_name(fake: FakeDatabricks, tmp_path: Path) -> None:
    desk = Desk(tmp_path, with_packages, requirements=("six==99.0",))
    with pytest.raises(ConfigError, match=r"\ALibrary installation failed.*six==99\.0.*correct requirements"):
        desk.run()


def raises() -> None:
    raise LookupError("no such customer")


def exits() -> None:
    import sys

    sys.exit(3)


def crashes() -> None:
    import ctypes

    ctypes.string_at(0)


def leaves() -> None:
    import os

    os._exit(0)


@pytest.mark.parametrize(
    ("function", "error", "failure", "message"),
    [
        (raises, StepFailed, "user", r"\ALookupError: no such customer"),
        (exits, StepFailed, "user", r"\ASystemExit: the step called sys\.exit\(3\)"),
        (crashes, StepFailed, "user", r"exit code 139"),
        (leaves, JobLost, "infra", r"ended without a result \(exit code 0"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_step_that_fails_says_why(
    fake: FakeDatabricks,
    tmp_path: Path,
    function: Callable[[], Any],
    error: type[Exception],
    failure: str,
    message: str,
) -> None:
    desk = Desk(tmp_path, function)
    desk.policy = replace(desk.policy, infra_retries=0)
    with pytest.raises(error, match=message):
        desk.run()
    assert desk.ended[-1].verdict.failure == FailureClass(failure)


def slow(seconds: float) -> str:
    import time

    print("begun", flush=True)
    time.sleep(seconds)
    return "done"


@pytest.mark.parametrize(
    ("fate", "failure"),
    [
        ({"code": "CLOUD_FAILURE", "message": "Cluster ended: SPOT_INSTANCE_TERMINATION"}, "preempted"),
        ({"code": "DRIVER_ERROR", "message": "The driver restarted unexpectedly."}, "infra"),
    ],
    ids=["spot", "driver"],
)
def test_a_run_whose_compute_is_lost_is_replaced_within_its_budget(
    fake: FakeDatabricks, tmp_path: Path, fate: dict[str, str], failure: str
) -> None:
    from fakes.databricks import Fate

    fallen = Fate(**fate, kill="all")
    fake.workspace.fates.append(fallen)
    desk = Desk(tmp_path, slow, {"seconds": 0.5})
    desk.policy = replace(desk.policy, poll_min_s=0.3)
    assert desk.value(desk.run()) == "done"
    assert [e.verdict.failure for e in desk.ended] == [FailureClass(failure), None]
    assert fake.workspace.started[desk.name(1)] == fake.workspace.started[desk.name(2)] == 1
    assert fallen.fired == 1


@pytest.mark.parametrize("killed", ["child", "all"])
def test_memory_that_runs_out_is_told_apart(fake: FakeDatabricks, tmp_path: Path, killed: str) -> None:
    """The kernel ends the runner, or with it the process that Databricks gave it."""
    from fakes.databricks import Fate

    fallen = Fate(kill=killed)
    fake.workspace.fates.append(fallen)
    desk = Desk(tmp_path, slow, {"seconds": 20})
    with pytest.raises(JobLost, match="give the step more memory"):
        desk.run()
    assert fallen.fired == 1
    assert desk.ended[0].verdict.failure is FailureClass.OOM


STOCKOUT = "AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE: We currently do not have sufficient g5.xlarge"
PULL = "Cluster ended: DOCKER_IMAGE_PULL_FAILURE(CLIENT_ERROR): pull access denied for acme/nope"


@pytest.mark.parametrize(
    ("code", "message", "failure", "error", "told"),
    [
        ("CLUSTER_ERROR", STOCKOUT, "capacity", JobLost, r"\AAWS_INSUFFICIENT.*try later"),
        ("CLUSTER_ERROR", PULL, "config", ConfigError, r"\A.*acme/nope.*check the image's name, image_login"),
        ("WORKSPACE_RUN_LIMIT_EXCEEDED", "Too many runs", "capacity", JobLost, r"\AToo many runs.*try later"),
        (
            "UNAUTHORIZED_ERROR",
            "No READ VOLUME",
            "config",
            ConfigError,
            r"\ANo READ VOLUME.*give the identity",
        ),
    ],
    ids=["stockout", "image", "limit", "rights"],
)
def test_a_run_that_never_gets_its_compute_names_cause_and_cure(
    fake: FakeDatabricks,
    tmp_path: Path,
    code: str,
    message: str,
    failure: str,
    error: type[Exception],
    told: str,
) -> None:
    from fakes.databricks import Fate

    fallen = Fate(code, message=message)
    fake.workspace.fates.append(fallen)
    desk = Desk(tmp_path, facts, {"n": 1}, target=CLASSIC)
    with pytest.raises(error, match=told):
        desk.run()
    assert desk.ended[0].verdict.failure is FailureClass(failure)
    assert fallen.fired == 1
    assert fake.workspace.started[desk.name()] == 0


@pytest.mark.parametrize(
    ("token", "changes", "target", "told"),
    [
        (
            "dapi-of-nobody",
            {},
            {},
            "Invalid access token.*token of connection 'databricks_default' is missing",
        ),
        ("dapi-of-last-year", {}, {}, "token expired.*make a new one in the workspace"),
        ("", {}, {}, "`login` must be present.*with the workspace's host and a token"),
        (
            None,
            {"host": "no-such-host.invalid"},
            {},
            "'no-such-host.invalid' does not answer.*is the workspace's",
        ),
        ("dapi-of-a-reader", {}, {}, "does not have WRITE VOLUME.*READ and WRITE on the volume"),
        (None, {}, {"connection": "nowhere"}, "'nowhere' cannot be used: .*give Airflow a connection"),
        (None, {}, {"files": "/Volumes/main/ml/absent/x"}, "'main.ml.absent' does not exist.*correct files="),
        (None, {}, {**CLASSIC, "node_type": "m9.huge"}, "Node type m9.huge .*list-node-types"),
        (None, {}, {**CLASSIC, "policy": "F00"}, "policy F00 does not exist.*correct policy"),
        (None, {}, {**CLASSIC, "spark_version": "1.x"}, "Invalid spark version 1.x.*spark-versions"),
        (None, {}, {**CLASSIC, "instance_profile": "arn:x"}, "No access to instance profile.*register it"),
        (None, {}, {"environment_version": "99"}, "Invalid environment_version '99'.*that the workspace has"),
    ],
    ids=lambda value: None,
)
def test_what_the_workspace_refuses_names_cause_and_cure_in_the_first_line(
    fake: FakeDatabricks,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    token: str | None,
    changes: dict[str, Any],
    target: dict[str, Any],
    told: str,
) -> None:
    import re

    given = {} if token is None else {"token": token}
    monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", fake.connection(**given, **changes))
    desk = Desk(tmp_path, facts, {"n": 1}, target=target)
    with pytest.raises(ConfigError) as caught:
        desk.run()
    first = str(caught.value).split("\n")[0]
    assert re.search(told, first), first
    assert fake.workspace.started[desk.name()] == 0


def test_a_host_that_is_no_workspace_is_named(fake: FakeDatabricks, tmp_path: Path) -> None:
    fault = fake.fault(r"fs/files|fs/directories", status=404, code="", times=9)
    desk = Desk(tmp_path, facts, {"n": 1})
    with pytest.raises(
        ConfigError, match="see that the host of connection 'databricks_default' is a Databricks"
    ):
        desk.run()
    assert fault.fired


def tells_secrets() -> str:
    import os

    print("the token is", os.environ["TOKEN"])
    return "told"


def test_secrets_reach_the_job_and_nothing_else(fake: FakeDatabricks, tmp_path: Path) -> None:
    secret = "s3cr3t-t0ken-of-a-scope"
    fake.secrets["ml/hub"] = secret
    desk = Desk(tmp_path, tells_secrets, target={"secret_env": {"TOKEN": "ml/hub"}})
    worker = desk.worker()
    started = worker.start()
    assert started.handle is not None
    run = fake.workspace.runs[int(started.handle.id)]
    result = worker.finish(worker.wait(started))
    assert desk.value(result) == "told"
    assert desk.lines == ["the token is ***"]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    everything = json.dumps(run.body) + str(run.output) + str(started.to_json()) + repr(files)
    assert secret not in everything
    assert "dapi-of-the-worker" not in everything


def test_a_runner_that_gives_up_says_why(fake: FakeDatabricks, tmp_path: Path) -> None:
    desk = Desk(tmp_path, facts, {"n": 1})
    backend = desk.backend
    job = replace(desk.request(desk.task), spec_uri=f"file://{tmp_path}/nowhere/spec.json")
    handle = backend.submit(job)
    assert fake.workspace.runs[int(handle.id)].over.wait(30)
    seen = backend.observe(handle)
    assert (seen.exit_code, seen.failure) == (64, None)
    assert "there is no spec at" in seen.reason
    assert "LadingJobFailed: there is no spec at" in "\n".join(backend.logs(handle, None))
