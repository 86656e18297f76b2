"""Whatever users name or return is shown, and a browser runs none of it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from ui_browser import visit
from ui_server import DAGS, UiServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PAYLOADS: list[str] = json.loads((DAGS / "payloads.json").read_text())
TASKS = ("table", "tree", "text", "page", "folder", "outside", "pushed", "fails")
WATCH = """
window.ran = [];
for (const name of ["alert", "confirm", "prompt"])
  window[name] = (text) => window.ran.push(`${name} ${text}`);
"""


def test_there_are_a_hundred_payloads() -> None:
    assert len(set(PAYLOADS)) >= 100


def test_nothing_of_a_user_runs(browser: Any, ui: UiServer) -> None:
    run = ui.newest("ui_hostile")
    with visit(browser, ui) as seen:
        assert failed(seen, run) == ["fails"]  # of all others there are values and previews
        seen.page.add_init_script(WATCH)
        addresses = [
            *(ui.task_page("ui_hostile", task) for task in TASKS),
            *(ui.run_page("ui_hostile", run, node=task) for task in ("tree", "outside", "fails", "pushed")),
            ui.run_page("ui_hostile", run, view="table"),
            ui.run_page("ui_hostile", run, find=PAYLOADS[0]),
            ui.dag_page("ui_hostile"),
            ui.dag_page("ui_hostile", filter=PAYLOADS[0]),
            ui.lineage_page(q="dag:ui_hostile"),
            *(ui.lineage_page(q=payload) for payload in PAYLOADS[:6]),
            *(ui.lineage_page(artifact=artifact) for artifact in artifacts(seen, run)),
        ]
        shown = ""
        for address in addresses:
            seen.open(address)
            seen.settle()
            seen.page.evaluate(
                "document.querySelectorAll('.lading details').forEach((one) => (one.open = true))"
            )
            shown += seen.page.locator(".lading").inner_text()
            hover_everything(seen.page)
            assert seen.page.evaluate("window.ran") == [], address
            assert foreign_elements(seen.page) == [], address
        assert seen.dialogs == []
        assert seen.strangers == []
        # they were really there
        assert sum(payload.strip() in shown for payload in PAYLOADS) >= len(PAYLOADS) // 3


def failed(seen: Any, run: str) -> list[str]:
    address = seen.server.address(f"/lading/api/v1/dags/ui_hostile/runs/{quote(run)}/graph")
    steps = seen.page.request.get(address).json()["steps"]
    assert {step["task_id"] for step in steps} == set(TASKS)
    return [step["task_id"] for step in steps if step["state"] != "success"]


def artifacts(seen: Any, run: str) -> list[str]:
    found = seen.page.request.get(
        seen.server.address("/lading/api/v1/artifacts", dag_id="ui_hostile", limit="100")
    )
    assert found.ok, found.text()
    return [item["artifact"]["id"] for item in found.json()["items"]][:25]


HOVER = """
for (const one of document.querySelectorAll('.lading *'))
  for (const kind of ['mouseover', 'focus', 'animationstart', 'toggle']) one.dispatchEvent(new Event(kind));
"""
FOREIGN = """() => {
  const names = ['script', 'iframe', 'object', 'embed', 'video', 'audio', 'form', 'meta', 'base', 'link',
    'style', 'foreignobject', 'animate', 'image', 'use', 'math'];
  const links = ['href', 'src', 'action', 'formaction', 'xlink:href'];
  const bad = (a) => /^on/i.test(a.name)
    || links.includes(a.name) && /^\\s*(javascript|vbscript):/i.test(a.value);
  return [...document.querySelectorAll('.lading *')]
    .filter((one) => names.includes(one.tagName.toLowerCase()) || [...one.attributes].some(bad))
    .map((one) => one.outerHTML.slice(0, 200));
}"""


def hover_everything(page: Any) -> None:
    """Handlers such as onmouseover would run now."""
    page.evaluate(HOVER)


def foreign_elements(page: Any) -> list[str]:
    """Elements and attributes that our pages never make."""
    found: list[str] = page.evaluate(FOREIGN)
    return found


def test_the_watch_sees_what_would_run(browser: Any, ui: UiServer) -> None:
    """The test above would notice: put into a page as HTML, the payloads do run."""
    with visit(browser, ui) as seen:
        seen.page.add_init_script(WATCH)
        seen.open(ui.lineage_page())
        seen.page.evaluate(
            "(payloads) => { document.querySelector('.lading').innerHTML = payloads.join('') }", PAYLOADS
        )
        seen.page.wait_for_function("window.ran.length > 0")
        assert foreign_elements(seen.page) != []
