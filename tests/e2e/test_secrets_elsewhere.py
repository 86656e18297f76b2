"""Secrets in connections, variables, the worker's environment and ``secret_env``, used by steps on real
platforms under a real Airflow, and looked for in all that those and it keep."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest

import cluster_node
import docker_engine
import planted
from docker_engine import api
from lading.execution import attempt_folder
from lading_runner import values
from lading_runner.contract import Attempt
from lading_runner.store import ArtifactStore
from places import Docker, Kubernetes, Place, is_there, say_go
from supervised import Airflow, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DAGS = Path(__file__).parent / "secret_dags"
SPACE = f"lading-secrets-{os.getpid()}"
COUNT = 20
VARIABLES = [f"planted_secret_{n}" for n in range(COUNT)]
WORKERS = ["AWS_SECRET_ACCESS_KEY", *(f"WORKERS_TOKEN_{n}" for n in range(COUNT))]
CONNECTIONS = [f"planted_{n}" for n in range(COUNT)]  # that the worker looks up
TARGETS = ["the_store", "the_store token", "the_cluster", "the_cluster token", "the_registry"]
JOBS = [f"JOB_SECRET_{n}" for n in range(COUNT)]  # of secret_env
NOT_GIVEN = [*VARIABLES, *WORKERS, *CONNECTIONS, *TARGETS]

#: What is no secret and goes one way each: where it is seen, a secret that went there would be seen.
CONTROLS = [
    f"control {way}"
    for way in ("env", "argument", "printed", "base64", "hex", "raised", "given", "label", "whole", "keys")
]
SHOWN = {
    ("attempts spec.json", "control argument"),
    ("attempts log", "control printed"),
    ("attempts log", "control base64"),
    ("attempts log", "control hex"),
    ("attempts result.json", "control raised"),
    ("lineage", "control argument"),
    ("lineage", "control raised"),
    ("table", "control argument"),
    ("table", "control whole"),
    ("table", "control keys"),
    ("task log", "control printed"),
    ("task log", "control raised"),
}
SHOWN_BY = {
    "docker": {
        ("docker inspect", "control env"),
        ("docker logs", "control printed"),
        ("attempts log", "control given"),
        ("task log", "control given"),
    },
    "kubernetes": {("pod", "control env"), ("pod log", "control printed"), ("secret", "control label")},
}
SEARCHED = {"attempts claim", "open", "previews", "process log"}
SEARCHED_BY = {"docker": {"docker image"}, "kubernetes": {"pod events", "config map"}}

on_each = pytest.mark.parametrize(
    "target",
    [
        pytest.param("docker", marks=pytest.mark.service("docker")),
        pytest.param("kubernetes", marks=pytest.mark.service("kubernetes")),
    ],
)


@dataclass(frozen=True)
class Seen:
    run_id: str
    dag_id: str
    places: dict[str, bytes]  # all that was there while the steps ran, and after

    def kinds(self) -> set[str]:
        return {kind_of(place) for place in self.places}

    def controls(self) -> set[tuple[str, str]]:
        """By kind of place."""
        return {(kind_of(place), name) for place, name in planted.found(self.places, CONTROLS)}


def kind_of(place: str) -> str:
    return place.partition(":")[0]


@pytest.fixture(scope="module")
def platforms() -> Iterator[dict[str, Place]]:
    found = {place.name: place for place in (Docker(), Kubernetes(SPACE)) if is_there(place)}
    if "kubernetes" not in found:
        yield found
        return
    with cluster_node.namespace(SPACE):
        secrets = {
            name: base64.b64encode(planted.secret(name, lines=True).encode()).decode() for name in JOBS
        }
        label = {"note": planted.secret("control label")[:20]}
        made = {"metadata": {"name": "of-jobs", "labels": label}, "data": secrets}
        cluster_node.core().create_namespaced_secret(SPACE, made)
        yield found


@pytest.fixture(scope="module")
def airflow(platforms: dict[str, Place], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    if not platforms:
        docker_engine.require()
    home = tmp_path_factory.mktemp("planted")
    given = {**settings(platforms, home / "store"), "PLANTED_TARGETS": ",".join(platforms)}
    with Airflow(home, DAGS, given, triggerer=True).running() as server:
        yield server


def settings(platforms: dict[str, Place], store: Path) -> dict[str, str]:
    own: dict[str, dict[str, Any]] = {
        "docker": {
            "connection": "the_registry",
            "secret_env": {name: name.lower() for name in JOBS},
        },
        "kubernetes": {
            "connection": "the_cluster",
            "secret_env": {name: {"secret": "of-jobs", "key": name} for name in JOBS},
        },
    }
    targets = {
        name: {**place.target(store), "keep": "failed", **own[name]} for name, place in platforms.items()
    }
    extra = {name: {"token": planted.secret(f"{name} token")} for name in ("the_store", "the_cluster")}
    if "kubernetes" in platforms:
        extra["the_cluster"]["kube_config"] = json.dumps(cluster_node.kubeconfig())
    return {
        "PLANTED_NAMES": json.dumps({"variables": VARIABLES, "connections": CONNECTIONS, "jobs": JOBS}),
        "AIRFLOW__LADING__STORE": "the_store",
        "AIRFLOW__LADING__POLL_INTERVAL_S": "1",
        "AIRFLOW__LADING__TARGETS": json.dumps(targets),
        **connection("the_store", conn_type="lading", host=store.as_uri(), extra=extra["the_store"]),
        **connection("the_cluster", conn_type="kubernetes", extra=extra["the_cluster"]),
        **connection("the_registry"),
        **{k: v for name in CONNECTIONS for k, v in connection(name).items()},
        **{k: v for name in JOBS for k, v in connection(name, lines=True).items()},
        **{f"AIRFLOW_VAR_{name.upper()}": planted.secret(name) for name in VARIABLES},
        **{name: planted.secret(name) for name in WORKERS},
    }


def connection(name: str, *, lines: bool = False, **fields: Any) -> dict[str, str]:
    """The worker's variable that is this connection."""
    said = {"conn_type": "generic", "login": "me", "password": planted.secret(name, lines), **fields}
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(said)}


