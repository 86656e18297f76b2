"""A hundred planted secrets, and a search of every place that a step writes to except the artifacts
themselves."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG, task
from airflow.sdk.log import mask_secret
from benchmarks.cases.containers import IMAGE, absent

from docker_engine import created
from lading import deployment, log_external_output, log_metrics, step
from lading_testkit import run_dag, task_states

if TYPE_CHECKING:
    from collections.abc import Iterator

    import cluster_node

pytestmark = pytest.mark.usefixtures("airflow_db")

SECRETS = [f"S3cr3t-{i:03d}-{i * 7919 % 99991:05d}!" for i in range(100)]


@pytest.fixture
def planted() -> Iterator[None]:
    from airflow.sdk.log import _secrets_masker

    masker = _secrets_masker()
    before, replacer = set(masker.patterns), masker.replacer
    for i, secret in enumerate(SECRETS):
        mask_secret(secret if i % 2 else {"password": secret})  # type: ignore[arg-type]  # as Variables and Connections are
    yield
    masker.patterns, masker.replacer = before, replacer


def sinks(dag_id: str) -> Iterator[tuple[str, bytes]]:
    """Every file of the store but the content of artifacts, and the whole metadata database."""
    root = Path(deployment.store().objects.root.removeprefix("file://"))
    for path in root.rglob("*"):
        if path.is_file() and "blobs" not in path.relative_to(root).parts:
            yield str(path.relative_to(root)), path.read_bytes()
    from airflow.configuration import conf

    file = conf.get("database", "sql_alchemy_conn").removeprefix("sqlite:///")
    with sqlite3.connect(file) as db:
        for table in ("xcom", "rendered_task_instance_fields", "task_state_store", "asset_event"):
            for row in db.execute(f"select * from {table} where 1"):
                yield f"table {table}", repr(row).encode()


def use_all(secrets: list[str], how: str) -> dict[str, Any]:
    if (
        "LADING_JOB_ID" in os.environ
    ):  # what a task prints is masked by its supervisor, which dag.test() has not
        print("printed", secrets)
    logging.getLogger("airflow.task").warning("logged %s", secrets)
    log_metrics({"count": len(secrets)})
    if how == "raise":
        raise ValueError(f"https://user:{secrets[0]}@host/?token={secrets[1]} {secrets[2:]}")
    return {"url": f"https://user:{secrets[3]}@host", "nested": [{"deep": secrets[4:]}]}


@pytest.mark.parametrize("target", ["local", "venv"])
def test_no_secret_leaves_by_any_way(target: str, planted: None, capfd: pytest.CaptureFixture[str]) -> None:
    with DAG(f"secrets_{target}", schedule=None) as dag:

        @task
        def connection() -> list[str]:
            return SECRETS

        planted_there = connection()
        for how in ("raise", "return"):
            step(task_id=how, on=target)(use_all)(planted_there, how)
        if target == "local":
            step(task_id="literal")(use_all)(SECRETS, "return")
            step(task_id="keyed")(take_password)(password="hunter-two-not-registered")
    states = task_states(run_dag(dag))
    assert states["raise"] == "failed"
    assert states["return"] == "success"
    found = {
        (place, secret)
        for place, content in sinks(dag.dag_id)
        for secret in [*SECRETS, "hunter-two-not-registered"]
        if secret.encode() in content
    }
    assert found == set()
    if (
        target == "venv"
    ):  # dag.test() prints the traceback of a task in its own process as it is, masked or not
        out = "".join(capfd.readouterr())
        assert "***" in out
        assert [secret for secret in SECRETS if secret in out] == []


def test_a_secret_that_json_spells_otherwise_is_not_put_into_a_row(planted: None) -> None:
    from lading.xcom.push import push
    from lading_runner.contract import Producer

    secret = 'quo"ted\\and-escaped'
    mask_secret(secret)
    assert deployment.mask(f"{[secret]} {secret}") == "['***'] ***"
    mask_secret("two lines\nof one secret")
    assert "two lines\nof one secret" in deployment.secrets()
    for value in (secret, {"key": [secret]}, {secret: 1}):
        assert not push(value, Producer("dag", "run", "task")).is_inline


def give(*names: str) -> dict[str, str]:
    return {name: os.environ[name] for name in names}


@pytest.mark.parametrize("keys", [False, True], ids=["whole", "keys"])
def test_what_only_the_job_knows_to_be_secret_comes_into_no_row_and_its_reader_has_it(keys: bool) -> None:
    """As where the platform puts a secret into the job by reference."""
    env = {"TOKEN": "of-a-cluster-alone", "PLAIN": "control-word", "LADING_MASK_ENV": "TOKEN"}
    seen: list[dict[str, str]] = []
    with DAG(f"secret_of_the_job_{keys}", schedule=None) as dag:
        given = [
            step(task_id=name, on="venv", env=env, multiple_outputs=keys)(give)(name)
            for name in ("TOKEN", "PLAIN")
        ]

        @task
        def read(found: list[dict[str, str]]) -> None:
            seen.extend(map(dict, found))

        read(given)
    assert set(task_states(run_dag(dag)).values()) == {"success"}
    assert seen == [{"TOKEN": env["TOKEN"]}, {"PLAIN": env["PLAIN"]}]
    places = list(sinks(dag.dag_id))
    assert [place for place, content in places if env["TOKEN"].encode() in content] == []
    assert "table xcom" in {place for place, content in places if env["PLAIN"].encode() in content}


def take_password(password: str) -> int:
    return len(password)


def test_a_secret_as_a_literal_argument_of_a_job_is_refused_with_the_cure(planted: None) -> None:
    from lading.lineage import log

    with DAG("secret_literal", schedule=None) as dag:
        step(task_id="use", on="venv")(use_all)(SECRETS, "return")
    assert task_states(run_dag(dag)) == {"use": "failed"}
    (event,) = log.read(deployment.store().objects, dag_id="secret_literal")
    assert event.error is not None
    assert "holds a secret" in event.error["message"]


def answer() -> int:
    return 42


def say(given: list[str]) -> None:
    log_external_output(f"s3://bucket/{given[0]}")
    log_metrics({given[1]: 1})
    raise ValueError(f"not {given[2]}")


@pytest.mark.service("kubernetes")
def test_what_a_pod_does_not_mask_is_masked_in_its_event_by_the_worker(
    planted: None, target: cluster_node.Cluster
) -> None:
    """A secret of Airflow's that an earlier task returned: the pod knows it as any other value."""
    secrets = [f"0nly-airflow-kn0ws-{n}" for n in range(3)]  # and no other test: the store has them after
    for secret in secrets:
        mask_secret(secret)
    with DAG("secret_in_a_pod", schedule=None) as dag:

        @task
        def look_up() -> list[str]:
            return secrets

        step(task_id="say", on="kubernetes")(say)(look_up())
    assert task_states(run_dag(dag)) == {"look_up": "success", "say": "failed"}
    found = {name for name, content in sinks(dag.dag_id) for s in secrets if s.encode() in content}
    assert {Path(name).name for name in found} == {"result.json", "000000"}  # of its log


