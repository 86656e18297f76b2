"""The pages in their host: its switches, its addresses, its languages, and an index that is damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lading_testkit import require_service
from ui_browser import Visit, visit
from ui_server import ROOT, UiServer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

AXE = ROOT / "provider/ui/node_modules/axe-core/axe.min.js"
PLACES = ("run", "task", "dag", "compare", "search", "artifact")
SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const shift of list.getEntries())
    if (shift.sources.every(({ node }) => (node?.closest ? node : node?.parentElement)?.closest(".lading")))
      window.shifted += shift.value;
}).observe({ type: "layout-shift", buffered: true });
"""


def address(seen: Visit, place: str, **query: str) -> str:
    ui = seen.server
    runs = ui.runs("ui_digits")
    if place == "artifact":
        found = seen.page.request.get(ui.address("/lading/api/v1/artifacts", name="best_model")).json()
        return ui.lineage_page(artifact=found["items"][0]["artifact"]["id"], **query)
    return {
        "run": lambda: ui.run_page("ui_digits", node="evaluate"),
        "task": lambda: ui.task_page("ui_digits", "evaluate"),
        "dag": lambda: ui.dag_page("ui_digits"),
        "compare": lambda: ui.dag_page("ui_digits", run_a=runs[1], run_b=runs[0], compare="1"),
        "search": ui.lineage_page,
    }[place]()


READY = {
    "run": ".lading .panel a[href*='/tasks/']",
    "task": ".lading .bill",
    "dag": ".lading table.t tbody tr",
    "compare": ".lading .two",
    "search": ".lading table.t tbody tr",
    "artifact": ".lading .st",
}


@pytest.mark.parametrize("place", PLACES)
def test_what_is_ours_does_not_shift_while_it_loads(user: Visit, place: str) -> None:
    """Airflow's own header and tabs do and take ours with them, so that shifts of ours alone count."""
    user.page.add_init_script(SHIFTS)
    user.open(address(user, place), READY[place])
    user.settle()
    moved = user.page.evaluate("new Promise(requestAnimationFrame).then(() => window.shifted)")
    print(f"{place}: {moved:.4f}")
    assert moved < 0.02


BRIGHTNESS = """() => {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = getComputedStyle(document.querySelector(".lading .canvas")).backgroundColor;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
  return (red + green + blue) / 3;
}"""


def test_the_host_s_own_switch_makes_the_pages_dark(user: Visit, ui: UiServer) -> None:
    user.open(ui.run_page("ui_digits"), ".lading .st")
    user.settle()
    user.page.evaluate("document.querySelector('.lading .canvas').dataset.seen = 'yes'")
    seen = {}
    for mode in ("Dark", "Light"):
        user.page.get_by_role("button", name="User").click()
        user.page.get_by_role("menuitem", name="Appearance").hover()
        user.page.get_by_text(f"{mode} Mode").or_(user.page.get_by_text(mode, exact=True)).first.click()
        user.page.wait_for_function(f"document.documentElement.classList.contains('{mode.lower()}')")
        seen[mode] = user.page.evaluate(BRIGHTNESS)
        user.page.keyboard.press("Escape")
    assert seen["Dark"] < 80 < 200 < seen["Light"]
    assert user.page.locator(".lading .canvas").get_attribute("data-seen") == "yes"  # without a reload


HEADINGS = {
    "run": ("指标", "位置", "时间", "代码", "环境", "输入", "日志"),
    "task": ("2 个输入", "步骤", "3 个输出", "环境", "尝试"),
    "dag": ("运行", "状态", "时长", "变更"),
    "compare": ("指标", "代码", "输出", "参数", "环境", "资源"),
    "search": ("血缘", "产物", "产出自", "指标", "摘要", "产出时间"),
    "artifact": ("版本", "来源与去向", "指标", "影响"),
}


