"""A worker to be killed, whose jobs are runs of a fake workspace.

``databricks_worker.py <folder> <run> <mode> <fingerprint>``; the connection is in the environment, and
``marks/…`` in ``folder`` tell the job what to do.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from databricks_workspace import Desk
from lading_runner.contract import Attempt

if TYPE_CHECKING:
    from lading.execution import Ended


def job(marks: str) -> str:
    import os
    import time
    from pathlib import Path

    claims = Path(marks).parent.glob("store/attempts/dag/*/train/-1/*/claim")
    (generation,) = [c.parent.name for c in claims if c.read_text() == os.environ["LADING_JOB_ID"]]
    if Path(marks, f"die-{generation}").exists():
        os._exit(70)
    while Path(marks, f"block-{generation}").exists():
        time.sleep(0.05)
    return "model"


def desk_of(folder: Path, run: str) -> Desk:
    (folder / "marks").mkdir(exist_ok=True)
    return Desk(folder, job, {"marks": str(folder / "marks")}, task=Attempt("dag", run, "train"))


def main(folder: Path, run: str, mode: str, fingerprint: str) -> int:
    def report(ended: Ended) -> None:
        fact = {
            "id": ended.event_id,
            "generation": ended.attempt.generation,
            "outcome": ended.verdict.outcome,
        }
        with (folder / "events").open("a") as file:
            file.write(json.dumps(fact) + "\n")

    desk = desk_of(folder, run)
    desk.task = desk.task.replace(try_number=int(time.time()))
    worker = desk.worker(fingerprint)
    worker._hooks = replace(worker._hooks, on_attempt_end=report)
    getattr(worker, mode)()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:5]))
