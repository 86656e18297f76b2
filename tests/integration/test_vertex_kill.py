"""A worker killed between any two lines, whose job is a custom job: one per generation, its result taken."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest

from fakes import vertex_worker
from integration.test_kill_points import ROOT, SCENES, assert_one_event, assert_true_state, environ
from kill_places import points_of
from lading.execution import attempt_folder
from lading_runner.contract import Result
from supervised import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vertex_project import Project

    Work = Callable[..., int]

pytestmark = [pytest.mark.service("vertex"), pytest.mark.slow]

VERTEX_POINTS = ("vertex.find.after", "vertex.runner.after", "vertex.create.after")


@pytest.fixture(scope="module")
def work(project: Project) -> Iterator[Work]:
    """Runs a worker: exit status, negative where a signal ended it."""
    argv = [sys.executable, str(ROOT / "tests/fakes/vertex_worker.py"), project.gcs.url]
    with subprocess.Popen(
        argv, env=environ(**project.env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as workers:
        assert workers.stdin is not None
        assert workers.stdout is not None

        def run(folder: Path, run: str, mode: str = "run", fingerprint: str = "new", **env: str) -> int:
            asked = {"folder": str(folder), "run": run, "mode": mode, "fingerprint": fingerprint, "env": env}
            workers.stdin.write(json.dumps(asked) + "\n")  # type: ignore[union-attr]
            workers.stdin.flush()  # type: ignore[union-attr]
            return int(workers.stdout.readline())  # type: ignore[union-attr]

        yield run
        workers.stdin.close()


def prepare(project: Project, work: Work, folder: Path, run: str, scene: str) -> None:
    """What an earlier worker left: a job that hangs, or one that will die."""
    desk = vertex_worker.desk_of(project, folder, run)
    if scene == "lost":
        (folder / "marks/die-1").touch()
    if scene in ("changed", "cancelled"):
        (folder / "marks/block-1").touch()
        assert work(folder, run, "start", "old" if scene == "changed" else "new") == 0
        until(desk.claim, "the earlier job did not begin", 60)


@pytest.mark.parametrize("point", points_of(VERTEX_POINTS))
def test_a_killed_worker_leaves_one_job_and_a_true_state(
    project: Project, work: Work, tmp_path: Path, point: str
) -> None:
    run = f"run-{uuid.uuid4().hex[:12]}"
    scene = SCENES.get(point, "plain")
    prepare(project, work, tmp_path, run, scene)
    fired = tmp_path / "fired"

    mode = "cancel" if scene == "cancelled" else "run"
    killed = work(tmp_path, run, mode, LADING_FAILPOINT=f"{point}:kill9", LADING_FAILPOINT_FIRED=str(fired))
    assert killed == -signal.SIGKILL
    assert fired.read_text().startswith(f"{point}:kill9")
    assert work(tmp_path, run) == 0

    generation = "1" if scene == "plain" else "2"
    desk = vertex_worker.desk_of(project, tmp_path, run)
    assert_true_state(tmp_path, generation, desk.store.objects, f"attempts/dag/{run}/")
    taken = f"{attempt_folder(desk.task.replace(generation=int(generation)))}/result.json"
    assert desk.value(Result.loads(desk.store.objects.read(taken))) == "model"
    assert (tmp_path / "effects").read_text().split() == [generation]
    assert_one_event(tmp_path, generation)
    jobs = [desk.jobs(number) for number in (1, 2)]
    assert [len(found) for found in jobs] == ([1, 0] if generation == "1" else [1, 1])
    over = [job for found in jobs for job in found]
    assert over[-1].state == "SUCCEEDED"
    assert all(job.state in ("CANCELLED", "FAILED") for job in over[:-1])
