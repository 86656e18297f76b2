"""What the lineage API tells of attempts and of runs compared, fact by fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from api_samples import PAGE_ID, fill
from api_server import PREFIX, headers, serving
from lineage_samples import by, event, ref, report, sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.testclient import TestClient

KINDS: dict[str, dict[str, Any]] = {
    "code": {"code": {"digest": "sha256:" + "1" * 64, "entry": "step:other"}},
    "environment": {"environment": {"python": "3.12.9", "versions": {"numpy": "2.4.0", "same": "1"}}},
    "params": {"params": {"seed": 8, "same": 1}},
    "inputs": {"inputs": {"rows": (ref("other rows"), by("load", run_id="kinds"))}},
    "metrics": {"metrics": {"accuracy": 0.5, "same": 1}},
    "outputs": {"outputs": {"return_value": ref("other made")}},
}
PLAIN: dict[str, Any] = {
    "code": {"digest": "sha256:" + "0" * 64, "entry": "step:one"},
    "environment": {"python": "3.12.9", "versions": {"numpy": "2.3.1", "same": "1"}},
    "params": {"seed": 7, "same": 1}, "metrics": {"accuracy": 0.9, "same": 1},
    "inputs": {"rows": (ref("rows"), by("load", run_id="kinds"))}, "outputs": {"return_value": ref("made")},
    "timings": {"run_s": 1.5, "stage_in_s": 0.5}, "profile": {"cpu_s": 2.5, "peak_rss_bytes": 5_000_000},
}  # fmt: skip


@pytest.fixture(scope="module")
def api(airflow_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("store")) as client:
        fill([*sweep(), *report()])
        pair_of_runs("kinds")
        client.headers.update(headers("viewer"))
        yield client


def get(api: TestClient, path: str) -> Any:
    answer = api.get(PREFIX + path)
    assert answer.status_code == 200, answer.text[:500]
    return answer.json()


def pair_of_runs(dag_id: str) -> None:
    """Runs ``a`` and ``b`` with a task for each kind, which differs in that kind alone."""
    made = []
    for n, (kind, change) in enumerate(KINDS.items()):
        facts = {"dag_id": dag_id, "at_s": 50 + n}
        made.append(event(kind, n=9000 + n, run_id="a", **facts, **PLAIN))
        made.append(event(kind, n=9100 + n, run_id="b", **facts, **{**PLAIN, **change}))
    fill(made)


@pytest.mark.parametrize("kind", KINDS)
def test_a_difference_of_each_kind_is_told_and_nothing_else(api: TestClient, kind: str) -> None:
    compared = get(api, "/dags/kinds/compare?run_a=a&run_b=b")
    assert {k: compared["differences"][k] for k in KINDS} == dict.fromkeys(KINDS, 1)
    assert compared["differences"]["tasks"] == len(KINDS)
    task = next(t for t in compared["tasks"] if t["task_id"] == kind)
    assert (task["same"], task["only_in"], task["status"]) == (False, None, None)
    told = {
        "code": [task["code"]["name"]] if task["code"] else [],
        "environment": [change["name"] for change in task["environment"]],
        "params": [change["name"] for change in task["params"]],
        "inputs": [change["name"] for change in task["inputs"] if not change["same"]],
        "metrics": [change["name"] for change in task["metrics"] if change["a"] != change["b"]],
        "outputs": [change["name"] for change in task["outputs"] if not change["same"]],
    }
    names = {
        "code": "code", "environment": "package:numpy", "params": "seed", "inputs": "rows",
        "metrics": "accuracy", "outputs": "return_value",
    }  # fmt: skip
    assert told == {k: [names[k]] if k == kind else [] for k in KINDS}


def test_a_task_instance_has_the_facts_of_its_attempt(api: TestClient) -> None:
    (attempt,) = get(api, "/dags/kinds/runs/a/tasks/code")["attempts"]
    assert attempt["environment"]["python"] == "3.12.9"
    assert attempt["environment"]["versions"] == {"numpy": "2.3.1", "same": "1"}
    assert (attempt["timings"], attempt["profile"]) == (PLAIN["timings"], PLAIN["profile"])
    assert (attempt["code"]["digest"], attempt["code"]["entry"]) == tuple(PLAIN["code"].values())
    assert attempt["params"] == PLAIN["params"]
    assert {m["name"]: m["value"] for m in attempt["metrics"]} == PLAIN["metrics"]


def test_a_search_by_parameter_finds_what_its_step_was_given(api: TestClient) -> None:
    found = get(api, "/artifacts?dag_id=kinds&param=seed%3D8")
    assert [(i["artifact"]["run_id"], i["artifact"]["task_id"]) for i in found["items"]] == [("b", "params")]


def test_a_trace_tells_that_it_is_cut(api: TestClient) -> None:
    whole = get(api, f"/artifacts/{PAGE_ID}/ancestry")
    assert whole["truncated"] is None
    cut = get(api, f"/artifacts/{PAGE_ID}/ancestry?limit=4")
    shown = len(cut["steps"]) + len(cut["artifacts"])
    assert cut["truncated"] == {"shown": shown, "total": None}
    assert shown <= 4 < len(whole["steps"]) + len(whole["artifacts"])
