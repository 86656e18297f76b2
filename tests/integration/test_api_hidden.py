"""What a DAG that a user may not read changes in the answers to that user: nothing."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, nullcontext
from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.api.common.delete_dag import delete_dag
from airflow.models.dagbag import DBDagBag
from airflow.sdk import dag, task
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType

from api_samples import MODEL, PAGE_ID, REPORT_RUN, fill, kept
from api_server import GRANTED, PREFIX, OneDagAuthManager, headers, serving
from lading_testkit import enter
from lineage_samples import DAG, RUN, START, model, report, sweep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi.testclient import TestClient

QUERIES = (
    "/artifacts", "/artifacts?limit=1", "/artifacts?q=model", "/artifacts?type=skops",
    "/artifacts?metric=accuracy", f"/artifacts?dag_id={DAG}", "/artifacts?made_gte=2026-11-20T12:00:05Z",
    "/artifacts?made_lt=2026-11-20T13:00:00Z", "/artifacts/counts", "/artifacts/counts?q=model",
    "/artifacts/counts?since=2026-11-20T12:00:05Z&since=2026-11-20T18:00:00Z",
    "/artifacts/counts?metric=accuracy", f"/artifacts/counts?dag_id={DAG}", "/artifacts/counts?type=skops",
    f"/artifacts/counts?digest={model(5).digest[7:15]}",
    f"/artifacts?digest={model(5).digest[7:15]}", "/artifacts/facets", "/index",
    f"/artifacts/{MODEL}", f"/artifacts/{PAGE_ID}", f"/artifacts/{PAGE_ID}/ancestry",
    f"/artifacts/{PAGE_ID}/ancestry?limit=2", f"/artifacts/{PAGE_ID}/ancestry?depth=1",
    f"/artifacts/{PAGE_ID}/descendants", f"/artifacts/{MODEL}/descendants", f"/artifacts/{PAGE_ID}/download",
    f"/dags/{DAG}/runs", "/dags/report/runs", f"/dags/report/runs/{quote(REPORT_RUN)}/graph",
    f"/dags/report/runs/{quote(REPORT_RUN)}/graph?limit=2",
    f"/dags/report/runs/{quote(REPORT_RUN)}/tasks/predict",
    f"/dags/report/runs/{quote(REPORT_RUN)}/tasks/publish",
    f"/dags/report/compare?run_a={quote(REPORT_RUN, safe='')}&run_b={quote(REPORT_RUN, safe='')}",
    f"/dags/{DAG}/runs/{quote(RUN)}/graph",
)  # fmt: skip


#: Of one artifact, below its page.
PARTS = (
    "",
    "/preview",
    "/download",
    "/ancestry",
    "/ancestry?depth=1",
    "/descendants",
    "/descendants?limit=1",
)


def queries(*steps: dict[str, str]) -> list[str]:
    """With every route of steps of which the store has everything."""
    found = [*QUERIES, f"/dags/{DAG}/runs/{quote(RUN)}/tasks/train?map_index=2", "/artifacts?param=seed=7"]
    for of in steps:
        artifact, dag_id, run = of["artifact_id"], of["dag_id"], quote(of["run_id"], safe="")
        found += [f"/artifacts/{artifact}{part}" for part in PARTS]
        below = (f"/runs/{run}{part}" for part in ("/graph", "/tasks/keep", "/tasks/keep/code"))
        found += [f"/dags/{dag_id}{part}" for part in (*below, "/runs", "/runs?limit=1")]
        found += [f"/dags/{dag_id}/compare?run_a={run}&run_b={other}" for other in (run, "other")]
        found += [f"/artifacts{part}?param=of%3D{dag_id}" for part in ("", "/counts")]
    return found


def answers(client: TestClient, asked: list[str]) -> dict[str, tuple[int, bytes, list[tuple[str, str]]]]:
    """Status, body, and what stands in the header but for its time."""
    found = {}
    for query in asked:
        answer = client.get(PREFIX + query, headers=headers("bob"))
        named = sorted((name, value) for name, value in answer.headers.items() if name != "date")
        found[query] = answer.status_code, answer.content, named
    return found


@contextmanager
def known_to_airflow() -> Iterator[None]:
    """Airflow's own tables have the hidden DAG and its run meanwhile."""

    @dag(dag_id=DAG, schedule=None)
    def hidden() -> None:
        @task
        def choose() -> int:
            return 1

        choose()

    enter(hidden())
    with create_session() as session:
        known = DBDagBag().get_latest_version_of_dag(DAG, session=session)
        assert known is not None
        run_type, by_test = DagRunType.MANUAL, DagRunTriggeredByType.TEST
        known.create_dagrun(
            run_id=RUN, run_after=START, run_type=run_type, triggered_by=by_test,
            state=DagRunState.RUNNING, session=session,
        )  # fmt: skip
    try:
        yield
    finally:
        delete_dag(DAG)


def test_a_hidden_dag_leaves_no_trace(airflow_db: None, tmp_path: Path) -> None:
    """Byte by byte the same, whether the log, or Airflow, has the DAG that bob may not read or not."""
    seen = {}
    for in_airflow, in_log in product((False, True), repeat=2):
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        with known_to_airflow() if in_airflow else nullcontext(), serving(tmp_path / "store") as client:
            steps = [kept(GRANTED, REPORT_RUN), kept(DAG, RUN)]
            if in_log:
                fill([*sweep(), *report()])
            else:
                forget_events_of(DAG)
                fill(report())
            seen[in_airflow, in_log] = answers(client, queries(*steps))
            admin = headers("admin")  # the fault is there: somebody else sees more
            choose = client.get(f"{PREFIX}/dags/{DAG}/runs/{quote(RUN)}/tasks/choose", headers=admin)
            assert choose.status_code == (200 if in_airflow or in_log else 404)
            if in_log:
                assert DAG in client.get(f"{PREFIX}/artifacts/{PAGE_ID}/ancestry", headers=admin).text
                counts = client.get(f"{PREFIX}/artifacts/counts", headers=admin).json()
                assert set(counts["dag_ids"]["counts"]) == {DAG, GRANTED}
    plain = seen[False, False]
    for how, found in seen.items():
        assert {query: found[query] for query in plain if found[query] != plain[query]} == {}, how
    assert sum(status == 200 for status, _, _ in plain.values()) >= 40


def forget_events_of(dag_id: str) -> None:
    from lading import database, deployment
    from lading.lineage import log
    from lading.lineage.index.upkeep import rebuild

    objects = deployment.store().objects
    for found in log.read(objects, dag_id=dag_id):
        objects.delete(found.key())
    rebuild(database.engine(), objects)


def test_all_dags_of_a_request_are_asked_about_at_once(airflow_db: None, tmp_path: Path) -> None:
    """Where the auth manager answers for many; for who may not read them all, one by one after that."""
    with serving(tmp_path / "store") as client:
        fill([*sweep(), *report()])
        asked = {}
        for user in ("admin", "bob"):
            token = headers(user)
            OneDagAuthManager.asked.clear()
            assert client.get(f"{PREFIX}/artifacts", headers=token).status_code == 200
            asked[user] = [sorted(map(str, names)) for names in OneDagAuthManager.asked]
    every = sorted({DAG, GRANTED})
    assert asked == {"admin": [every], "bob": [every, *([name] for name in every)]}
