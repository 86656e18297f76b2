"""Requirements of steps in pods, from outside: the store's driver, the doctor, and what is rendered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cluster_node import wait_until
from lading.backends.base import JobRequest, JobState

if TYPE_CHECKING:
    from pathlib import Path

    import cluster_node
    from fakes.pod_worker import Desks

pytestmark = pytest.mark.service("kubernetes")

SIX = ("six==1.17.0",)
NOTHING = "def run():\n    return None\n"


@pytest.mark.parametrize(("requirements", "installed"), [((), False), (SIX, True)])
def test_a_store_by_network_has_its_driver_or_names_both_cures(
    desk: Desks, target: cluster_node.Cluster, requirements: tuple[str, ...], installed: bool
) -> None:
    backend = desk(NOTHING).backend
    job = JobRequest(
        name="ab" * 20,
        dag_id="d",
        task_id="t",
        spec_uri="s3://nobodys-bucket/x/spec.json",
        store_root="s3://nobodys-bucket/x",
        folder="x",
        image="lading/python:3.11",
        requirements=requirements,
        env={
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        },
    )
    handle = backend.submit(job)
    assert wait_until(lambda: backend.observe(handle).state is JobState.ENDED, 120)
    said = list(backend.logs(handle, None))[-1]
    code = backend.observe(handle).exit_code
    backend.remove(handle, failed=True)
    if installed:
        assert (code, "obstore" in said) == (75, False), said
    else:
        assert code == 65
        assert "requirements=['obstore'], or an image that has it" in said
    assert target.nothing_left()


def lading(*argv: str) -> subprocess.CompletedProcess[str]:
    argv = (sys.executable, "-m", "lading.cli", *argv)
    return subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ})


@pytest.mark.parametrize(("line", "code"), [("six==1.17.0", 0), ("six==99.0", 1)])
def test_the_doctor_tries_the_requirements_of_a_target(
    target: cluster_node.Cluster, packages: Path, line: str, code: int
) -> None:
    target.configure(requirements=[line], package_cache={"host_path": str(packages)})
    done = lading("doctor", "--json", "--target", "kubernetes")
    checks = {c["name"]: c for c in json.loads(done.stdout)["checks"] if c["area"] == "target kubernetes"}
    assert checks["job"]["ok"] is (code == 0), done.stdout
    assert done.returncode >= code
    if code:
        assert "cannot resolve six==99.0" in checks["job"]["detail"]
    else:
        assert checks["Python"]["detail"].startswith("3.11")
        assert len(list(packages.iterdir())) == 1
    assert target.nothing_left()


def test_what_would_be_submitted_is_rendered_without_a_word_to_the_cluster(
    target: cluster_node.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.configure(requirements=list(SIX), package_cache={"pvc": "lading-packages"})
    file = tmp_path / "rendered.py"
    file.write_text(
        "from airflow.sdk import dag\nfrom lading import step\n\n"
        "@dag(schedule=None)\ndef rendered():\n"
        "    @step(on='kubernetes')\n    def train() -> None: ...\n    train()\n\nrendered()\n"
    )
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    done = lading("render", str(file), "--json")
    assert done.returncode == 0, done.stderr
    (request,) = (item["request"] for item in json.loads(done.stdout)["requests"])
    (installer,) = request["spec"]["initContainers"]
    assert installer["command"][-3:] == ["--install", "/lading/lock/lock.txt", "/lading/packages/lock"]
    assert {"name": "lading-packages", "persistentVolumeClaim": {"claimName": "lading-packages"}} in request[
        "spec"
    ]["volumes"]
