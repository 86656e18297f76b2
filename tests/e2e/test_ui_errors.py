"""What the pages show where one answer fails and the others come: in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ui_browser import PATIENCE_MS, Visit

if TYPE_CHECKING:
    from ui_server import UiServer

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TASK = re.compile(r"/lading/api/v1/dags/[^/]+/runs/[^/]+/tasks/[^/]+\?")
CODE = re.compile(r"/tasks/[^/]+/code\?")
PAGE = re.compile(r"/lading/api/v1/artifacts/[0-9a-f]{32}$")
PREVIEW = re.compile(r"/preview$")
TOLD = "the answer of this test; run: lading doctor"


@pytest.fixture
def user(visitor: Visit) -> Visit:
    """Answers that fail leave errors in the console."""
    return visitor


def fail(user: Visit, pattern: re.Pattern[str], status: int, code: str) -> None:
    problem = json.dumps({"title": "A problem", "status": status, "detail": TOLD, "code": code})
    kind = "application/problem+json"
    user.page.route(pattern, lambda route: route.fulfill(status=status, content_type=kind, body=problem))


def change(user: Visit, **changes: Any) -> None:
    """Answers for artifacts have ``changes``."""

    def changed(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), **changes})

    user.page.route(PAGE, changed)


def artifact(user: Visit, ui: UiServer, task_id: str) -> str:
    """Page of the output of one task in the newest run of ``ui_digits``."""
    asked = {"run_id": ui.newest("ui_digits"), "task_id": task_id}
    found = user.page.request.get(f"{ui.base}/lading/api/v1/artifacts", params=asked).json()["items"]
    return ui.lineage_page(artifact=found[0]["artifact"]["id"])


def panel(user: Visit, ui: UiServer, node: str) -> Any:
    user.open(ui.run_page("ui_digits", node=node), ".lading .panel")
    return user.page.locator(".lading .panel")


@pytest.mark.parametrize("where", ["panel", "page"])
def test_a_store_that_fails_is_not_shown_as_one_without_a_preview(
    user: Visit, ui: UiServer, where: str
) -> None:
    change(user, stored=None, preview=None, store_problem=TOLD)
    if where == "panel":
        page = panel(user, ui, "load/return_value")
    else:
        user.open(artifact(user, ui, "load"))
        page = user.page.locator(".lading")
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text(TOLD, timeout=PATIENCE_MS)
    assert page.get_by_text("No preview was stored").count() == 0
    user.page.unroute(PAGE)
    notice.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("region", name="Table")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    assert page.get_by_role("alert").count() == 0


def test_a_preview_that_cannot_be_read_can_be_tried_again(user: Visit, ui: UiServer) -> None:
    fail(user, PREVIEW, 502, "artifact_corrupt")
    page = panel(user, ui, "load/return_value")
    expect(page.get_by_role("alert")).to_contain_text(TOLD, timeout=PATIENCE_MS)
    user.page.unroute(PREVIEW)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("region", name="Table")).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.parametrize(("status", "code"), [(502, "artifact_corrupt"), (503, "store_unavailable")])
def test_source_that_cannot_be_read_is_not_said_to_be_absent(
    user: Visit, ui: UiServer, status: int, code: str
) -> None:
    fail(user, CODE, status, code)
    page = panel(user, ui, "split")
    expect(page.get_by_role("alert")).to_contain_text(TOLD, timeout=PATIENCE_MS)
    assert page.get_by_text("not in the store").count() == 0
    user.page.unroute(CODE)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("train_test_split").first).to_be_visible(timeout=PATIENCE_MS)


def test_absent_source_is_said_to_be_absent(user: Visit, ui: UiServer) -> None:
    fail(user, CODE, 404, "not_found")
    page = panel(user, ui, "split")
    expect(page.get_by_text("The source is not in the store")).to_be_visible(timeout=PATIENCE_MS)
    assert page.get_by_role("alert").count() == 0


@pytest.mark.parametrize(
    ("node", "pattern", "then"),
    [("split", TASK, "train_test_split"), ("load/return_value", PAGE, "First 20 of")],
)
def test_the_panel_says_why_it_has_nothing_to_show(
    user: Visit, ui: UiServer, node: str, pattern: re.Pattern[str], then: str
) -> None:
    fail(user, pattern, 503, "index_unavailable")
    page = panel(user, ui, node)
    expect(page.get_by_role("alert")).to_contain_text(TOLD, timeout=PATIENCE_MS)
    user.page.unroute(pattern)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text(then).first).to_be_visible(timeout=PATIENCE_MS)


def test_inputs_and_outputs_of_a_task_say_why_they_show_no_more(user: Visit, ui: UiServer) -> None:
    fail(user, PAGE, 503, "index_unavailable")
    user.open(ui.task_page("ui_digits", "split"), ".lading .bill")
    cards = user.page.locator(".lading .bill .io")
    alerts = cards.get_by_role("alert")
    expect(alerts).to_have_count(cards.count(), timeout=PATIENCE_MS)
    assert cards.count() >= 3  # what went in, and both that came out
    expect(alerts.first).to_contain_text(TOLD)


def test_columns_are_shown_where_no_preview_is(user: Visit, ui: UiServer) -> None:
    change(user, preview=False)
    page = panel(user, ui, "choose_best/leaderboard")
    rows = page.get_by_role("region", name="Columns").locator("tr")
    expect(rows).to_have_count(3, timeout=PATIENCE_MS)
    assert [row.split() for row in rows.all_inner_texts()[:2]] == [
        ["C", "float64"],
        ["cv_accuracy", "float64"],
    ]


def test_a_value_in_its_row_can_be_downloaded(user: Visit, ui: UiServer) -> None:
    user.open(artifact(user, ui, "grid"))
    with user.page.expect_download() as started:
        user.page.locator(".lading").get_by_role("link", name="Download").click()
    found = json.loads(Path(started.value.path()).read_bytes())
    assert [setting["C"] for setting in found] == [0.1, 1.0, 10.0, 100.0]


def test_a_trace_that_ends_at_its_depth_says_so_and_goes_deeper(user: Visit, ui: UiServer) -> None:
    user.open(artifact(user, ui, "report") + "&depth=3", ".lading .st")
    page = user.page.locator(".lading")
    expect(page.get_by_text("more beyond 3 levels")).to_be_visible()
    shown = page.locator(".st").count()
    page.get_by_role("button", name="Follow 6 levels").click()
    user.page.wait_for_url("**depth=6*")
    expect(page.get_by_text("more beyond")).to_have_count(0, timeout=PATIENCE_MS)
    expect(page.get_by_role("treeitem", name="Step load")).to_be_visible(timeout=PATIENCE_MS)
    assert page.locator(".st").count() > shown


@pytest.mark.parametrize("how", ["button", "key"])
def test_a_page_without_tls_copies_too_and_says_so(user: Visit, ui: UiServer, how: str) -> None:
    user.page.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'clipboard', {get: () => undefined})"
    )
    page = panel(user, ui, "load/return_value")
    if how == "button":
        page.get_by_role("button", name="Copy digest").click()
    else:
        user.page.locator(".lading .branches").focus()
        user.page.keyboard.press("c")
    expect(user.page.get_by_text("Copied", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    user.page.keyboard.press("/")
    user.page.keyboard.press("Control+v")
    found = user.page.locator(".lading input").first.input_value()
    assert found == page.locator("[title^='sha256:']").first.get_attribute("title")