@pytest.fixture(scope="module")
def look(airflow: Airflow, platforms: dict[str, Place]) -> Iterator[Callable[[str], Seen]]:
    """One run on each target, looked at while its steps run and after."""

    @cache
    def seen(target: str) -> Seen:
        if target not in platforms:
            {"docker": docker_engine, "kubernetes": cluster_node}[target].require()
        dag_id = f"planted_{target}"
        run = airflow.trigger(dag_id)
        for task, state in (("succeed", "running"), ("fail", "deferred")):
            until(
                lambda task=task: has_printed(airflow, dag_id, run, task),
                f"{task} of {dag_id} prints nothing",
                240,
            )
            until(
                lambda task=task, state=state: airflow.tasks(dag_id, run)[task]["state"] == state,
                f"{task} of {dag_id} is not {state}",
            )
        meanwhile = {f"{place} (meanwhile)": what for place, what in places(airflow, target, run)}
        say_go(airflow, run)
        assert airflow.over(dag_id, run, 240) == "failed"
        states = {name: ti["state"] for name, ti in airflow.tasks(dag_id, run).items()}
        assert states.pop("handed", "failed") == states["fail"] == "failed"
        assert {states.pop(name) for name in list(states) if name != "fail"} == {"success"}
        return Seen(run, dag_id, {**meanwhile, **dict(places(airflow, target, run))})

    try:
        yield seen
    finally:
        kept = {"all": True, "filters": {"label": "lading.dag_id=planted_docker"}}
        for made in api().containers(**kept) if "docker" in platforms else ():
            api().remove_container(made["Id"], v=True, force=True)


def has_printed(airflow: Airflow, dag_id: str, run: str, task: str) -> bool:
    folder = airflow.home / "store" / attempt_folder(Attempt(dag_id, run, task)) / "log"
    return planted.found(dict(planted.files(folder, "log")), ["control printed"]) != set()


