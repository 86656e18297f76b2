"""Workers killed between any two lines, then retried, leave one effect and a true state, on any backend.

``LADING_KILLS=100`` kills that many on each, going round all points; by default some places thin them out.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from fakes.trial_worker import trial_of
from integration.test_kill_points import ROOT, SCENES, assert_one_event, assert_true_state, environ
from integration.test_vertex_kill import VERTEX_POINTS
from kill_places import PLACES, points_of
from lading.execution import FAILPOINTS, job_name
from supervised import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lading.testing import Trial

pytestmark = pytest.mark.slow


def planned() -> Iterator[Any]:
    """Place, number and point of each kill."""
    for name, place in PLACES.items():
        marks = [] if name == "venv" else [pytest.mark.service(name.partition("-")[0])]
        for number, point in enumerate(points_of(place.points, place.kills)):
            yield pytest.param(name, number, point, marks=marks)


def work(folder: Path, place: str, run: str, mode: str = "run", fingerprint: str = "new", **env: str) -> int:
    program = str(ROOT / "tests/fakes/trial_worker.py")
    argv = (sys.executable, "-W", "error", program, str(folder), place, run, mode, fingerprint)
    done = subprocess.run(argv, env=environ(**env), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def prepare(folder: Path, place: str, run: str, scene: str) -> None:
    """What an earlier worker left: a job that hangs, or one that will die."""
    told = folder / "store/blobs"
    told.mkdir(parents=True)
    if scene == "lost":
        (told / "die-1").touch()
    if scene in ("changed", "cancelled"):
        (told / "block-1").touch()
        assert work(folder, place, run, "start", "old" if scene == "changed" else "new") == 0
        effects = folder / f"store/attempts/dag/{run}/train/-1/1/effects"
        until(effects.exists, "the earlier job did not begin", 60)


@pytest.mark.parametrize(("place", "number", "point"), list(planned()))
def test_a_killed_worker_leaves_one_effect_and_a_true_state(
    tmp_path: Path, request: pytest.FixtureRequest, place: str, number: int, point: str
) -> None:
    PLACES[place].require()
    if place.startswith("kubernetes"):
        (tmp_path / "space").write_text(request.getfixturevalue("space"))
    if place == "databricks":
        request.getfixturevalue("databricks_connection")
    run, fired = f"run-{uuid.uuid4().hex[:12]}", tmp_path / "fired"
    scene = SCENES.get(point, "plain")
    prepare(tmp_path, place, run, scene)

    mode = "cancel" if scene == "cancelled" else "run"
    armed = {"LADING_FAILPOINT": f"{point}:kill9", "LADING_FAILPOINT_FIRED": str(fired)}
    assert work(tmp_path, place, run, mode, **armed) == -signal.SIGKILL
    assert fired.read_text().startswith(f"{point}:kill9")
    assert work(tmp_path, place, run) == 0

    generations = 1 if scene == "plain" else 2
    assert_true_state(tmp_path, str(generations))
    assert_one_event(tmp_path, str(generations))
    trial = trial_of(tmp_path, place, run)
    for generation in range(1, generations + 1):
        attempt = trial.task.replace(generation=generation)
        effects = tmp_path / f"store/attempts/dag/{run}/train/-1/{generation}/effects"
        assert effects.read_text() == "begun\n"
        assert PLACES[place].count(tmp_path, job_name(attempt)) == 1
        assert_gone(trial, job_name(attempt))


def assert_gone(trial: Trial, name: str) -> None:
    """Off its platform; of a process a folder is kept, which says that it ended."""

    def gone() -> bool:
        left = trial.backend().find(name)
        return left is None or (left.backend == "venv" and trial.over(left))

    until(gone, f"job {name} is still there", 60)


def test_every_failpoint_of_a_backend_is_killed_at() -> None:
    sources = [path.read_text() for path in (ROOT / "provider/src/lading/backends").rglob("*.py")]
    named = {part.partition('"')[0] for text in sources for part in text.split('failpoint("')[1:]}
    killed = {kill.values[2] for kill in planned()} | {*points_of(VERTEX_POINTS)}
    with_requirements = {"docker.packages.installed", "kubernetes.lock.after"}  # killed at by tests of those
    assert named == (killed - {*FAILPOINTS}) | with_requirements
