"""Backends by name."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from lading.backends import registry
from lading.backends.venv import VenvBackend
from lading.errors import ConfigError, UnknownTarget


def test_our_own_backends_are_known_without_an_installed_distribution() -> None:
    assert {"local", "venv"} <= set(registry.names())
    assert registry.get("venv") is VenvBackend


def test_every_backend_goes_by_the_name_it_is_registered_under() -> None:
    assert all(registry.get(name).name == name for name in registry.names())


def test_the_list_of_names_imports_no_backend() -> None:
    program = (
        "import sys; from lading.backends import registry; registry.names(); "
        "print([m for m in sys.modules if m in ('lading.backends.venv', 'lading.backends.local')])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_an_unknown_backend_is_refused_with_what_is_there_and_the_nearest_name() -> None:
    with pytest.raises(
        UnknownTarget, match=r"'vnev' is not installed; installed: .*local.*; did you mean 'venv'"
    ):
        registry.get("vnev")


def test_a_backend_of_another_package_is_found_and_a_broken_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = (
        EntryPoint("good", "lading.backends.venv:VenvBackend", registry.GROUP),
        EntryPoint("broken", "no_such_package.backend:Backend", registry.GROUP),
        EntryPoint("venv", "no_such_package.backend:Backend", registry.GROUP),
    )
    monkeypatch.setattr(registry, "entry_points", lambda group: [p for p in points if p.group == group])
    registry._places.cache_clear()
    try:
        assert registry.get("good") is VenvBackend
        assert registry.get("venv") is VenvBackend  # ours cannot be taken over
        with pytest.raises(ConfigError, match=r"'broken' cannot be imported from 'no_such_package.backend"):
            registry.get("broken")
    finally:
        registry._places.cache_clear()
