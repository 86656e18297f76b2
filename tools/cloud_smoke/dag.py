"""The small DAG of the first check: a step on the target, waited for by a trigger, and a task here that takes
its value out of the store.

``python -m tools.cloud_smoke.dag JSON`` runs it as ``airflow dags test`` runs one: with the user's
configuration, but for a metadata database of its own, which has no other DAG in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.cloud_smoke import steps
from tools.cloud_smoke.desk import DAG_ID

from lading import deployment
from lading.lineage import log

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow.sdk import DAG
    from tools.cloud_smoke.desk import Desk

    from lading.lineage.event import LineageEvent

ROOT = Path(__file__).resolve().parents[2]


class Planned:
    """A run of the DAG that was not begun yet."""

    def __init__(self, task_id: str) -> None:
        self.task_id, self.begun = task_id, datetime.now(UTC)

    @property
    def run_id(self) -> str:
        """That Airflow gives it."""
        return f"manual__{self.begun.isoformat()}"

    def run(self, desk: Desk) -> str:
        """What was printed. Its process is ended with the check.

        :raises Late: it did not end in time, or somebody interrupted it
        """
        given = {
            "target": desk.place.target.name,
            "task": self.task_id,
            "begun": self.begun.isoformat(),
            "text": desk.run,
            "limit_s": desk.left_s,
        }
        folder = desk.folder / f"airflow-{desk.place.target.name}"
        folder.mkdir()
        log_file = folder / "log"
        argv = (sys.executable, "-W", "ignore", "-m", "tools.cloud_smoke.dag", json.dumps(given))
        with log_file.open("wb") as said, _process(argv, said, _environment(desk, folder)) as process:
            desk.until(lambda: process.poll() is not None, "the DAG did not end")
        return log_file.read_text(errors="replace")

    def events(self, desk: Desk) -> list[LineageEvent]:
        objects = desk.place.store.objects
        return list(log.read(objects, since=self.begun, dag_id=DAG_ID, run_id=self.run_id))


def _environment(desk: Desk, folder: Path) -> dict[str, str]:
    """The user's, with the connections that a secrets backend or their own database may hold."""
    from airflow.sdk import Connection

    (folder / "dags").mkdir()
    settings = {
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db",
        "CORE__DAGS_FOLDER": f"{folder}/dags",
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__XCOM_BACKEND": "lading.xcom.LadingXComBackend",
        "LOGGING__BASE_LOG_FOLDER": f"{folder}/logs",
    }
    made = {**os.environ, **{f"AIRFLOW__{name}": value for name, value in settings.items()}}
    for name in filter(None, (desk.place.connection, deployment.settings().store_connection)):
        made[f"AIRFLOW_CONN_{name.upper()}"] = Connection.get(name).as_json()
    return made


@contextmanager
def _process(argv: tuple[str, ...], said: Any, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=said, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def small(given: Mapping[str, Any]) -> DAG:
    from airflow.sdk import DAG, task

    from lading import step

    limit = timedelta(seconds=given["limit_s"])

    @task
    def taken(value: dict[str, Any]) -> None:
        if value != (expected := steps.answer(given["text"])):
            raise ValueError(f"the step returned {value!r}, expected {expected!r}")

    with DAG(DAG_ID, schedule=None) as dag:
        elsewhere = step(
            on=given["target"],
            task_id=given["task"],
            deferrable=True,
            execution_timeout=limit,
            multiple_outputs=False,  # one artifact
        )
        taken(elsewhere(steps.answer)(given["text"]))
    return dag


def main(given: Mapping[str, Any]) -> int:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    begun = datetime.fromisoformat(given["begun"])
    DagBundlesManager().sync_bundles_to_db()
    bag, dag = DagBag(bundle_name="dags-folder"), small(given)
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)
    run = dag.test(run_after=begun, logical_date=begun)
    return 0 if run.state == "success" else 1


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
