"""The Airflow plugin. Imported by every Airflow process, so it imports nothing heavy."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.plugins_manager import AirflowPlugin

from lading import listener

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("lading")

#: The label of each tab, and the global name under which Airflow keeps the component: one for all pages.
_NAME = "Lineage"
_BUNDLE = "lading/static/lading.js"  # relative: [api] base_url may have a path
_STATIC = Path(__file__).parent / "static"
_PLACES = {
    "dag_run": "lading-run",
    "task_instance": "lading-task",
    "dag": "lading-dag",
    "nav": "lading",
}


class _InApiServer:
    """A class attribute that is made when it is asked for: only the API server asks."""

    def __init__(self, make: Callable[[], list[dict[str, Any]]]) -> None:
        self._make = make
        self._made: list[dict[str, Any]] | None = None

    def __get__(self, instance: object, owner: type) -> list[dict[str, Any]]:
        if self._made is None:
            self._made = self._make()
        return self._made


def _fastapi_apps() -> list[dict[str, Any]]:
    from lading.plugin.api.app import PREFIX, build

    return [{"name": "lading", "app": build(), "url_prefix": PREFIX}]


def _react_apps() -> list[dict[str, Any]]:
    if not (_STATIC / "lading.js").is_file():
        log.info("the pages of Lading are not shown: %s is absent", _STATIC / "lading.js")
        return []
    return [_react_app(destination, route) for destination, route in _PLACES.items()]


def _react_app(destination: str, route: str) -> dict[str, Any]:
    app = {"name": _NAME, "bundle_url": _BUNDLE, "destination": destination, "url_route": route}
    for key, file in (("icon", "icon.svg"), ("icon_dark_mode", "icon-dark.svg")):
        if (_STATIC / file).is_file():
            app[key] = f"lading/static/{file}"
    return {**app, "nav_top_level": True} if destination == "nav" else app


class LadingPlugin(AirflowPlugin):
    name = "lading"
    listeners = [listener]  # noqa: RUF012  # Airflow reads a class attribute
    fastapi_apps = _InApiServer(_fastapi_apps)
    react_apps = _InApiServer(_react_apps)
