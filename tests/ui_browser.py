"""A browser page that is logged in, and remembers everything that went wrong in it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ui_server import PASSWORD, USER, UiServer

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_MS = 60_000


@dataclass
class Visit:
    page: Any
    server: UiServer
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    dropped: int = 0  # requests, by the browser, as the networks of this machine changed

    def open(self, address: str, ready: str = ".lading") -> None:
        """Again where a request was dropped: of the script of our pages Airflow asks once."""
        from playwright.sync_api import Error

        for last in (False, False, True):
            dropped, errors = self.dropped, len(self.errors)
            try:
                self.page.goto(address)
                self.page.locator(ready).first.wait_for(state="visible")
            except Error:
                if last or self.dropped == dropped:
                    raise
                del self.errors[errors:]
            else:
                return

    def drop(self) -> None:
        self.dropped += 1

    def settle(self) -> None:
        """Until nothing of ours is being loaded."""
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_function("!document.querySelector('.lading .sk')")


@contextlib.contextmanager
def visit(browser: Any, server: UiServer, **options: Any) -> Iterator[Visit]:
    """``options`` are those of a browser context: ``color_scheme``, ``locale``, ``viewport``, …"""
    options.setdefault("viewport", {"width": 1440, "height": 900})
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    seen = Visit(page, server)
    page.on("console", lambda message: _counts(message) and seen.errors.append(_where(message)))
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
    own = ("data:", "blob:", f"http://127.0.0.1:{server.port}/")
    page.on("request", lambda request: request.url.startswith(own) or seen.strangers.append(request.url))
    page.on("requestfailed", lambda request: _drops(request) and seen.drop())
    page.on("popup", lambda popup: seen.strangers.append(popup.url))
    log_in(page, server)
    seen.errors.clear()
    try:
        yield seen
    finally:
        context.close()


# A container that starts on this machine adds a network, at which Chromium drops open requests.
def _drops(request: Any) -> bool:
    return "ERR_NETWORK_CHANGED" in (request.failure or "")


def _counts(message: Any) -> bool:
    return message.type == "error" and "ERR_NETWORK_CHANGED" not in message.text


def _where(message: Any) -> str:
    return f"{message.text} ({message.location.get('url')})"


def log_in(page: Any, server: UiServer) -> None:
    page.goto(server.base + "/auth/login")
    page.locator("input[name=username]").fill(USER)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    page.wait_for_url(lambda url: "/auth/login" not in url)
