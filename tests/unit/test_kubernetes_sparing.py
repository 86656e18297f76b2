"""The official client imported class by class is the client that is imported as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import lading.backends.kubernetes.sparing as subject

AS_A_WHOLE = "import kubernetes"
SPARING = "from lading.backends.kubernetes.sparing import sparing\nwith sparing():\n    import kubernetes"
ALL = """
import importlib, json, sys
found = {}
for package in ("kubernetes", "kubernetes.client", "kubernetes.client.api", "kubernetes.client.models"):
    names = {}
    exec(f"from {package} import *", names)
    here = importlib.import_module(package)
    assert all(getattr(here, name) is names[name] for name in names if name != "__builtins__")
    modules = {name: one.__name__ for name, one in names.items() if hasattr(one, "__path__")}
    types = [(name, one) for name, one in names.items() if isinstance(one, type)]
    found[package] = {**modules, **{name: f"{one.__module__}.{one.__qualname__}" for name, one in types}}
print(json.dumps(found, sort_keys=True))
"""
LOADED = "import sys\nprint(sum(name.startswith('kubernetes.client.models.') for name in sys.modules))"
PODS = """
import json
class Answer:
    data = json.dumps({"items": [{"metadata": {"name": "a"}, "spec": {"containers": [{"name": "base"}]}}]})
pods = kubernetes.client.ApiClient().deserialize(Answer, "V1PodList")
print(json.dumps(kubernetes.client.ApiClient().sanitize_for_serialization(pods)))
"""
ABSENT = """
import json
try:
    kubernetes.client.V9Pod
except AttributeError as e:
    print(json.dumps(str(e)))
"""


def printed(*code: str) -> Any:
    """By a process of its own."""
    argv = (sys.executable, "-c", "\n".join(code))
    return json.loads(subprocess.check_output(argv, text=True))


@pytest.fixture(autouse=True)
def before_37() -> None:
    kubernetes = pytest.importorskip("kubernetes")
    if not kubernetes.__version__.startswith("36."):
        pytest.skip(f"client {kubernetes.__version__} is sparing by itself")


def test_no_class_is_loaded_before_it_is_asked_for() -> None:
    assert printed(SPARING, LOADED) == 0
    assert printed(AS_A_WHOLE, LOADED) > 700


def test_every_class_is_there_and_the_same() -> None:
    whole, sparing = printed(AS_A_WHOLE, ALL), printed(SPARING, ALL)
    assert len(whole["kubernetes.client"]) > 700
    assert {"client", "config", "watch"} <= set(whole["kubernetes"])
    assert sparing == whole


def test_answers_are_read_and_requests_written_with_them() -> None:
    assert printed(SPARING, PODS) == {
        "items": [{"metadata": {"name": "a"}, "spec": {"containers": [{"name": "base"}]}}]
    }


def test_what_is_not_there_is_said_as_by_any_module() -> None:
    assert printed(SPARING, ABSENT) == "module 'kubernetes.client' has no attribute 'V9Pod'"


@pytest.mark.parametrize("release", ["37.0.2", "38.1.0"])
def test_a_client_that_is_sparing_itself_is_left_alone(monkeypatch: pytest.MonkeyPatch, release: str) -> None:
    monkeypatch.delitem(sys.modules, "kubernetes", raising=False)
    monkeypatch.setattr(subject, "version", lambda name: release)
    before = list(sys.meta_path)
    with subject.sparing():
        assert sys.meta_path == before


def test_only_the_imports_within_are_sparing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "kubernetes", raising=False)
    before = list(sys.meta_path)
    with subject.sparing():
        assert sys.meta_path[1:] == before
    assert sys.meta_path == before
