"""A worker killed where a run of Databricks could be lost or doubled: one run per generation, its result
taken."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest

import databricks_workspace
from databricks_workspace import FILES
from fakes import databricks_worker
from integration.test_kill_points import ROOT, SCENES, assert_one_event, assert_true_state, environ
from supervised import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fakes.databricks import FakeDatabricks

pytestmark = [pytest.mark.service("databricks"), pytest.mark.slow]

POINTS = (
    "databricks.runner.after",
    "databricks.intent.after",
    "databricks.submit.after",
    "start.submitted",
    "finish.removed",
    "start.previous_reported",
    "cancel.intent_saved",
    "cancel.requested",
    "cancel.reported",
    "resubmit.reported",
)


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeDatabricks]:
    with databricks_workspace.workspace(tmp_path_factory.mktemp("workspace")) as made:
        made.workspace.listing_s = 3600.0  # nothing may hang on lists of runs
        yield made


def work(
    fake: FakeDatabricks, folder: Path, run: str, mode: str = "run", fingerprint: str = "new", **env: str
) -> int:
    program = str(ROOT / "tests/fakes/databricks_worker.py")
    done = subprocess.run(
        (sys.executable, "-W", "ignore", program, str(folder), run, mode, fingerprint),
        env=environ(AIRFLOW_CONN_DATABRICKS_DEFAULT=fake.connection(), **env),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def prepare(fake: FakeDatabricks, folder: Path, run: str, scene: str) -> None:
    """What an earlier worker left: a run that hangs, or one that will die."""
    (folder / "marks").mkdir()
    if scene == "lost":
        (folder / "marks/die-1").touch()
    if scene in ("changed", "cancelled"):
        (folder / "marks/block-1").touch()
        assert work(fake, folder, run, "start", "old" if scene == "changed" else "new") == 0
        claim = folder / f"store/attempts/dag/{run}/train/-1/1/claim"
        until(claim.exists, "the earlier run did not begin", 60)


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_worker_leaves_one_run_and_a_true_state(
    fake: FakeDatabricks, tmp_path: Path, point: str
) -> None:
    run = f"run-{uuid.uuid4().hex[:12]}"
    scene = SCENES.get(point, "plain")
    prepare(fake, tmp_path, run, scene)
    fired = tmp_path / "fired"

    mode = "cancel" if scene == "cancelled" else "run"
    env = {"LADING_FAILPOINT": f"{point}:kill9", "LADING_FAILPOINT_FIRED": str(fired)}
    assert work(fake, tmp_path, run, mode, **env) == -signal.SIGKILL
    assert fired.read_text().startswith(f"{point}:kill9")
    assert work(fake, tmp_path, run) == 0

    generation = "1" if scene == "plain" else "2"
    assert_true_state(tmp_path, generation)
    assert_one_event(tmp_path, generation)
    desk = databricks_worker.desk_of(tmp_path, run)
    names = [desk.name(number) for number in range(1, int(generation) + 1)]
    assert [fake.workspace.started[name] for name in names] == [1] * len(names)
    runs = [one for one in fake.workspace.runs.values() if one.body["idempotency_token"] in names]
    assert len(runs) == len(names)
    assert all(one.over.is_set() for one in runs)
    left = [path.name for path in fake.workspace.files.place(FILES).glob("lading-job-*")]
    assert left == []
