"""What keeps the pages quick: their size, and how much of a large graph is drawn. Times and frames are
printed for ``benchmarks/README.md``: machines differ too much to fail for them."""

from __future__ import annotations

import gzip
import time
from typing import Any

import pytest

from ui_browser import visit
from ui_large import large_run
from ui_server import ROOT, UiServer

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(1800)]

BUNDLE = ROOT / "provider/src/lading/plugin/static/lading.js"
PAN = """async () => {
  const target = document.querySelector('.lading .canvas');
  const box = target.getBoundingClientRect();
  const common = { bubbles: true, button: 0, buttons: 1, pointerId: 1, isPrimary: true };
  const fire = (kind, x, y) =>
    target.dispatchEvent(new PointerEvent(kind, { ...common, clientX: box.x + x, clientY: box.y + y }));
  const frame = () => new Promise(requestAnimationFrame);
  target.setPointerCapture = () => {};  // no real pointer is down
  fire('pointerdown', 600, 300);
  await frame();
  const started = performance.now();
  for (let n = 1; n <= 90; n++) {
    fire('pointermove', 600 - 9 * n, 300 + 60 * Math.sin(n / 8));
    await frame();
  }
  const seconds = (performance.now() - started) / 1000;
  fire('pointercancel', 0, 300);
  return 90 / seconds;
}"""
USABLE = """() => {
  const loaded = performance.getEntriesByType('resource').find((one) => one.name.endsWith('/lading.js'));
  document.querySelector('.lading .branches').focus();
  return performance.now() - loaded.responseEnd;
}"""


def test_the_bundle_is_small() -> None:
    assert len(gzip.compress(BUNDLE.read_bytes(), mtime=0)) <= 350 * 1024


@pytest.mark.parametrize("zoom", ["far", "near"])
def test_of_two_thousand_nodes_few_are_drawn_while_one_pans(browser: Any, ui: UiServer, zoom: str) -> None:
    with visit(browser, ui) as seen:
        seen.page.route("**/graph", lambda route: route.fulfill(json=large_run(667, 30)))
        seen.open(ui.run_page("ui_digits"), ".lading .canvas")
        seen.page.locator(".lading .world").wait_for(state="attached")
        if zoom == "far":
            seen.page.get_by_role("button", name="Fit", exact=True).first.click()
        seen.page.wait_for_timeout(500)
        frames = max(seen.page.evaluate(PAN) for _ in range(3))
        drawn = seen.page.locator(".lading .st, .lading .pl, .lading .bar").count()
        print(f"{zoom}: {frames:.0f} frames a second, {drawn} elements")
        assert 0 < drawn <= 400


def test_a_run_of_three_hundred_nodes_can_be_used_once_it_is_drawn(browser: Any, ui: UiServer) -> None:
    with visit(browser, ui) as seen:
        seen.page.route("**/graph", lambda route: route.fulfill(json=large_run(100, 10)))
        took = []
        for _ in range(3):
            seen.open(ui.run_page("ui_digits"), ".lading .canvas")
            seen.page.wait_for_function("document.querySelectorAll('.lading .st, .lading .bar').length > 0")
            took.append(seen.page.evaluate(USABLE))
            time.sleep(0.2)
        print("from bundle to usable:", ", ".join(f"{ms:.0f} ms" for ms in took))
        assert seen.page.evaluate("document.activeElement.matches('.lading .branches')")
