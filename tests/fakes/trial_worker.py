"""A worker to be killed: ``trial_worker.py <folder> <place> <run> <mode> <fingerprint>``, a process per try.

What happens is kept in ``folder``: the store, the state, and ``events``, a line per report. In the folder of
its generation the job writes a line into ``effects``. ``block-<generation>`` and ``die-<generation>`` among
the blobs, which jobs may read, tell it to hang, or to end without a result.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fakes.attempts import FileState
from kill_places import PLACES, backend_of
from lading.backends.base import Worker
from lading.execution import attempt_folder
from lading.testing import Trial
from lading_runner.contract import Attempt
from lading_runner.store import ArtifactStore, LocalStore

if TYPE_CHECKING:
    from lading.execution import Ended
    from lading_runner.contract import Spec


def job(place: str) -> str:
    import os
    import time
    from pathlib import Path

    own, told = Path(place), Path(place).parents[5] / "blobs"
    with (own / "effects").open("a") as file:
        file.write("begun\n")
    if (told / f"die-{own.name}").exists():
        os._exit(70)
    while (told / f"block-{own.name}").exists():
        time.sleep(0.05)
    return "model"


class KillTrial(Trial):
    def spec_for(self, attempt: Attempt) -> Spec:
        spec = super().spec_for(attempt)
        root = spec.store.removeprefix("file://")
        return spec.replace(params={"place": f"{root}/{attempt_folder(attempt)}"})


def trial_of(folder: Path, place: str, run: str) -> KillTrial:
    trial = KillTrial(
        lambda worker: backend_of(place, folder, worker),
        ArtifactStore(LocalStore(str(folder / "store"))),
        job,
        request=PLACES[place].request,
        task=Attempt("dag", run, "train"),
        lend=Worker(cache=folder.parent / "environments"),
        state=FileState(folder / "state.json"),
    )
    trial.policy = replace(trial.policy, infra_retries=3)
    return trial


def main(folder: Path, place: str, run: str, mode: str, fingerprint: str) -> int:
    def report(ended: Ended) -> None:
        fact = {
            "id": ended.event_id,
            "generation": ended.attempt.generation,
            "outcome": ended.verdict.outcome,
        }
        with (folder / "events").open("a") as file:
            file.write(json.dumps(fact) + "\n")

    worker = trial_of(folder, place, run).worker(fingerprint)
    worker._hooks = replace(worker._hooks, on_attempt_end=report)
    getattr(worker, mode)()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:6]))
