"""A worker to be killed: ``kill_worker.py <folder> <backend> <mode> <fingerprint>``, one process per try.

What happens is kept in ``folder``: the store, the state, ``events`` (a line per report) and, by the job,
``effects``. ``block-<generation>`` and ``die-<generation>`` tell the job of that generation to hang, or to
end without a result.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fakes.attempts import TASK, FileState, request_for, spec_for
from fakes.kill_job import work
from lading.backends.local import LocalBackend, this_process
from lading.backends.process import Launch
from lading.backends.venv import VenvBackend
from lading.execution import AttemptRunner, Ended, Hooks, Policy
from lading_runner.store.local import LocalStore

if TYPE_CHECKING:
    from lading.backends.base import JobHandle, JobRequest

POLICY = Policy(poll_min_s=0.02, poll_max_s=0.1, settle_s=0.3, grace_s=10, backoff_s=0.01)


class Detached(VenvBackend):
    """The processes of the venv backend, with a program of ours in place of an environment."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "cache")
        self.folder = folder

    def submit(self, job: JobRequest) -> JobHandle:
        from fakes import kill_job

        argv = (sys.executable, "-I", "-S", kill_job.__file__, str(self.folder), job.folder)
        return self._handle(job.name, self._folder(job.name).start(Launch(argv, {})))


def main(folder: Path, kind: str, mode: str, fingerprint: str) -> int:
    def report(ended: Ended) -> None:
        fact = {
            "id": ended.event_id,
            "generation": ended.attempt.generation,
            "outcome": ended.verdict.outcome,
        }
        with (folder / "events").open("a") as file:
            file.write(json.dumps(fact) + "\n")

    def run_here(job: JobRequest) -> int:
        if mode == "cancel":
            worker.cancel()
        return work(folder, job.folder, this_process())

    worker = AttemptRunner(
        task=TASK.replace(try_number=int(time.time())),
        backend=LocalBackend(run_here) if kind == "local" else Detached(folder),
        state=FileState(folder / "state.json"),
        objects=LocalStore(str(folder / "store")),
        fingerprint=fingerprint,
        max_tries=3,
        request_for=request_for,
        spec_for=spec_for,
        hooks=Hooks(report),
        policy=POLICY,
    )
    if mode == "start" or (mode == "cancel" and kind == "local"):
        worker.start()
    elif mode == "cancel":
        worker.cancel()
    else:
        worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:5]))
