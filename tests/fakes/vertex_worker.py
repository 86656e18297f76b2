"""Workers to be killed, whose jobs are those of the fake Vertex AI: ``vertex_worker.py <bucket server>``.

Google's libraries take seconds to import. So one process imports them, and forks a worker for each line that
it reads, before it has any connection itself: ``{"folder", "run", "mode", "fingerprint", "env"}``. It answers
with the worker's exit status. What happens is kept in ``folder``: the state, ``events`` and, by the job,
``effects``; ``marks/block-<generation>`` and ``marks/die-<generation>`` tell the job what to do.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from lading_runner.contract import Attempt
from vertex_project import Project, VertexDesk

if TYPE_CHECKING:
    from lading.execution import Ended


def job() -> str:
    import os
    import sys
    import time
    from pathlib import Path

    folder = Path(os.environ["MARKS"])
    generation = sys.argv[-1].split("/")[-2]
    if (folder / f"marks/die-{generation}").exists():
        os._exit(70)
    while (folder / f"marks/block-{generation}").exists():
        time.sleep(0.05)
    with (folder / "effects").open("a") as file:
        file.write(f"{generation}\n")
    return "model"


def desk_of(project: Project, folder: Path, run: str) -> VertexDesk:
    (folder / "marks").mkdir(exist_ok=True)
    return VertexDesk(project, folder, job, env={"MARKS": str(folder)}, task=Attempt("dag", run, "train"))


def work(project: Project, folder: Path, run: str, mode: str, fingerprint: str) -> None:
    def report(ended: Ended) -> None:
        fact = {
            "id": ended.event_id,
            "generation": ended.attempt.generation,
            "outcome": ended.verdict.outcome,
        }
        with (folder / "events").open("a") as file:
            file.write(json.dumps(fact) + "\n")

    desk = desk_of(project, folder, run)
    desk.task = desk.task.replace(try_number=int(time.time()))
    worker = desk.worker(fingerprint)
    worker._hooks = replace(worker._hooks, on_attempt_end=report)
    getattr(worker, mode)()


def main(bucket_server: str) -> None:
    import airflow.providers.google.cloud.hooks.vertex_ai.custom_job  # noqa: F401  # once for all workers
    import google.cloud.logging_v2  # noqa: F401

    cloud = cast(Any, SimpleNamespace(url=bucket_server))
    project = Project(cast(Any, None), cloud, cast(Any, None), cast(Any, ()), {})
    for line in sys.stdin:
        given: dict[str, Any] = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.environ.update(given.pop("env"))
                work(project, Path(given.pop("folder")), **given)
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
