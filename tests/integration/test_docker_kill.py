"""A worker killed between any two lines, whose job is a container: one container in all, its result taken."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest

import docker_engine
from fakes import docker_worker
from integration.test_kill_points import ROOT, SCENES, assert_one_event, assert_true_state, environ
from lading.execution import FAILPOINTS
from supervised import until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.service("docker"), pytest.mark.slow]

DOCKER_POINTS = ("docker.find.after", "docker.create.after", "docker.put.after", "docker.start.after")


@pytest.fixture(autouse=True, scope="module")
def engine() -> None:
    docker_engine.require()


def command(folder: Path, run: str, mode: str, fingerprint: str) -> tuple[str, ...]:
    program = str(ROOT / "tests/fakes/docker_worker.py")
    return (sys.executable, "-W", "error", program, str(folder), run, mode, fingerprint)


def work(folder: Path, run: str, mode: str = "run", fingerprint: str = "new", **env: str) -> int:
    done = subprocess.run(
        command(folder, run, mode, fingerprint),
        env=environ(**env),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def prepare(folder: Path, run: str, scene: str) -> None:
    """What an earlier worker left: a job that hangs, or one that will die."""
    (folder / "marks").mkdir()
    if scene == "lost":
        (folder / "marks/die-1").touch()
    if scene in ("changed", "cancelled"):
        (folder / "marks/block-1").touch()
        assert work(folder, run, "start", "old" if scene == "changed" else "new") == 0
        claim = folder / f"store/attempts/dag/{run}/train/-1/1/claim"
        until(claim.exists, "the earlier job did not begin", 60)


@pytest.mark.parametrize("point", [*FAILPOINTS, *DOCKER_POINTS])
def test_a_killed_worker_leaves_one_container_and_a_true_state(tmp_path: Path, point: str) -> None:
    run = f"run-{uuid.uuid4().hex[:12]}"
    scene = SCENES.get(point, "plain")
    prepare(tmp_path, run, scene)
    fired = tmp_path / "fired"

    mode = "cancel" if scene == "cancelled" else "run"
    killed = work(tmp_path, run, mode, LADING_FAILPOINT=f"{point}:kill9", LADING_FAILPOINT_FIRED=str(fired))
    assert killed == -signal.SIGKILL
    assert fired.read_text().startswith(f"{point}:kill9")
    assert work(tmp_path, run) == 0

    generation = "1" if scene == "plain" else "2"
    assert_true_state(tmp_path, generation)
    assert_one_event(tmp_path, generation)
    desk = docker_worker.desk_of(tmp_path, run)
    assert len(desk.created()) == int(generation)  # one container for each generation, whoever was killed
    assert desk.containers() == []


def test_a_worker_that_is_told_to_end_takes_its_container_with_it(tmp_path: Path) -> None:
    run = f"run-{uuid.uuid4().hex[:12]}"
    prepare(tmp_path, run, "changed")
    desk = docker_worker.desk_of(tmp_path, run)
    assert len(desk.containers()) == 1
    assert work(tmp_path, run, "cancel", "old") == 0
    assert desk.containers() == []
