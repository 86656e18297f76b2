"""The plugin says where its pages are only if they are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading import plugin

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_DESTINATIONS = {
    "dag_run": "lading-run",
    "task_instance": "lading-task",
    "dag": "lading-dag",
    "nav": "lading",
}


def test_without_a_bundle_there_are_no_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "_STATIC", tmp_path)
    assert plugin._react_apps() == []


def test_each_place_has_a_route_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lading.js").touch()
    monkeypatch.setattr(plugin, "_STATIC", tmp_path)
    apps = plugin._react_apps()
    assert {app["destination"]: app["url_route"] for app in apps} == _DESTINATIONS
    # relative: resolved against the base URL, which may have a path
    assert {app["bundle_url"] for app in apps} == {"lading/static/lading.js"}


def test_the_application_is_built_only_when_asked_for() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from lading.plugin import LadingPlugin; print('lading.plugin.api.app' in sys.modules); "
    )
    code += "LadingPlugin.fastapi_apps; print('lading.plugin.api.app' in sys.modules)"
    argv = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert [line for line in done.stdout.split() if line in ("True", "False")] == ["False", "True"]