@pytest.mark.parametrize("place", PLACES)
def test_every_page_is_in_chinese_and_axe_finds_nothing_serious(
    browser: Any, ui: UiServer, place: str
) -> None:
    require_service("chromium", AXE.is_file(), f"{AXE} is absent; make ui brings it")
    with visit(browser, ui, locale="zh-CN") as seen:
        seen.page.add_init_script("localStorage.setItem('i18nextLng', 'zh-CN')")
        seen.open(address(seen, place), READY[place])
        seen.settle()
        found = seen.page.locator(".lading").locator("h1, h2, h3, header, th[scope=col]").all_inner_texts()
        first = [text.split("\n")[0] for text in found]
        assert [heading for heading in HEADINGS[place] if heading not in first] == [], first
        seen.page.evaluate(Path(AXE).read_text())
        audit = seen.page.evaluate("axe.run('.lading', {resultTypes: ['violations']})")
        grave = [one["id"] for one in audit["violations"] if one["impact"] in ("serious", "critical")]
        assert grave == []
        assert audit["passes"]
        assert seen.errors == []


@pytest.mark.parametrize("place", ["artifact", "task"])
def test_an_address_with_all_of_its_parts_survives_reload(user: Visit, ui: UiServer, place: str) -> None:
    user.open(address(user, "artifact"), ".lading .st")
    node = user.page.get_by_role("treeitem", name="Table train_rows")
    node.click()
    user.page.wait_for_url("**node=*")
    user.page.get_by_role("button", name="Up", exact=True).click()
    user.page.get_by_label("Depth").select_option("6")
    user.page.wait_for_url("**depth=6*")
    if place == "task":
        user.open(address(user, "task"), READY["task"])
    state = place_state(user)
    assert len(state) > 3
    before = user.page.url
    user.page.reload()
    user.page.locator(READY[place]).first.wait_for()
    user.settle()
    assert user.page.url == before
    assert place_state(user) == state


def place_state(user: Visit) -> list[str]:
    """What is pressed, chosen and selected, and what the page is about."""
    user.settle()
    pressed = user.page.locator(".lading [aria-pressed=true]").all_inner_texts()
    chosen = user.page.locator(".lading select").evaluate_all("(all) => all.map((one) => one.value)")
    selected = user.page.locator(".lading [aria-selected=true]").all_inner_texts()
    return [*pressed, *chosen, *selected, *user.page.locator(".lading :is(h1, .bill h3)").all_inner_texts()]


def test_all_pages_work_below_a_path(browser: Any, ui: UiServer) -> None:
    below = UiServer(ui.home, path="/some/where")
    below.start()
    try:
        with visit(browser, below) as seen:
            for place in ("dag", "artifact", "task"):
                seen.open(address(seen, place), READY[place])
                seen.settle()
                links = seen.page.locator(".lading a[href]").evaluate_all(
                    "(all) => all.map((one) => new URL(one.href).pathname)"
                )
                assert links or place == "dag"
                assert [link for link in links if not link.startswith("/some/where/")] == []
            seen.open(address(seen, "dag"), READY["dag"])
            seen.page.locator(".lading table.t tbody a").first.click()
            seen.page.locator(".lading .st").first.wait_for()
            assert seen.page.url.startswith(f"{below.base}/dags/ui_digits/runs/")
            assert seen.errors == []
    finally:
        below.stop()


@pytest.fixture
def damaged(ui: UiServer) -> Iterator[UiServer]:
    """The main table of the index has another name; it gets its own back."""
    rename(ui, "lading_event", "lading_event_lost")
    try:
        yield ui
    finally:
        rename(ui, "lading_event_lost", "lading_event")


def rename(ui: UiServer, old: str, new: str) -> None:
    with sqlite3.connect(ui.home / "airflow" / "airflow.db", timeout=60) as database:
        database.execute("pragma legacy_alter_table = on")  # what refers to it keeps the name
        database.execute(f"alter table {old} rename to {new}")


def test_a_damaged_index_is_said_and_airflow_goes_on(browser: Any, damaged: UiServer) -> None:
    with visit(browser, damaged) as seen:
        for place in ("run", "task", "dag", "search"):
            seen.open(address(seen, place), ".lading .message.bad")
            told = seen.page.locator(".lading .message.bad").inner_text()
            assert "lading index rebuild" in told or "airflow db migrate" in told, told
            assert seen.page.get_by_role("link", name="Dags").first.is_visible()
        seen.page.goto(damaged.address("/dags"))
        seen.page.get_by_role("link", name="ui_digits").first.wait_for()
        rename(damaged, "lading_event_lost", "lading_event")
        seen.open(address(seen, "search"), READY["search"])
        rename(damaged, "lading_event", "lading_event_lost")
