"""The browser tests share one filled database and one server."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lading_testkit import require_service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ui_browser import Visit
    from ui_server import UiServer


@pytest.fixture(scope="session")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        import playwright  # noqa: F401
    except ImportError:
        found = None
    require_service(
        "chromium", found is not None, "it needs Chromium on PATH and the Python package playwright"
    )
    assert found is not None
    return found


@pytest.fixture(scope="session")
def ui(chromium: str, ui_homes: Path) -> Iterator[UiServer]:
    from ui_server import UiServer

    server = UiServer(ui_homes / "samples")
    server.fill()
    with served(server):
        yield server


@pytest.fixture(scope="session")
def hostile_ui(chromium: str, ui_homes: Path) -> Iterator[UiServer]:
    from ui_server import UiServer

    server = UiServer(ui_homes / "hostile")
    server.fill_with_hostile_names()
    with served(server):
        yield server


@pytest.fixture(scope="session")
def ui_homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``LADING_UI_HOME`` names a folder that is filled once and kept, which saves minutes."""
    kept = os.environ.get("LADING_UI_HOME")
    return Path(kept) if kept else tmp_path_factory.mktemp("ui")


@contextmanager
def served(server: UiServer) -> Iterator[None]:
    try:
        server.start()
        yield
    finally:
        server.stop()


@pytest.fixture(scope="module")  # its event loop must not outlive these tests: Airflow wants one of its own
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        # as root there is no sandbox; the pages are our own
        found = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def visitor(browser: Any, ui: UiServer) -> Iterator[Visit]:
    from ui_browser import visit

    with visit(browser, ui) as seen:
        yield seen


@pytest.fixture
def user(visitor: Visit) -> Iterator[Visit]:
    """A test leaves no error in the console."""
    yield visitor
    assert visitor.errors == []