ELSEWHERE: dict[str, dict[str, Any]] = {
    "docker": {"image": IMAGE},
    "kubernetes": {"image": IMAGE, "mount": {"host_path": "/srv/lading"}},
    "databricks": {"files": "/Volumes/main/ml/lading", "store": "s3://bucket/lading"},
    "vertex": {
        "image": IMAGE,
        "project": "acme-ml-1234",
        "region": "europe-west4",
        "store": "gs://bucket/lading",
    },
}


ENVS = {(place, where) for place in ELSEWHERE for where in ("step", "target")}
OVERRIDES = {("kubernetes", "override of the step"), ("kubernetes", "override of the target")}


@pytest.mark.parametrize(("place", "whose"), sorted(ENVS | OVERRIDES))
def test_a_secret_in_env_is_refused_with_the_cure_and_nothing_is_submitted(
    place: str, whose: str, planted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lading.lineage import log

    env = {"PLAIN_TOKEN": "false", "DATABASE": f"postgresql://me:{SECRETS[1]}@host/"}
    container = {"name": "base", "env": [{"name": name, "value": value} for name, value in env.items()]}
    override = {"pod_override": {"spec": {"containers": [container]}}}
    more = {"target": {"env": env}, "override of the target": override}
    told = {**ELSEWHERE[place], **more.get(whose, {})}
    monkeypatch.setenv("AIRFLOW__LADING__TARGETS", json.dumps({"there": {"backend": place, **told}}))
    deployment.settings.cache_clear()
    own = {"step": {"env": env}, "override of the step": {"options": override}}.get(whose, {})
    with DAG(f"secret_env_{place}_{whose.replace(' ', '_')}", schedule=None) as dag:
        step(task_id="use", on="there", retries=3, **own)(answer)()
    try:
        run = run_dag(dag)
    finally:
        monkeypatch.undo()
        deployment.settings.cache_clear()
    assert task_states(run) == {"use": "failed"}
    (event,) = log.read(deployment.store().objects, dag_id=dag.dag_id)
    assert event.error is not None
    first = event.error["message"].splitlines()[0]
    assert first.startswith("variable 'DATABASE' of env holds a secret")
    assert ("read it inside the step" if place == "vertex" else "secret_env of the target") in first
    assert [name for name, content in sinks(dag.dag_id) if SECRETS[1].encode() in content] == []
    under = f"attempts/{dag.dag_id}/"
    assert [stat.key for stat in deployment.store().objects.list(under)] == []
    if place == "docker" and not absent():
        assert created(run.run_id) == []
