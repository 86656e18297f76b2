"""What the pages say of a run is what its API says, in the graph, the table, the panels and the task tab."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from ui_browser import PATIENCE_MS, Visit

if TYPE_CHECKING:
    from ui_server import UiServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SHORT_DIGEST = re.compile(r"sha256:[0-9a-f]{8}…[0-9a-f]{4}")


def test_the_table_has_the_steps_states_and_edges_of_the_graph(user: Visit, ui: UiServer) -> None:
    user.open(ui.run_page("ui_digits"), ".lading .st")
    labels = user.page.get_by_role("treeitem").all_inner_texts()
    drawn = {match[1]: (match[2], match[3]) for match in map(STEP.match, labels) if match}
    user.open(ui.run_page("ui_digits", view="table"), ".lading table.t tbody tr")
    rows = [cells(row) for row in user.page.locator(".lading table.t tbody > tr").all()]
    assert {row[0][0] for row in rows} == set(drawn)
    for (name, *_), (state,), _, _, read, wrote in rows:
        label_state, made = drawn[name]
        assert state == label_state
        assert sorted(set(wrote) & set(made.split(", "))) == sorted(made.split(", "))
        if name in EDGES:
            assert read == EDGES[name]


#: Of the label that a screen reader has: name, state, what it made.
STEP = re.compile(r"Step (\w+), (?:4 mapped, 4 )?(\w+), .*?Makes ([^.]+)\.")
EDGES = {
    "load": ["xcom_pull", "digits.csv"],
    "grid": [],
    "split": ["rows", "DataFrame"],
    "train": ["rows", "train_rows", "setting", "list"],
    "choose_best": ["models[i]", "model", "scores[i]", "score"],
    "evaluate": ["model", "best_model", "rows", "test_rows"],
    "report": ["figure", "confusion", "table", "leaderboard"],
}


def cells(row: Any) -> list[list[str]]:
    return [text.split() for text in row.locator("> th, > td").all_inner_texts()]


def test_the_table_of_a_trace_goes_across_dags(user: Visit, ui: UiServer) -> None:
    user.open(ui.lineage_page(artifact=newest(user, "best_model"), view="table"))
    trace = user.page.get_by_role("region", name="Ancestry and descendants").locator("table.t tbody > tr")
    trace.first.wait_for()
    rows = {tuple(row[0] + row[1][:1]): row for row in map(cells, trace.all())}
    assert set(rows) == {
        *(("ui_digits", step) for step in EDGES),
        ("ui_serving", "package"),
        ("ui_serving", "canary"),
    }
    assert {row[2][0] for row in rows.values()} == {"Success"}
    assert rows["ui_digits", "evaluate"][4] == ["model", "best_model"]
    assert rows["ui_serving", "package"][4:] == [["best_model"], ["dict", "kernel", "support"]]


def newest(user: Visit, name: str) -> str:
    found = user.page.request.get(user.server.address("/lading/api/v1/artifacts", name=name))
    identity: str = found.json()["items"][0]["artifact"]["id"]
    return identity


def test_the_panel_of_a_table_says_what_it_is(user: Visit, ui: UiServer) -> None:
    user.open(ui.run_page("ui_digits", node="choose_best/leaderboard"), ".lading .panel .prev")
    panel = user.page.locator(".lading .panel")
    facts = pairs(panel)
    assert facts["Type"] == "pandas.DataFrame"
    assert re.fullmatch(r"[\d.]+ (k?B) arrow", facts["Size"])
    assert SHORT_DIGEST.fullmatch(facts["Digest"])
    assert (facts["Made by"], facts["Used by"]) == ("choose_best", "report as table")
    header = panel.get_by_role("columnheader").all_inner_texts()
    assert [column.split()[0] for column in header if "missing" in column] == ["C", "cv_accuracy", "note"]
    preview = panel.locator(".prev tbody tr").all_inner_texts()
    assert len(preview) == 4
    assert "lowest" in preview[0]


def test_the_panel_of_a_step_says_where_when_and_with_what_it_ran(user: Visit, ui: UiServer) -> None:
    user.open(ui.run_page("ui_digits", node="evaluate"), ".lading .panel a:text('Open log')")
    panel = user.page.locator(".lading .panel")
    facts, text = pairs(panel), panel.inner_text()
    assert (facts["Target"], facts["Operator"]) == ("local", "@task.step")
    assert facts["Python"].startswith("3.")
    for phase in ("stage in", "run", "stage out"):
        assert re.search(rf"{phase}\n[\d.]+ m?s", text), phase
    assert re.search(r"[\d.]+ [MG]iB", facts["Peak memory"])
    assert re.search(r"[\d.]+ m?s", facts["CPU"])
    metrics = dict(line.split("\t")[:2] for line in text.splitlines() if line.count("\t"))
    assert {"accuracy", "f1", "wrong"} <= set(metrics)
    assert metrics["wrong"] == str(attempt(user, "evaluate")["metrics"][-1]["value"])
    panel.get_by_text("Show packages").click()
    assert panel.get_by_text("scikit-learn", exact=True).is_visible()


def test_the_task_tab_says_parameters_attempts_and_previews(user: Visit, ui: UiServer) -> None:
    user.open(ui.task_page("ui_digits", "grid"), ".lading .bill")
    page = user.page.locator(".lading")
    step = page.get_by_role("region", name="Step")
    step.get_by_text("changed").first.wait_for()  # what changed is asked for after the step itself
    assert pairs(step)["gamma"] == "0.1 changed"
    user.open(ui.task_page("ui_digits", "evaluate"), ".lading .bill")
    page.locator(".figure img").first.wait_for()
    facts = pairs(step)
    assert facts["Target"].split() == ["local", "@task.step"]
    assert {"Peak memory", "CPU", "read", "written"} <= set(facts)
    attempts = page.get_by_role("region", name="Attempts")
    assert attempts.get_by_role("listitem").all_inner_texts()[0].split()[:3] == ["try", "1", "Success"]
    assert SHORT_DIGEST.search(page.inner_text())
    page.get_by_text("pixel_0_0").first.wait_for()  # the schema of an input
    outputs = page.get_by_role("region", name="Outputs")
    assert outputs.locator(".metric").all_inner_texts()[2].split()[:2] == ["wrong", wrong(user)]


def test_the_link_to_the_log_leads_to_the_log(user: Visit, ui: UiServer) -> None:
    user.open(ui.run_page("ui_failing", node="train"), ".lading .panel")
    user.page.locator(".lading .panel").get_by_role("link", name="Open log").first.click()
    run = quote(ui.newest("ui_failing"))
    user.page.wait_for_url(f"**/ui_failing/runs/{run}/tasks/train/mapped/2*", timeout=PATIENCE_MS)
    user.page.wait_for_function("!document.querySelector('.lading')")  # it is Airflow's page
    user.page.get_by_role("link", name="Logs").wait_for()


def wrong(user: Visit) -> str:
    return str({one["name"]: one["value"] for one in attempt(user, "evaluate")["metrics"]}["wrong"])


def attempt(user: Visit, task: str) -> Any:
    run = quote(user.server.newest("ui_digits"), safe="")
    place = f"/lading/api/v1/dags/ui_digits/runs/{run}/tasks/{task}"
    found = user.page.request.get(user.server.address(place))
    return json.loads(found.text())["attempts"][0]


def pairs(place: Any) -> dict[str, str]:
    """Names and values of the lists of facts in it."""
    names = place.locator("dt").all_inner_texts()
    values = place.locator("dd").all_inner_texts()
    return {
        " ".join(name.split()): " ".join(value.split()) for name, value in zip(names, values, strict=True)
    }
