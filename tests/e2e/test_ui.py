"""The pages of lineage in Airflow, in a real browser: what a person does there works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from lading_testkit import require_service
from ui_browser import Visit, visit
from ui_large import large_run
from ui_server import ROOT, UiServer

if TYPE_CHECKING:
    from collections.abc import Iterator

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

AXE = ROOT / "provider/ui/node_modules/axe-core/axe.min.js"


@pytest.fixture
def user(browser: Any, ui: UiServer) -> Iterator[Visit]:
    """A test leaves no error in the console."""
    with visit(browser, ui) as seen:
        yield seen
        assert seen.errors == []
        assert seen.strangers == []


def test_the_run_tab_shows_steps_and_artifacts(user: Visit, ui: UiServer) -> None:
    user.open(ui.run_page("demo_digits"), ".lading .st")
    names = user.page.locator(".lading .st .t").all_inner_texts()
    assert sorted(name.split("\n")[0] for name in names) == [
        "choose", "cross_check", "evaluate", "load", "report", "settings", "split", "train",
    ]  # fmt: skip
    assert user.page.locator(".lading .st.map .cnt").inner_text() == "×9"
    assert user.page.locator(".lading .strip i.s-success").count() == 9
    assert user.page.locator(".lading .e").count() > 0


def test_a_mapped_step_unfolds_and_folds(user: Visit, ui: UiServer) -> None:
    user.open(ui.run_page("demo_digits"), ".lading .st")
    user.page.locator(".lading .unfold").click()
    user.page.get_by_role("treeitem", name="Step train[8]").wait_for()
    user.page.wait_for_url("**open=train*")
    user.page.locator(".lading .branches").focus()
    user.page.keyboard.press("e")
    user.page.get_by_role("treeitem", name="Step train[8]").wait_for(state="detached")


def test_a_click_does_not_mount_the_page_anew(user: Visit, ui: UiServer) -> None:
    user.open(ui.run_page("demo_digits"), ".lading .st")
    user.page.evaluate("document.querySelector('.lading .canvas').dataset.seen = 'yes'")
    user.page.get_by_role("button", name="Show values").click()
    user.page.get_by_role("treeitem", name="Step split").click()
    user.page.locator(".lading .panel").wait_for()
    assert "values=0" in user.page.url
    assert user.page.locator(".lading .canvas").get_attribute("data-seen") == "yes"


def test_hovering_an_edge_names_the_parameter(user: Visit, ui: UiServer) -> None:
    user.open(ui.run_page("ui_digits"), ".lading .st")
    pill = user.page.get_by_role("treeitem", name="Table train_rows").bounding_box()
    user.page.mouse.move(pill["x"] + pill["width"] + 5, pill["y"] + pill["height"] / 2)
    assert user.page.locator(".lading .param").inner_text() == "rows"


def test_a_click_opens_the_panel_of_an_artifact_and_of_a_step(user: Visit, ui: UiServer) -> None:
    user.open(ui.run_page("ui_digits"), ".lading .st")
    user.page.get_by_role("treeitem", name="Model best_model").click()
    panel = user.page.locator(".lading .panel")
    panel.get_by_text("sklearn.SVC").first.wait_for()
    assert panel.locator("h2").inner_text() == "best_model"
    user.page.wait_for_url("**node=choose_best%2Fbest_model*")
    user.page.get_by_role("treeitem", name="Step split").click()
    panel.get_by_text("ui_digits:split").wait_for()
    assert panel.get_by_role("region", name="Code").inner_text().count("def split") == 1
    user.page.keyboard.press("Escape")
    panel.wait_for(state="detached")
    assert "node=" not in user.page.url


def test_a_failed_step_says_why_and_what_to_do(user: Visit, ui: UiServer) -> None:
    user.open(ui.run_page("ui_failing"), ".lading .st.s-failed")
    user.page.get_by_role("button", name="1 failed").click()
    panel = user.page.locator(".lading .panel")
    panel.get_by_text("gamma must be below 2, got 2").wait_for()
    assert panel.get_by_text("your code", exact=True).count() == 1
    assert panel.get_by_text("What to do").count() == 1
    assert panel.locator(".cellrow .s-failed").inner_text() == "2"
    assert user.page.locator(".lading .st.s-upstream_failed").count() == 2


def test_the_table_says_the_same_as_the_graph(user: Visit, ui: UiServer) -> None:
    user.open(ui.run_page("demo_digits"), ".lading .st")
    cards = user.page.locator(".lading .st").count()
    user.page.get_by_role("button", name="Table").click()
    rows = user.page.locator(".lading table.t tbody > tr")
    expect(rows).to_have_count(cards)
    user.page.get_by_role("button", name="Duration").click()
    user.page.get_by_role("button", name="Unfold train").click()
    expect(rows).to_have_count(cards + 9)


def test_the_task_tab_shows_what_went_in_and_came_out(user: Visit, ui: UiServer) -> None:
    user.open(ui.task_page("ui_digits", "evaluate"), ".lading .bill")
    page = user.page.locator(".lading")
    page.get_by_text("2 inputs").wait_for()
    assert page.get_by_role("region", name="Inputs").get_by_text("best_model").count() == 1
    outputs = page.get_by_role("region", name="Outputs")
    assert outputs.get_by_text("confusion").count() >= 1
    assert outputs.get_by_text("accuracy").count() >= 1
    page.get_by_text("changed since the run before").first.wait_for()
    assert page.get_by_role("region", name="Code").inner_text().count("DIVISOR") >= 2


def test_two_runs_are_compared_side_by_side(user: Visit, ui: UiServer) -> None:
    user.open(ui.dag_page("ui_digits"), ".lading table.t tbody tr")
    boxes = user.page.get_by_role("checkbox", name="Compare run")
    expect(boxes).to_have_count(3)
    boxes.nth(0).click()
    boxes.nth(1).click()
    user.page.get_by_role("button", name="Compare A and B").click()
    page = user.page.locator(".lading")
    page.get_by_text("metrics.").first.wait_for()
    assert "code of train, evaluate" in page.get_by_role("status").first.inner_text()
    assert page.get_by_role("region", name="Parameters").get_by_text("gamma").count() == 1
    page.get_by_text("DIVISOR = 16.0").first.wait_for()
    page.get_by_label("Only differences").check()
    user.page.wait_for_url("**only=1*")


def test_runs_are_sorted_filtered_and_charted(user: Visit, ui: UiServer) -> None:
    user.open(ui.dag_page("ui_digits"), ".lading table.t tbody tr")
    column = user.page.locator(".lading table.t tbody tr td:nth-child(6)")
    user.page.get_by_role("columnheader", name="gamma").get_by_role("button").click()
    expect(column).to_have_text(["0.001", "0.01", "0.1"])
    user.page.get_by_role("searchbox").fill("gamma > 0.005")
    expect(column).to_have_count(2)
    user.page.locator(".lading select").first.select_option("evaluate.accuracy")
    chart = user.page.locator(".lading svg.chart")
    expect(chart).to_have_attribute("aria-label", re.compile("^evaluate.accuracy over 2 runs"))


def test_search_finds_by_name_metric_and_digest(user: Visit, ui: UiServer) -> None:
    user.open(ui.lineage_page(), ".lading table.t tbody tr")
    field = user.page.get_by_role("searchbox", name="Search artifacts")
    field.fill("best_model")
    rows = user.page.locator(".lading table.t tbody tr")
    user.page.wait_for_function("document.querySelectorAll('.lading table.t tbody tr').length === 3")
    digest = rows.first.locator("td").nth(3).get_attribute("title")
    field.fill(digest)
    user.page.wait_for_function("document.querySelectorAll('.lading table.t tbody tr').length < 3")
    assert all(digest[7:15] in row for row in rows.all_inner_texts())
    field.fill("metric:best_cv_accuracy>0.9 best_model")
    user.page.wait_for_function("document.querySelectorAll('.lading table.t tbody tr').length === 2")
    field.fill("there is no such artifact")
    user.page.get_by_text("No artifact matches").wait_for()
    user.page.get_by_role("button", name="Clear filters").click()
    user.page.wait_for_function("document.querySelectorAll('.lading table.t tbody tr').length > 3")


def test_search_is_narrowed_by_time_and_its_choices_are_counted(user: Visit, ui: UiServer) -> None:
    user.open(ui.lineage_page(q="best_model"), ".lading table.t tbody tr")
    page = user.page
    rows = page.locator(".lading table.t tbody tr")
    filters = page.get_by_role("complementary", name="Filters")
    digits = filters.get_by_role("checkbox", name="ui_digits 3")
    digits.focus()
    page.keyboard.press("Space")
    expect(filters.get_by_role("checkbox", name="SVC 3")).to_be_visible()
    expect(filters.get_by_role("checkbox", name="ui_serving 0")).to_be_visible()
    filters.get_by_role("checkbox", name="Last 30 days 3").focus()
    page.keyboard.press("Space")
    page.wait_for_url("**from=30d*")
    expect(rows).to_have_count(3)
    filters.get_by_label("Until").fill("2001-02-03T04:05")
    page.get_by_text("No artifact matches").wait_for()
    assert "from=" not in page.url
    page.reload()
    expect(filters.get_by_label("Until")).to_have_value("2001-02-03T04:05")
    expect(filters.get_by_role("checkbox", name="Last 30 days 3")).not_to_be_checked()
    page.get_by_text("No artifact matches").wait_for()
    page.get_by_role("button", name="Clear Until").click()
    expect(rows).to_have_count(3)
    assert "to=" not in page.url


def test_a_run_that_failed_stands_between_the_versions(user: Visit, ui: UiServer) -> None:
    open_place(user, ui, "versions")
    user.page.get_by_role("group", name=re.compile("1 failed run$")).wait_for()
    mark = user.page.get_by_role("link", name="run that failed")
    assert "AttributeError" in mark.get_attribute("aria-label")
    mark.focus()
    user.page.keyboard.press("Enter")
    failed = ui.runs("ui_serving")[1]
    user.page.wait_for_url(f"**/ui_serving/runs/{quote(failed)}/tasks/package/**")
    user.page.locator(".lading .bill").wait_for()


def test_a_model_leads_back_to_the_raw_data_in_three_clicks(user: Visit, ui: UiServer) -> None:
    user.open(ui.lineage_page(q="best_model dag:ui_digits"), ".lading table.t tbody tr")
    user.page.get_by_role("link", name="best_model").first.click()
    user.page.get_by_role("treeitem", name="Table DataFrame").click()
    user.page.get_by_role("treeitem", name="Table DataFrame").click()
    user.page.get_by_role("heading", name="DataFrame").wait_for()
    user.page.get_by_text("ui_digits / load").first.wait_for()


def test_lineage_goes_on_in_other_dags(user: Visit, ui: UiServer) -> None:
    user.open(ui.lineage_page(q="best_model dag:ui_digits"), ".lading table.t tbody tr")
    user.page.get_by_role("link", name="best_model").first.click()
    user.page.locator(".lading .bandname").nth(1).wait_for()
    assert sorted(user.page.locator(".lading .bandname .strong").all_inner_texts()) == [
        "ui_digits",
        "ui_serving",
    ]
    user.page.get_by_role("button", name="Down", exact=True).click()
    user.page.get_by_role("treeitem", name="Step load").wait_for(state="detached")
    user.page.get_by_role("treeitem", name="Step package").wait_for()


def test_everything_works_by_the_keyboard(user: Visit, ui: UiServer) -> None:
    user.open(ui.run_page("ui_digits"), ".lading .st")
    page = user.page
    page.locator(".lading .tool input").focus()
    for _ in range(20):
        if page.evaluate("document.activeElement.getAttribute('role')") == "tree":
            break
        page.keyboard.press("Tab")
    active = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).innerText"
    assert page.evaluate(active) is not None
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    walked = page.evaluate(active)
    page.keyboard.press("Enter")
    page.locator(".lading .panel").wait_for()
    assert page.locator(".lading .panel h2").inner_text() in walked
    page.wait_for_function("document.activeElement.closest('.panel') !== null")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "tree"
    page.keyboard.press("Escape")
    page.locator(".lading .panel").wait_for(state="detached")
    page.keyboard.press("t")
    page.locator(".lading table.t").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("best")
    page.wait_for_url("**find=best*")


def test_the_dark_mode_of_the_host_is_followed(user: Visit, ui: UiServer) -> None:
    user.open(ui.run_page("ui_digits"), ".lading .st")
    canvas = "getComputedStyle(document.querySelector('.lading .canvas')).backgroundColor"
    light = user.page.evaluate(canvas)
    user.page.evaluate("document.documentElement.className = 'dark'")
    assert user.page.evaluate(canvas) != light


@pytest.mark.parametrize("place", ["run", "task", "dag", "artifact"])
def test_a_deep_link_survives_reload(user: Visit, ui: UiServer, place: str) -> None:
    a, b = ui.runs("ui_digits")[1], ui.runs("ui_digits")[0]
    address, ready = {
        "run": (ui.run_page("ui_digits", node="train", open="train", values="0"), ".lading .panel h2"),
        "task": (ui.task_page("ui_digits", "train", 2), ".lading .bill"),
        "dag": (ui.dag_page("ui_digits", run_a=a, run_b=b, compare="1"), ".lading .two"),
        "artifact": (ui.lineage_page(q="metric:accuracy>0.5"), ".lading table.t"),
    }[place]
    user.open(address, ready)
    before = user.page.url
    user.page.reload()
    user.page.locator(ready).first.wait_for()
    assert user.page.url == before


def test_the_pages_speak_chinese_when_the_host_does(browser: Any, ui: UiServer) -> None:
    with visit(browser, ui, locale="zh-CN") as seen:
        seen.page.evaluate("localStorage.setItem('i18nextLng', 'zh-CN')")
        seen.open(ui.run_page("ui_digits"), ".lading .st")
        assert seen.page.get_by_role("button", name="显示数值").count() == 1
        assert seen.page.get_by_placeholder("查找步骤或产物").count() == 1
        assert seen.errors == []


def test_the_pages_work_below_a_path(browser: Any, ui: UiServer) -> None:
    below = UiServer(ui.home, path="/some/where")
    below.start()
    try:
        with visit(browser, below) as seen:
            seen.open(below.run_page("ui_digits"), ".lading .st")
            seen.page.get_by_role("treeitem", name="Step evaluate").click()
            seen.page.locator(".lading .panel").get_by_role("link", name="Open page").click()
            seen.page.locator(".lading .bill").wait_for()
            assert "/some/where/dags/ui_digits/" in seen.page.url
            seen.open(below.lineage_page(q="best_model"), ".lading table.t tbody tr")
            seen.page.get_by_role("link", name="best_model").first.click()
            seen.page.locator(".lading .st").first.wait_for()
            assert seen.page.url.startswith(f"{below.base}/plugin/lading?artifact=")
            assert seen.errors == []
    finally:
        below.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "place",
    ["run", "panel", "table", "failed", "task", "dag", "compare", "search", "artifact", "versions", "large"],
)
def test_axe_finds_nothing_serious(user: Visit, ui: UiServer, place: str, scheme: str) -> None:
    require_service("chromium", AXE.is_file(), f"{AXE} is absent; make ui brings it")
    user.page.add_init_script(f"localStorage.setItem('theme', '{scheme}')")
    open_place(user, ui, place)
    user.page.evaluate(Path(AXE).read_text())
    found = user.page.evaluate("axe.run('.lading', {resultTypes: ['violations']})")
    serious = [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]
    assert serious == []
    assert found["passes"]


def open_place(user: Visit, ui: UiServer, place: str) -> None:
    """One of the pages, loaded."""
    runs = ui.runs("ui_digits")
    if place == "artifact":
        user.open(ui.lineage_page(q="best_model dag:ui_digits"), ".lading table.t tbody tr")
        user.page.get_by_role("link", name="best_model").first.click()
        user.page.locator(".lading .st").first.wait_for()
    elif place == "versions":
        user.open(ui.lineage_page(q="dag:ui_serving package"), ".lading table.t tbody tr")
        user.page.locator(".lading table.t tbody a").first.click()
        user.page.locator(".lading .st").first.wait_for()
    elif place == "large":
        serve_large(user, 100)
        user.open(ui.run_page("ui_digits", legend="1"), ".lading .canvas")
    else:
        address = {
            "run": ui.run_page("ui_digits"),
            "panel": ui.run_page("ui_digits", node="choose_best/leaderboard"),
            "table": ui.run_page("ui_digits", view="table"),
            "failed": ui.run_page("ui_failing", node="train"),
            "task": ui.task_page("ui_digits", "evaluate"),
            "dag": ui.dag_page("ui_digits"),
            "compare": ui.dag_page("ui_digits", run_a=runs[1], run_b=runs[0], compare="1"),
            "search": ui.lineage_page(**{"from": "30d"}),
        }[place]
        user.open(address)
    user.settle()


def serve_large(user: Visit, steps: int) -> None:

    user.page.route("**/graph", lambda route: route.fulfill(json=large_run(steps, 25)))
