"""Pictures of the pages. ``LADING_UI_IMAGES=docs/images`` puts them there, to be looked at and committed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ui_browser import Visit, visit

if TYPE_CHECKING:
    from ui_server import UiServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

LOOKS = {"light": ("light", "en"), "dark": ("dark", "en"), "zh": ("light", "zh-CN")}


def addresses(ui: UiServer, model: str) -> dict[str, str]:
    runs = ui.runs("ui_digits")
    return {
        "run": ui.run_page("demo_digits"),
        "run-model": ui.run_page("ui_digits", node="choose_best/best_model"),
        "run-failed": ui.run_page("ui_failing", node="train"),
        "run-table": ui.run_page("demo_digits", view="table"),
        "task": ui.task_page("ui_digits", "evaluate"),
        "dag": ui.dag_page("ui_digits", run_a=runs[1], run_b=runs[0], metric="evaluate.accuracy"),
        "compare": ui.dag_page("ui_digits", run_a=runs[1], run_b=runs[0], compare="1"),
        "search": ui.lineage_page(q="model"),
        "artifact": ui.lineage_page(artifact=model),
    }


def newest_model(seen: Visit) -> str:
    found = seen.page.request.get(seen.server.address("/lading/api/v1/artifacts", name="best_model"))
    identity: str = found.json()["items"][0]["artifact"]["id"]
    return identity


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_drawn(browser: Any, ui: UiServer, tmp_path: Path, look: str) -> None:
    kept = os.environ.get("LADING_UI_IMAGES")
    folder = Path(kept) if kept else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    theme, language = LOOKS[look]
    with visit(browser, ui, locale=language) as seen:
        seen.page.add_init_script(
            f"localStorage.setItem('theme', '{theme}'); localStorage.setItem('i18nextLng', '{language}')"
        )
        for name, address in addresses(ui, newest_model(seen)).items():
            seen.open(address)
            seen.settle()
            seen.page.wait_for_timeout(400)
            picture = folder / f"{name}-{look}.png"
            seen.page.screenshot(path=picture)
            assert seen.page.locator(".lading .message.bad").count() == 0, name
            assert picture.stat().st_size > 20_000
        assert seen.errors == []
