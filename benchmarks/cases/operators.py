"""The same work by Airflow's own operators: a function in an image, whose value the next task can have."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from benchmarks.cases import containers, pods
from benchmarks.cases.containers import IMAGE
from benchmarks.cases.pods import NAMESPACE
from benchmarks.cases.tasks import seconds_of
from benchmarks.model import Area, Bench, Contestant, Kind, Row, Sample, Target, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RUNS = 2  # after one that warms up
PRINTS = "import json; print(json.dumps(1))"
LEAVES = "import json; json.dump(1, open('/airflow/xcom/return.json', 'w'))"


def nothing() -> int:
    return 1


def docker_step(bench: Bench) -> Sample:
    return _by_lading(bench, "docker", {"image": IMAGE})


def docker_operator(bench: Bench) -> Sample:
    """Its value is the last line that the container printed."""

    def task() -> None:
        from airflow.providers.docker.operators.docker import DockerOperator

        DockerOperator(
            task_id="nothing",
            image=IMAGE,
            command=["python3", "-c", PRINTS],
            auto_remove="force",
            mount_tmp_dir=False,
        )

    return _seconds(bench, task)


def docker_decorator(bench: Bench) -> Sample:
    def task() -> None:
        from airflow.sdk import task

        task.docker(image=IMAGE, auto_remove="force", mount_tmp_dir=False, expect_airflow=False)(nothing)()

    return _seconds(bench, task)


def kubernetes_step(bench: Bench) -> Sample:
    store = {"host_path": str(bench.folder / "store")}
    return _by_lading(bench, "kubernetes", {"image": IMAGE, "namespace": NAMESPACE, "mount": store})


def pod_operator(bench: Bench) -> Sample:
    def task() -> None:
        from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

        KubernetesPodOperator(task_id="nothing", cmds=["python3", "-c", LEAVES], **_pod())

    return _seconds(bench, task)


def pod_decorator(bench: Bench) -> Sample:
    def task() -> None:
        from airflow.sdk import task

        task.kubernetes(**_pod())(nothing)()

    return _seconds(bench, task)


def _pod() -> Mapping[str, Any]:
    """Its value goes through a sidecar, which gets an image that the node has."""
    sidecar = {"conn_type": "kubernetes", "extra": {"xcom_sidecar_container_image": IMAGE}}
    os.environ["AIRFLOW_CONN_KUBERNETES_DEFAULT"] = json.dumps(sidecar)
    return {
        "image": IMAGE,
        "namespace": NAMESPACE,
        "name": "lading-bench",
        "config_file": os.environ["KUBECONFIG"],
        "do_xcom_push": True,
        "on_finish_action": "delete_pod",
    }


def _by_lading(bench: Bench, name: str, target: Mapping[str, Any]) -> Sample:
    os.environ["AIRFLOW__CORE__XCOM_BACKEND"] = "lading.xcom.LadingXComBackend"
    os.environ["AIRFLOW__LADING__TARGETS"] = json.dumps({name: target})
    (bench.folder / "store").mkdir()

    def task() -> None:
        from lading import step

        step(on=name)(nothing)()

    return _seconds(bench, task)


def _seconds(bench: Bench, task: Callable[[], None]) -> Sample:
    from airflow.sdk import DAG

    with DAG("bench") as dag:
        task()
    return seconds_of(dag, 1 if bench.quick else RUNS)


def _contestant(function: str) -> Contestant:
    return Contestant(function.replace("_", " "), (f"{__name__}:{function}",), metadata_db=True)


def _row(area: str, case: str, ours: Contestant, peer: Contestant, name: str) -> Row:
    """Beside the quickest way that Airflow itself has to the same."""
    return Row(area, case, "s", (Term(ours, "wall_s"),), (Term(peer, "wall_s"),), Target(Kind.RATIO, 1), name)


DOCKER_STEP, POD_STEP = _contestant("docker_step"), _contestant("kubernetes_step")

DOCKER = Area(
    "docker",
    (
        _row(
            "docker",
            "@step beside DockerOperator, dag.test(), wall",
            DOCKER_STEP,
            _contestant("docker_operator"),
            "DockerOperator",
        ),
        _row(
            "docker",
            "@step beside @task.docker, dag.test(), wall",
            DOCKER_STEP,
            _contestant("docker_decorator"),
            "@task.docker",
        ),
    ),
    containers.absent,
)

KUBERNETES = Area(
    "kubernetes",
    (
        _row(
            "kubernetes",
            "@step beside KubernetesPodOperator, dag.test(), wall",
            POD_STEP,
            _contestant("pod_operator"),
            "KubernetesPodOperator",
        ),
        _row(
            "kubernetes",
            "@step beside @task.kubernetes, dag.test(), wall",
            POD_STEP,
            _contestant("pod_decorator"),
            "@task.kubernetes",
        ),
    ),
    pods.absent,
)