def places(airflow: Airflow, target: str, run: str) -> Iterator[tuple[str, bytes]]:
    for place, content in planted.files(airflow.home / "store", ""):
        folder, *_, last = parts = place.removeprefix(": ").split("/")
        if "blobs" not in parts:
            what = "log" if len(parts) > 1 and parts[-2] == "log" else last
            yield f"{folder} {what}{place}" if folder == "attempts" else folder + place, content
    yield from planted.tables(airflow.home / "airflow.db")
    yield from planted.files(airflow.home / "logs", "task log")
    for path in airflow.home.glob("*.log"):
        yield f"process log: {path.name}", path.read_bytes()
    yield from (containers(run) if target == "docker" else pods())


def containers(run: str) -> Iterator[tuple[str, bytes]]:
    for made in api().containers(all=True, filters={"label": f"lading.run_id={run}"}):
        with suppress(docker.errors.NotFound):  # it is gone by now
            yield f"docker inspect: {made['Id']}", json.dumps(api().inspect_container(made["Id"])).encode()
            yield f"docker logs: {made['Id']}", api().logs(made["Id"])
        image = [api().inspect_image(made["ImageID"]), api().history(made["ImageID"])]
        yield f"docker image: {made['Id']}", json.dumps(image).encode()


def pods() -> Iterator[tuple[str, bytes]]:
    from kubernetes.client import ApiException

    core = cluster_node.core()
    for pod in core.list_namespaced_pod(SPACE).items:
        name = pod.metadata.name
        try:
            yield f"pod: {name}", core.read_namespaced_pod(name, SPACE, _preload_content=False).data
            yield f"pod log: {name}", core.read_namespaced_pod_log(name, SPACE, _preload_content=False).data
        except ApiException as e:  # it did not begin yet, or is gone by now
            if e.status not in (400, 404):
                raise
    yield "pod events: all", core.list_namespaced_event(SPACE, _preload_content=False).data
    yield "config map: all", core.list_namespaced_config_map(SPACE, _preload_content=False).data
    for found in json.loads(core.list_namespaced_secret(SPACE, _preload_content=False).data)["items"]:
        yield f"secret: {found['metadata']['name']}", json.dumps({**found, "data": None}).encode()


@on_each
def test_no_planted_secret_is_in_anything_that_a_platform_or_airflow_keeps(
    look: Callable[[str], Seen], target: str
) -> None:
    seen = look(target)
    assert planted.found(seen.places, [*NOT_GIVEN, *JOBS]) == set()
    assert SHOWN | SHOWN_BY[target] <= seen.controls()
    assert SEARCHED | SEARCHED_BY[target] <= seen.kinds()
    if target == "kubernetes":
        (user,) = cluster_node.kubeconfig()["users"]
        key = max(map(str, user["user"].values()), key=len).encode()
        assert [place for place, content in seen.places.items() if key[-200:-20] in content] == []


@on_each
def test_the_steps_had_the_secrets_and_what_they_printed_of_them_is_masked(
    look: Callable[[str], Seen], airflow: Airflow, target: str
) -> None:
    seen = look(target)
    used = [hashlib.sha256(planted.secret(name, lines=True).encode()).hexdigest() for name in JOBS]
    for task in ("succeed", "fail"):
        folder = airflow.home / "logs" / f"dag_id={seen.dag_id}/run_id={seen.run_id}/task_id={task}"
        log = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
        assert [digest for digest in used if f"used {digest}" not in log] == []
        assert log.count("***") > len(JOBS)


@on_each
def test_a_job_is_given_no_secret_but_those_of_secret_env(
    look: Callable[[str], Seen], airflow: Airflow, target: str
) -> None:
    seen = look(target)
    event = next(e for e in airflow.events(seen.dag_id, "succeed") if e.task.run_id == seen.run_id)
    (output,) = event.outputs
    there = dict(values.load(output.artifact, ArtifactStore(airflow.objects)))
    if target == "docker":  # what the job masks; which the step, being the job, can read
        there = {place: text for place, text in there.items() if place != "/lading/handover.json"}
    given = planted.found({place: text.encode() for place, text in there.items()}, [*NOT_GIVEN, *JOBS])
    assert {name for _, name in given} == set(JOBS)
