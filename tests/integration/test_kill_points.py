"""A worker killed between any two lines of the protocol, then retried, leaves one effect and a true state."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fakes.attempts import FileState
from kill_places import points_of
from lading.backends.local import alive
from lading.execution import Outcome, Phase
from lading_runner.store import LocalStore
from lading_runner.store.keys import blob_key

if TYPE_CHECKING:
    from lading_runner.store import ObjectStore

ROOT = Path(__file__).parents[2]
WORKER = ROOT / "tests/fakes/kill_worker.py"

# What has to happen for a worker to pass the point; all others lie on the way of a plain run.
SCENES = {
    "start.previous_reported": "changed",
    "cancel.intent_saved": "changed",
    "cancel.requested": "changed",
    "cancel.ended": "changed",
    "cancel.reported": "cancelled",
    "cancel.final_saved": "cancelled",
    "resubmit.reported": "lost",
}


def command(folder: Path, kind: str, mode: str, fingerprint: str) -> tuple[str, ...]:
    return (sys.executable, "-W", "error", str(WORKER), str(folder), kind, mode, fingerprint)


def environ(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LADING_")}
    return {**kept, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / 'provider/src'}:{ROOT}", **more}


def work(folder: Path, kind: str, mode: str = "run", fingerprint: str = "new", **env: str) -> int:
    done = subprocess.run(
        command(folder, kind, mode, fingerprint),
        env=environ(**env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def prepare(folder: Path, kind: str, scene: str) -> subprocess.Popen[bytes] | None:
    """An earlier worker's doing: for a local step, that worker, in the middle of it."""
    if scene == "lost":
        (folder / "die-1").touch()
    if scene not in ("changed", "cancelled") or (kind, scene) == ("local", "cancelled"):
        return None
    (folder / "block-1").touch()
    earlier = subprocess.Popen(
        command(folder, kind, "start", "old" if scene == "changed" else "new"), env=environ()
    )
    claim = folder / "store/attempts/dag/run/train/-1/1/claim"
    end = time.monotonic() + 30
    while not claim.exists():
        assert time.monotonic() < end, "the earlier job did not begin"
        time.sleep(0.01)
    return earlier


@pytest.mark.parametrize("kind", ["detached", "local"])
@pytest.mark.parametrize("point", points_of(()))
def test_a_killed_worker_leaves_one_effect_and_a_true_state(tmp_path: Path, kind: str, point: str) -> None:
    scene = SCENES.get(point, "plain")
    earlier = prepare(tmp_path, kind, scene)
    fired = tmp_path / "fired"

    mode = "cancel" if scene == "cancelled" else "run"
    killed = work(tmp_path, kind, mode, LADING_FAILPOINT=f"{point}:kill9", LADING_FAILPOINT_FIRED=str(fired))
    assert killed == -signal.SIGKILL
    assert fired.read_text().startswith(f"{point}:kill9")

    assert work(tmp_path, kind) == 0
    if earlier is not None:
        assert earlier.wait(timeout=30) == (-signal.SIGTERM if kind == "local" else 0)

    generation = "1" if scene == "plain" else "2"
    assert (tmp_path / "effects").read_text().split() == [generation]
    assert_true_state(tmp_path, generation)
    assert_one_event(tmp_path, generation)
    assert_nothing_runs(tmp_path)


@pytest.mark.parametrize("kind", ["detached", "local"])
def test_a_third_try_after_success_does_nothing_again(tmp_path: Path, kind: str) -> None:
    for _ in range(3):
        assert work(tmp_path, kind) == 0
    assert (tmp_path / "effects").read_text().split() == ["1"]
    assert_one_event(tmp_path, "1")


def assert_true_state(
    folder: Path, generation: str, objects: ObjectStore | None = None, under: str = "attempts/"
) -> None:
    """Of the results ``under`` that prefix of the store, which is in ``folder`` unless it is given."""
    objects = objects or LocalStore(str(folder / "store"))
    state = FileState(folder / "state.json").load()
    assert state is not None
    assert (state.phase, state.outcome) == (Phase.FINAL, Outcome.SUCCEEDED)
    assert str(state.generation) == generation
    kept = [stat.key for stat in objects.list(under)]
    results = [json.loads(objects.read(key)) for key in kept if key.endswith("/result.json")]
    (taken,) = [r for r in results if str(r["attempt"]["generation"]) == generation]
    assert taken["status"] == "succeeded"
    assert all(r["status"] == "cancelled" for r in results if r is not taken)  # says the job
    for ref in taken["outputs"].values():
        data = objects.read(blob_key(ref["digest"]))
        assert "sha256:" + hashlib.sha256(data).hexdigest() == ref["digest"]


def assert_one_event(folder: Path, generation: str) -> None:
    lines = set((folder / "events").read_text().splitlines())
    events = [json.loads(line) for line in lines]
    assert len({event["id"] for event in events}) == len(events), "one id, two texts"
    assert [str(e["generation"]) for e in events if e["outcome"] == "succeeded"] == [generation]
    assert sorted(str(e["generation"]) for e in events) == ["1", "2"][: int(generation)]


def assert_nothing_runs(folder: Path) -> None:
    claims = [path.read_text() for path in folder.glob("store/attempts/**/claim")]
    assert claims
    assert not any(alive(claim) for claim in claims)
