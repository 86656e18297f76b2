"""Whatever users name or return is shown, and a browser runs none of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from ui_browser import Visit, visit
from ui_server import DAGS, UiServer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

DAG = "ui_hostile"
PAYLOADS: list[str] = list(dict.fromkeys(json.loads((DAGS / "payloads.json").read_text())))
ALL = len(PAYLOADS)
TASKS = {
    *("table", "tree", "text", "page", "notes", "drawing"),
    *("folder", "measured", "outside", "pushed", "given", "fails"),
}
SLASHES = str.maketrans({"/": "\N{DIVISION SLASH}", "\\": "\N{SET MINUS}"})  # in names of files
PARTS = 4  # an exception has a quarter of them
WATCH = """
window.ran = [];
for (const name of ["alert", "confirm", "prompt"])
  window[name] = (text) => window.ran.push(`${name} ${text}`);
"""
#: What is there once all of it is.
READY = {
    "artifacts of": ".lading :is(.text, .tree, .prev, .figure img)",
    "panel": ".lading .panel a:text('Open log')",
    "task": ".lading .bill",
    "": ".lading table.t tbody tr",
}
#: Where to look, and how many payloads stand there as text.
PLACES = {
    "cells and names of columns": ("artifacts of table", ALL),
    "keys and values of JSON": ("artifacts of tree", ALL),
    "text": ("artifacts of text", ALL),
    "an HTML file": ("artifacts of page", ALL),
    "a Markdown file": ("artifacts of notes", ALL),
    "names of files": ("artifacts of folder", ALL),
    "names of metrics": ("task measured", ALL),
    "names of metrics in the panel": ("panel measured", ALL),
    "names of metrics over the runs": ("dag", ALL),
    "external data": ("task outside", ALL),
    "external data in the panel": ("panel outside", ALL),
    "names and values of parameters": ("task given", 113),  # Airflow renders two
    "parameters in the panel": ("panel given", 113),
    "names and values of artifacts": ("task pushed", 101),  # Airflow refuses the others as keys
    "names of artifacts that were found": ("search", 40),  # a page of them
    "an exception": ("task fails", ALL),
    "an exception in the panel": ("panel fails", ALL // PARTS),
}


@pytest.fixture
def user(browser: Any, hostile_ui: UiServer) -> Iterator[Visit]:
    """No test leaves a dialog or a request to anything but the server."""
    with visit(browser, hostile_ui) as seen:
        seen.page.add_init_script(WATCH)
        yield seen
        assert seen.dialogs == []
        assert seen.strangers == []


def test_there_are_a_hundred_payloads() -> None:
    assert ALL >= 100


def test_everything_hostile_came_about(user: Visit) -> None:
    """Of all but the step that fails there are values and previews."""
    steps = graph(user)["steps"]
    assert {step["task_id"] for step in steps} == TASKS
    failed = [step["task_id"] for step in steps if step["state"] != "success"]
    assert failed == ["fails"] * PARTS


@pytest.mark.parametrize("place", PLACES)
def test_nothing_of_a_user_runs(user: Visit, place: str) -> None:
    where, expected = PLACES[place]
    ready = READY[where.rpartition(" ")[0]]
    shown = "\n".join(looked_at(user, address, ready) for address in addresses(user, where))
    assert len(told(shown)) >= expected, set(PAYLOADS) - set(told(shown))


def test_a_hostile_drawing_is_a_picture(user: Visit) -> None:
    for address in addresses(user, "artifacts of drawing"):
        looked_at(user, address, READY["artifacts of"])
        picture = user.page.locator(".lading .figure img")
        assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 120
        assert user.page.evaluate("window.ran") == []


def test_nothing_that_is_typed_or_in_an_address_runs(user: Visit) -> None:
    server = user.server
    for payload in PAYLOADS[:4]:
        looked_at(user, server.dag_page(DAG, filter=payload))
        looked_at(user, server.lineage_page(q=payload))
    looked_at(user, server.run_page(DAG, find=PAYLOADS[0], node=PAYLOADS[0], open=PAYLOADS[0]))
    for payload in PAYLOADS:
        user.page.locator(".lading .tool input").fill(payload)
        assert foreign_elements(user.page) == [], payload
    assert user.page.evaluate("window.ran") == []


def addresses(user: Visit, where: str) -> list[str]:
    kind, _, task = where.rpartition(" ")
    server = user.server
    if kind == "artifacts of":
        made = [one["id"] for one in graph(user)["artifacts"] if one["task_id"] == task]
        return [server.lineage_page(artifact=one) for one in made]
    if not kind:
        return [server.dag_page(DAG) if task == "dag" else server.lineage_page(q=f"dag:{DAG}")]
    if kind == "panel":
        return [server.run_page(DAG, node=task)]
    if task == "fails":
        return [server.task_page(DAG, task, part) for part in range(PARTS)]
    return [server.task_page(DAG, task)]


def looked_at(user: Visit, address: str, ready: str = ".lading") -> str:
    """The text of a page on which everything was opened, and nothing ran."""
    user.open(address, ready)
    user.settle()
    user.page.evaluate("document.querySelectorAll('.lading details').forEach((one) => (one.open = true))")
    hover_everything(user.page)
    text: str = user.page.locator(".lading").inner_text()
    assert user.page.evaluate("window.ran") == [], address
    assert foreign_elements(user.page) == [], address
    return text


def told(shown: str) -> list[str]:
    """The payloads that a text has; one that is only part of another does not count."""
    left, found = squeezed(shown), []
    for payload in sorted(PAYLOADS, key=len, reverse=True):
        here = [form for form in forms(payload) if form in left]
        found += [payload] if here else []
        for form in here:
            left = left.replace(form, "\0")
    return found


def squeezed(text: str) -> str:
    """How much white space there is, is a page's own affair."""
    return " ".join(text.split())


def forms(payload: str) -> list[str]:
    """Strings in a tree of JSON are written as JSON has them."""
    as_json = json.dumps(payload, ensure_ascii=False)[1:-1]
    return [squeezed(form) for form in dict.fromkeys((payload, as_json, payload.translate(SLASHES)))]


def graph(user: Visit) -> Any:
    run = quote(user.server.newest(DAG))
    found = user.page.request.get(user.server.address(f"/lading/api/v1/dags/{DAG}/runs/{run}/graph"))
    assert found.ok, found.text()
    return found.json()


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


def test_the_watch_sees_what_would_run(user: Visit) -> None:
    """The tests above would notice: put into a page as HTML, the payloads do run."""
    user.open(user.server.lineage_page())
    user.page.evaluate(
        "(payloads) => { document.querySelector('.lading').innerHTML = payloads.join('') }", PAYLOADS
    )
    user.page.wait_for_function("window.ran.length > 0")
    assert foreign_elements(user.page) != []
    user.strangers.clear()
