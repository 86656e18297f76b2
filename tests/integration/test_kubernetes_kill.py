"""A worker killed between any two lines, whose job is a pod: one pod in all, its result taken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cluster_node
from cluster_node import wait_until
from lading.execution import over

if TYPE_CHECKING:
    from fakes.pod_worker import Desks

pytestmark = pytest.mark.service("kubernetes")

ROOT = Path(__file__).parents[2]
SLEEP = "def run():\n    import time\n    print('begun')\n    time.sleep(600)\n"
STUBBORN = """def run():
    import signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("deaf", flush=True)
    time.sleep(600)
"""
OK = "def run():\n    return 42\n"


def work(folder: Path, space: str, mode: str = "run", **env: str) -> int:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LADING_")}
    paths = f"{ROOT / 'tests'}:{ROOT / 'provider/src'}"
    argv = (sys.executable, str(ROOT / "tests/fakes/pod_worker.py"), str(folder), space, mode)
    done = subprocess.run(
        argv,
        env={**kept, "PYTHONPATH": paths, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


@pytest.mark.parametrize("point", ["kubernetes.lock.after", "kubernetes.create.after", "finish.reported"])
def test_a_worker_killed_over_a_job_with_requirements_leaves_no_secret(
    target: cluster_node.Cluster, tmp_path: Path, point: str
) -> None:
    (tmp_path / "code.py").write_text("def run():\n    import six\n    return six.__version__\n")
    (tmp_path / "request.json").write_text(json.dumps({"requirements": ["six==1.17.0"]}))
    fired = tmp_path / "fired"
    env = {"LADING_FAILPOINT": f"{point}:kill9", "LADING_FAILPOINT_FIRED": str(fired)}
    assert work(tmp_path, target.space, **env) == -signal.SIGKILL
    assert fired.read_text().startswith(f"{point}:kill9")
    assert secrets(target) != []
    assert work(tmp_path, target.space) == 0
    assert target.made() == 2  # the probe, and the pod
    assert_one_success(tmp_path, 1)
    assert target.left_behind() == []
    assert wait_until(lambda: not secrets(target), 30)


@pytest.mark.parametrize("point", ["cancel.intent_saved", "cancel.requested", "cancel.reported"])
def test_a_worker_killed_while_it_cancels_leaves_nothing_running(
    desk: Desks, target: cluster_node.Cluster, tmp_path: Path, point: str
) -> None:
    (tmp_path / "code.py").write_text(OK)
    desk(SLEEP).worker(fingerprint="same").start()
    assert wait_until(target.running, 30)
    fired = tmp_path / "fired"
    env = {"LADING_FAILPOINT": f"{point}:kill9", "LADING_FAILPOINT_FIRED": str(fired)}
    assert work(tmp_path, target.space, "cancel", **env) == -signal.SIGKILL
    assert fired.read_text().startswith(f"{point}:kill9")
    assert work(tmp_path, target.space) == 0
    assert target.made() == 2
    assert_one_success(tmp_path, 2)
    assert target.left_behind() == []


@pytest.mark.parametrize("kind", ["pod", "job"])
def test_a_step_that_ignores_its_cancellation_has_its_grace_and_not_the_target_s(
    desk: Desks, target: cluster_node.Cluster, kind: str
) -> None:
    one = desk(STUBBORN, kind=kind, grace_s=600)
    handle = one.worker().start().handle
    assert handle is not None
    assert wait_until(lambda: "deaf" in one.backend.logs(handle, None), 60)
    one.backend.cancel(handle, 2)
    assert wait_until(lambda: over(one.backend.observe(handle)), 120)
    assert wait_until(lambda: one.backend.find(handle.name) is None, 60)


def secrets(target: cluster_node.Cluster) -> list[str]:
    names = [one.metadata.name for one in target.api.list_namespaced_secret(target.space).items]
    return [name for name in names if name.startswith("lading-")]


def assert_one_success(folder: Path, generation: int) -> None:
    events = [json.loads(line) for line in set((folder / "events").read_text().splitlines())]
    assert len({event["id"] for event in events}) == len(events), "one id, two texts"
    assert [e["generation"] for e in events if e["outcome"] == "succeeded"] == [generation]
    results = [json.loads(path.read_bytes()) for path in folder.glob("store/attempts/**/result.json")]
    assert [r["attempt"]["generation"] for r in results if r["status"] == "succeeded"] == [generation]
