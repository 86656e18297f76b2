"""What the lineage API answers, and how it fails."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from api_samples import MODEL, PAGE_ID, artifact_id, fill
from api_server import PREFIX, headers, serving
from lading.lineage.index.rows import uid
from lading.lineage.nodes import ArtifactKey, StepKey
from lading_runner.contract import ArtifactRef
from lineage_samples import DAG, RUN, event, ref, report, sweep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from fastapi.testclient import TestClient

    from lading_runner.store import ArtifactStore


@pytest.fixture(scope="module")
def api(airflow_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("store")) as client:
        fill([*sweep(), *report()])
        client.headers.update(headers("viewer"))
        yield client


def get(api: TestClient, path: str, status: int = 200) -> Any:
    answer = api.get(PREFIX + path)
    assert answer.status_code == status, answer.text[:500]
    return answer.json()


def store() -> ArtifactStore:
    from lading import deployment

    return deployment.store()


def stored(content: bytes, format_: str = "bytes", task_id: str = "stored") -> str:
    """Id of a new artifact of DAG ``stored`` with these bytes in the store."""
    digest, size = store().put_bytes(content)
    ref = ArtifactRef(digest, size, format_, "bytes")
    number = int(digest[7:15], 16)
    fill([event(task_id, n=number, dag_id="stored", outputs={"return_value": ref})])
    step = StepKey("stored", RUN, task_id, -1)
    return uid("artifact", ArtifactKey(step, "return_value", None, digest).id)


def test_the_graph_of_a_run_has_its_steps_artifacts_and_edges(api: TestClient) -> None:
    graph = get(api, f"/dags/{DAG}/runs/{quote(RUN)}/graph")
    assert len(graph["steps"]) == 14
    train = next(task for task in graph["tasks"] if task["task_id"] == "train")
    assert (train["total"], train["mapped"], train["states"]) == (8, True, {"success": 8})
    choose = next(step["id"] for step in graph["steps"] if step["task_id"] == "choose")
    read = [edge["param"] for edge in graph["edges"] if edge["step"] == choose and edge["kind"] == "read"]
    assert sorted(read) == [f"models[{n}]" for n in range(8)]
    settings = next(a for a in graph["artifacts"] if a["task_id"] == "settings")
    into = {e["element"] for e in graph["edges"] if e["artifact"] == settings["id"] and e["kind"] == "read"}
    assert into == {f"[{n}]" for n in range(8)}
    chosen = next(a for a in graph["artifacts"] if a["task_id"] == "choose")
    assert chosen["identical"] == 1
    assert [e["uri"] for e in graph["externals"]] == ["sklearn://digits"]
    assert graph["truncated"] is None


def test_a_cut_graph_keeps_what_failed_and_tells_both_numbers(api: TestClient) -> None:
    failed = [
        one.replace(id=one.id[:-12] + "f" + one.id[-11:], task=one.task.replace(run_id="failed"))
        for one in sweep(failed=3)
    ]
    fill(failed)
    graph = get(api, f"/dags/{DAG}/runs/failed/graph?limit=6")
    assert graph["truncated"]["shown"] == len(graph["steps"]) + len(graph["artifacts"])
    assert graph["truncated"]["total"] > 6 >= graph["truncated"]["shown"]
    assert [s["error"] for s in graph["steps"] if s["status"] == "failed"] == [
        "ValueError: n_estimators must be positive"
    ]
    train = next(task for task in graph["tasks"] if task["task_id"] == "train")
    assert train["states"] == {"success": 7, "failed": 1}


def test_a_task_instance_has_all_attempts_newest_first(api: TestClient) -> None:
    found = get(api, f"/dags/{DAG}/runs/{quote(RUN)}/tasks/train?map_index=2")
    assert [(a["try_number"], a["status"]) for a in found["attempts"]] == [(2, "succeeded"), (1, "failed")]
    assert found["attempts"][1]["error"]["failure"] == "infra"
    assert {i["param"] for i in found["attempts"][0]["inputs"]} == {"setting", "rows"}
    assert found["attempts"][0]["environment"]["versions"] == {}
    assert found["log_path"].endswith("/tasks/train/mapped/2")
    get(api, f"/dags/{DAG}/runs/{quote(RUN)}/tasks/train?map_index=99", 404)


def test_an_artifact_has_its_producer_consumers_versions_and_twins(api: TestClient) -> None:
    page = get(api, f"/artifacts/{MODEL}")
    assert page["producer"]["task_id"] == "choose"
    assert {(c["step"]["dag_id"], c["step"]["task_id"]) for c in page["consumers"]} >= {
        (DAG, "evaluate"), ("report", "predict"),
    }  # fmt: skip
    assert {(a["task_id"], a["map_index"]) for a in page["identical"]} == {("train", 5)}
    assert page["stored"] is False
    trace = get(api, f"/artifacts/{PAGE_ID}/ancestry")
    assert {run["dag_id"] for run in trace["runs"]} == {DAG, "report"}
    old = [s for s in trace["steps"] if s["superseded"]]
    assert [(s["task_id"], s["try_number"]) for s in old] == [("predict", 1)]


def test_runs_are_compared(api: TestClient) -> None:
    other = [
        one.replace(id=one.id[:-12] + "e" + one.id[-11:], task=one.task.replace(run_id="other"),
                    metrics={**one.metrics, **({"accuracy": 0.5} if one.task.task_id == "evaluate" else {})})
        for one in sweep()
    ]  # fmt: skip
    fill(other)
    found = get(api, f"/dags/{DAG}/compare?run_a={quote(RUN, safe='')}&run_b=other")
    differing = [task["task_id"] for task in found["tasks"] if not task["same"]]
    assert differing == ["evaluate"]
    metric = next(m for m in found["tasks"] if m["task_id"] == "evaluate")["metrics"][0]
    assert (metric["name"], metric["better"], round(metric["delta"], 3)) == ("accuracy", "a", -0.475)
    assert (found["differences"]["better_a"], found["differences"]["metrics"]) == (1, 1)
    table = get(api, f"/dags/{DAG}/runs")
    column = next(c for c in table["metrics"] if c["key"] == "evaluate.accuracy")
    assert (column["higher_is_better"], column["varies"]) == (True, True)
    first = get(api, f"/dags/{DAG}/runs?limit=1")
    second = get(api, f"/dags/{DAG}/runs?limit=1&cursor={first['next']}")
    assert first["runs"][0]["run_id"] != second["runs"][0]["run_id"]


def test_pages_of_a_search_follow_each_other(api: TestClient) -> None:
    seen, cursor = [], ""
    while cursor is not None:
        found = get(api, "/artifacts?q=train&limit=3" + (f"&cursor={cursor}" if cursor else ""))
        seen += [item["artifact"]["id"] for item in found["items"]]
        cursor = found["next"]
    assert len(seen) == len(set(seen)) >= 8
    best = get(api, "/artifacts?metric=train.accuracy%3E%3D0.98")
    assert {item["artifact"]["map_index"] for item in best["items"]} == {5}


def test_a_search_has_a_time_and_counts_of_its_choices(api: TestClient) -> None:
    day = {"made_gte": "2026-11-20T20:00:05+08:00", "made_lt": "2026-11-20T12:00:30Z"}
    found = api.get(f"{PREFIX}/artifacts", params={**day, "dag_id": DAG, "run_id": RUN}).json()["items"]
    assert {item["artifact"]["task_id"] for item in found} == {"train"}
    assert len(found) == 8
    since = ["2026-11-20T12:00:30Z", "2026-11-20T12:00:00Z"]
    asked = {**day, "dag_id": DAG, "run_id": RUN, "since": since}
    told = api.get(f"{PREFIX}/artifacts/counts", params=asked).json()
    assert told["types"] == {"counts": {"sklearn.RandomForestClassifier": 8}, "more": False}
    assert told["dag_ids"] == {"counts": {DAG: 8}, "more": False}
    assert told["since"] == [{"count": 3, "more": False}, {"count": 15, "more": False}]
    for wrong in (
        "yesterday",
        "2026-11-20",
        "2026-11-20T12:00:00",
        "1763640000",
    ):  # without an offset it is no moment
        assert get(api, f"/artifacts?made_gte={wrong}", 422)["code"] == "invalid"
    get(api, "/artifacts/counts?" + "&".join(["since=2026-11-20T12:00:00Z"] * 6), 422)


def test_runs_that_failed_stand_between_the_versions(api: TestClient) -> None:
    made = [
        event("fit", n=1, at_s=1, dag_id="fits", run_id="good", outputs={"return_value": ref("fit")}),
        event("fit", n=2, at_s=2, dag_id="fits", run_id="bad", status="failed",
              error={"type": "ValueError", "message": "no rows", "class": "user"}),
    ]  # fmt: skip
    fill(made)
    page = get(api, f"/artifacts/{artifact_id('fits', 'good', 'fit', ref('fit').digest)}")
    assert [(f["run_id"], f["error"], f["ended"]) for f in page["failures"]] == [
        ("bad", "ValueError: no rows", "2026-11-20T12:00:02.000Z")
    ]
    assert get(api, f"/artifacts/{MODEL}")["failures"] == []


def test_a_download_is_an_attachment_that_runs_nowhere(api: TestClient) -> None:
    content = b"<script>alert(1)</script>" * 1000
    answer = api.get(f"{PREFIX}/artifacts/{stored(content, 'html', 'page')}/download")
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_damaged_bytes_are_not_given(api: TestClient) -> None:
    from lading_runner.store.keys import blob_key

    name = stored(b"good bytes")
    page = get(api, f"/artifacts/{name}")
    assert page["stored"] is True
    store().objects.write(blob_key(page["artifact"]["digest"]), b"evil bytes")
    problem = get(api, f"/artifacts/{name}/download", 502)
    assert problem["code"] == "artifact_corrupt"
    assert "evil" not in json.dumps(problem)
    store().objects.delete(blob_key(page["artifact"]["digest"]))
    problem = get(api, f"/artifacts/{name}/download", 404)
    assert problem["code"] == "artifact_missing"
    assert "file://" not in problem["detail"]


def test_a_preview_is_given_as_it_is_and_only_if_it_is_json(api: TestClient) -> None:
    name = stored(b"with a preview", "my/format")
    assert get(api, f"/artifacts/{name}/preview", 404)["code"] == "no_preview"
    digest = get(api, f"/artifacts/{name}")["artifact"]["digest"][7:]
    key = f"previews/{digest[:2]}/{digest}-my%2Fformat.json"
    store().objects.write(key, b'{"preview": 1, "kind": "text", "text": "</script>", "mean": NaN}')
    assert get(api, f"/artifacts/{name}")["preview"] is True
    shown = get(api, f"/artifacts/{name}/preview")
    assert shown == {"preview": 1, "kind": "text", "text": "</script>", "mean": None}
    for damaged in (b"<html>", b"[" * 100_000):
        store().objects.write(key, damaged)
        assert get(api, f"/artifacts/{name}/preview", 502)["code"] == "artifact_corrupt"
    store().objects.write(key, b'"' + b"x" * (513 << 10) + b'"')
    assert get(api, f"/artifacts/{name}/preview", 404)["code"] == "no_preview"


def test_the_code_of_an_attempt_is_text(api: TestClient) -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("step.py", "def train(): ...\n")
        archive.writestr("bomb.py", "#" * (64 << 20))
        archive.writestr("../../etc/passwd.py", "x")
        archive.writestr("model.bin", b"\0\1")
    digest, _ = store().put_bytes(file.getvalue())
    fill([event("coded", n=77, dag_id="stored", code={"digest": digest, "entry": "step:train"})])
    found = get(api, f"/dags/stored/runs/{quote(RUN)}/tasks/coded/code")
    assert found["files"][0] == {"path": "step.py", "text": "def train(): ...\n", "truncated": False}
    assert (len(found["files"][1]["text"]), found["files"][1]["truncated"]) == (256 << 10, True)
    assert found["truncated"] is True
    store().objects.write(f"blobs/sha256/{digest[7:9]}/{digest[7:]}", b"PK no zip")
    assert get(api, f"/dags/stored/runs/{quote(RUN)}/tasks/coded/code", 502)["code"] == "artifact_corrupt"


def test_numbers_that_json_lacks_do_not_break_a_page(api: TestClient) -> None:
    odd = event(
        "odd", n=78, dag_id="stored", metrics={"loss": float("nan"), "ok": 1}, params={"x": float("inf")}
    )
    key = odd.key()
    raw = json.dumps(odd.to_json())
    assert "NaN" in raw
    store().objects.write(key, raw.encode())
    fill([])
    found = get(api, f"/dags/stored/runs/{quote(RUN)}/tasks/odd")
    assert [(m["name"], m["value"]) for m in found["attempts"][0]["metrics"]] == [("loss", None), ("ok", 1)]
    get(api, f"/dags/stored/runs/{quote(RUN)}/graph")
    get(api, "/dags/stored/runs")


def test_damaged_events_are_told_to_operators_alone(api: TestClient) -> None:
    store().objects.write("lineage/2026-11-20/broken.json", b"{")
    fill([])
    assert get(api, "/index")["damaged"] is None
    told = api.get(f"{PREFIX}/index", headers=headers("admin")).json()
    assert [change["name"] for change in told["damaged_keys"]] == ["lineage/2026-11-20/broken.json"]


def test_what_is_wrong_with_the_tables_is_a_problem_with_a_cure(api: TestClient) -> None:
    from lading import database
    from lading.lineage.index import tables as t
    from lading.plugin.api import reader

    engine = database.engine()
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE lading_event RENAME TO lading_event_away"))
    try:
        assert get(api, "/artifacts/facets")["dag_ids"]  # it does not need that table
        assert get(api, f"/dags/{DAG}/runs/{quote(RUN)}/graph", 503)["code"] == "index_unavailable"
        assert api.get("/api/v2/dags").status_code == 200  # Airflow's own go on
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE lading_event_away RENAME TO lading_event"))
    for found, code in (("0000", "index_missing"), ("9999", "index_newer")):
        reader.forget()
        with engine.begin() as connection:
            connection.execute(sa.text(f"UPDATE {t.VERSION_TABLE} SET version_num = '{found}'"))
        assert get(api, "/index", 503)["code"] == code
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {t.VERSION_TABLE} SET version_num = '{t.REVISION}'"))
    database.migrate("base")
    problem = get(api, "/index", 503)
    assert (problem["code"], "airflow db migrate" in problem["detail"]) == ("index_missing", True)
    assert api.get("/api/v2/dags").status_code == 200
    database.migrate()
    fill([])
    assert get(api, "/index")["events"] >= len([*sweep(), *report()])
