"""What changes while a page is open, and what a person does there without a mouse."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ui_browser import Visit
    from ui_server import UiServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

GRAPH = "**/lading/api/v1/dags/*/runs/*/graph*"


def test_a_step_that_begins_and_ends_is_drawn_without_reload(user: Visit, ui: UiServer) -> None:
    """The run goes on between two answers of its API: first ``evaluate`` runs and ``report`` is not there."""
    whole: list[Any] = []
    ended: list[bool] = []

    def answer(route: Any) -> None:
        if not whole:
            whole.append(route.fetch().json())
        route.fulfill(json=whole[0] if ended else going_on(whole[0]))

    user.page.route(GRAPH, answer)
    user.open(ui.run_page("ui_digits"), ".lading .st.s-running")
    user.page.evaluate("document.querySelector('.lading .canvas').dataset.seen = 'yes'")
    evaluate = user.page.get_by_role("treeitem", name="Step evaluate")
    assert "Running" in evaluate.inner_text()
    assert user.page.get_by_role("treeitem", name="Step report").count() == 0
    ended.append(True)
    user.page.get_by_role("treeitem", name="Step report, Success").wait_for()
    user.page.get_by_role("treeitem", name="Step evaluate, Success").wait_for()
    assert user.page.locator(".lading .st.s-running").count() == 0
    assert user.page.locator(".lading .canvas").get_attribute("data-seen") == "yes"


def test_a_cached_step_says_so_in_graph_table_and_panel(user: Visit, ui: UiServer) -> None:
    def answer(route: Any) -> None:
        graph = route.fetch().json()
        for one in (*graph["steps"], *graph["tasks"]):
            if one["task_id"] == "evaluate":
                one["cached"] = 1 if "total" in one else True
        for step in graph["steps"]:
            if step["task_id"] == "evaluate":
                step["status"] = "cached"
        route.fulfill(json=graph)

    user.page.route(GRAPH, answer)
    user.open(ui.run_page("ui_digits", node="evaluate"), ".lading .st.cached")
    assert user.page.locator(".lading .st.cached").count() == 1
    card = user.page.get_by_role("treeitem", name="Step evaluate, Success, cached")
    card.get_by_text("cached", exact=True).wait_for()
    user.page.locator(".lading .panel").get_by_text("cached", exact=True).first.wait_for()
    user.open(ui.run_page("ui_digits", view="table"), ".lading table.t tbody tr")
    row = user.page.locator(".lading table.t tbody tr", has_text="evaluate").first
    row.get_by_text("cached", exact=True).wait_for()
    assert user.page.locator(".lading table.t").get_by_text("cached", exact=True).count() == 1


def going_on(whole: Any) -> Any:
    """The same run a little before."""
    graph = copy.deepcopy(whole)
    graph["state"] = "running"
    gone = {step["id"] for step in graph["steps"] if step["task_id"] == "report"}
    for name in ("tasks", "steps", "artifacts"):
        graph[name] = [one for one in graph[name] if one["task_id"] != "report"]
    graph["edges"] = [edge for edge in graph["edges"] if edge["step"] not in gone]
    graph["dependencies"] = [one for one in graph["dependencies"] if "report" not in one.values()]
    for step in graph["steps"]:
        if step["task_id"] == "evaluate":
            step.update(state="running", status=None)
    for task in graph["tasks"]:
        if task["task_id"] == "evaluate":
            task["states"] = {"running": 1}
    return graph


def test_two_runs_are_picked_and_compared_by_keys_alone(user: Visit, ui: UiServer) -> None:
    user.open(ui.dag_page("ui_digits"), ".lading table.t tbody tr")
    user.settle()
    page = user.page
    page.locator(".lading").get_by_role("combobox").first.focus()
    for _ in range(2):
        tab_to(user, "getAttribute('role') === 'checkbox' || active.type === 'checkbox'")
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
    page.wait_for_url("**run_a=*")
    tab_to(user, "innerText.includes('Compare A and B')", key="Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**compare=1*")
    page.locator(".lading").get_by_text("metrics.").first.wait_for()
    tab_to(user, "type === 'checkbox'")  # only differences
    page.keyboard.press("Space")
    page.wait_for_url("**only=1*")


def tab_to(user: Visit, condition: str, key: str = "Tab") -> None:
    """Presses a key until what has the focus is of ours and meets the condition."""
    ask = f"active => active.closest('.lading') !== null && (active.{condition})"
    for _ in range(60):
        if user.page.evaluate_handle("document.activeElement").evaluate(ask):
            return
        user.page.keyboard.press(key)
    raise AssertionError(f"60 times {key} led nowhere: {condition}")
