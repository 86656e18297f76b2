"""What the pages show while they load, when an answer says no, and when none comes; in a real browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ui_browser import PATIENCE_MS, Visit

if TYPE_CHECKING:
    from ui_server import UiServer

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

GRAPH = "**/lading/api/v1/dags/*/runs/*/graph*"


@pytest.fixture
def user(visitor: Visit) -> Visit:
    """Answers that fail leave errors in the console."""
    return visitor


def test_what_is_being_loaded_has_its_place(user: Visit, ui: UiServer) -> None:
    held: list[Any] = []
    user.page.route(GRAPH, lambda route: held.append(route))  # noqa: PLW0108  # Playwright marks the function
    user.open(ui.run_page("ui_digits"), ".lading .sk")
    page = user.page.locator(".lading").first
    before = page.bounding_box()
    assert user.page.locator(".lading .st").count() == 0
    for route in held:
        route.continue_()
    user.page.locator(".lading .st").first.wait_for()
    assert user.page.locator(".lading .sk").count() == 0
    assert page.bounding_box() == before  # nothing shifted


@pytest.mark.parametrize(
    ("status", "code", "cure"),
    [(503, "store_unavailable", None), (503, "index_missing", "airflow db migrate")],
)
def test_an_error_says_what_to_do_and_can_be_tried_again(
    user: Visit, ui: UiServer, status: int, code: str, cure: str | None
) -> None:
    told = f"the answer of this test, {code}"
    problem = json.dumps({"title": "A problem", "status": status, "detail": told, "code": code})
    kind = "application/problem+json"
    user.page.route(GRAPH, lambda route: route.fulfill(status=status, content_type=kind, body=problem))
    user.open(ui.run_page("ui_digits"))
    page = user.page.locator(".lading")
    expect(page.get_by_text(told)).to_be_visible(timeout=PATIENCE_MS)
    assert page.get_by_text("airflow db migrate").count() == (cure is not None)
    assert user.page.get_by_role("link", name="Dags").first.is_visible()  # Airflow's own page goes on
    user.page.unroute(GRAPH)
    page.get_by_role("button", name="Try again").click()
    user.page.locator(".lading .st").first.wait_for()


def test_a_lost_connection_keeps_the_picture_and_says_how_old_it_is(user: Visit, ui: UiServer) -> None:
    lost: list[Any] = []

    def still_running(route: Any) -> None:
        if lost:
            route.abort("internetdisconnected")
            return
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "state": "running"})

    user.page.route(GRAPH, still_running)
    user.open(ui.run_page("ui_digits"), ".lading .st")
    page, cards = user.page.locator(".lading"), user.page.locator(".lading .st").count()
    lost.append(True)
    expect(page.get_by_text("Paused")).to_be_visible(timeout=PATIENCE_MS)
    assert user.page.locator(".lading .st").count() == cards > 0
    lost.clear()
    page.get_by_role("button", name="Now").click()
    expect(page.get_by_text("Paused")).to_have_count(0, timeout=PATIENCE_MS)
