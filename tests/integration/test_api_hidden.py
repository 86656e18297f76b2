"""What a DAG that a user may not read changes in the answers to that user: nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING
from urllib.parse import quote

from api_samples import MODEL, PAGE_ID, REPORT_RUN, fill
from api_server import GRANTED, PREFIX, OneDagAuthManager, headers, serving
from lineage_samples import DAG, RUN, model, report, sweep

if TYPE_CHECKING:
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


def answers(client: TestClient) -> dict[str, tuple[int, bytes]]:
    found = {}
    for query in QUERIES:
        answer = client.get(PREFIX + query, headers=headers("bob"))
        found[query] = answer.status_code, answer.content
    return found


def test_a_hidden_dag_leaves_no_trace(airflow_db: None, tmp_path: Path) -> None:
    """Byte by byte the same, whether the DAG that bob may not read is there or not."""
    seen = []
    for name, events in (("with", [*sweep(), *report()]), ("without", report())):
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        with serving(tmp_path / "store") as client:
            fill(events)
            seen.append(answers(client))
            if name == "with":  # the fault is there: somebody else sees more
                admin = client.get(f"{PREFIX}/artifacts/{PAGE_ID}/ancestry", headers=headers("admin"))
                assert DAG in admin.text
                counts = client.get(f"{PREFIX}/artifacts/counts", headers=headers("admin")).json()
                assert set(counts["dag_ids"]["counts"]) == {DAG, GRANTED}
    assert seen[0] == seen[1]
    assert sum(status == 200 for status, _ in seen[0].values()) >= 27


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
