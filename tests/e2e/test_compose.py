"""``docker-compose.yml``: a whole Airflow in containers, whose scheduler runs the demo."""

from __future__ import annotations

import json
import stat
import urllib.error
import uuid
from typing import TYPE_CHECKING, Any

import pytest

import compose
import docker_engine
from compose import Deployment
from supervised import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500), pytest.mark.service("compose")]

AIRFLOW = {"api-server", "scheduler", "dag-processor", "triggerer", "worker"}
SERVERS = {"postgres", "broker", "store"}
EVENTS = """
import json
from lading import deployment
from lading.lineage import log
print(json.dumps([[e.task.task_id, e.task.run_id, e.status] for e in log.read(deployment.store().objects)]))
"""


@pytest.fixture(scope="module", autouse=True)
def compose_is_there() -> None:
    compose.require()


@pytest.fixture
def env(tmp_path: Path) -> Path:
    return compose.make_env(tmp_path / "env", {})


@pytest.fixture
def configured(env: Path) -> dict[str, Any]:
    """The services as a user gets them, with the public images."""
    public = (compose.ROOT / "docker-compose.yml",)
    found = json.loads(compose.compose("lading-config", env, "config", "--format", "json", files=public))
    services: dict[str, Any] = found["services"]
    return services


def test_the_file_is_valid_and_every_server_has_a_health_check(configured: dict[str, Any]) -> None:
    assert set(configured) == AIRFLOW | SERVERS | {"init"}
    assert all("healthcheck" in configured[name] for name in AIRFLOW | SERVERS)
    for name in AIRFLOW:
        assert configured[name]["depends_on"]["init"]["condition"] == "service_completed_successfully"


def test_one_port_is_open_and_to_this_machine_only(configured: dict[str, Any]) -> None:
    ports = [port for service in configured.values() for port in service.get("ports", [])]

    assert [(port["host_ip"], port["target"]) for port in ports] == [("127.0.0.1", 8080)]


def test_the_dags_cannot_be_written_to(configured: dict[str, Any]) -> None:
    binds = [v for s in configured.values() for v in s.get("volumes", []) if v["type"] == "bind"]

    assert {(bind["target"], bind.get("read_only")) for bind in binds} == {("/opt/airflow/dags", True)}


def test_without_secrets_nothing_starts_and_the_cure_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    with pytest.raises(AssertionError, match="run deploy/make-env first"):
        compose.compose("lading-config", tmp_path / "empty", "config", "--quiet")


def test_secrets_differ_each_time_are_private_and_are_kept(env: Path, tmp_path: Path) -> None:
    other = compose.make_env(tmp_path / "other", {})
    mine, theirs = (dict(line.split("=", 1) for line in p.read_text().splitlines()) for p in (env, other))

    assert mine.keys() == theirs.keys()
    assert not set(mine.values()) & set(theirs.values())
    assert all(len(value) >= 20 for value in mine.values())
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    before = env.read_text()
    compose.make_env(env, {})
    assert env.read_text() == before


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    docker_engine.require()
    port = {"LADING_PORT": str(free_port())}
    env = compose.make_env(tmp_path_factory.mktemp("compose") / "env", {**compose.IMAGES, **port})
    made = Deployment(f"lading-test-{uuid.uuid4().hex[:8]}", env)
    try:
        made.build()
        made.up()
        yield made
    finally:
        made.compose("down", "--volumes", "--timeout", "5")
    assert made.remains() == []


def test_every_service_is_healthy(deployment: Deployment) -> None:
    assert deployment.health() == {**dict.fromkeys(AIRFLOW | SERVERS, "healthy"), "init": "0"}


def test_the_demo_runs_by_the_scheduler_and_leaves_its_lineage_in_the_store(deployment: Deployment) -> None:
    run = deployment.run("demo_digits")

    states = deployment.states("demo_digits", run)
    assert set(states.values()) == {"success"}, states
    assert len(states) == 16
    events = [e for e in json.loads(deployment.python("worker", EVENTS)) if e[1] == run]
    assert sorted(task for task, _, _ in events) == sorted(name.partition("[")[0] for name in states)
    assert {status for _, _, status in events} == {"succeeded"}


def test_a_wrong_password_is_refused(deployment: Deployment) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        deployment.call("POST", "/auth/token", {"username": "admin", "password": "admin"})


def test_no_part_of_airflow_runs_as_root(deployment: Deployment) -> None:
    for name in AIRFLOW:
        assert deployment.python(name, "import os; print(os.getuid())").strip() == "50000"
