"""DAG files imported as Airflow does it, and their slices called where neither Airflow nor Lading is."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
import textwrap
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest import mock

from lading.code.runner_zip import runner_archive

if TYPE_CHECKING:
    from pathlib import Path

    from lading.code import StepCode


class Decorator:
    """``dag``, ``task``, ``task.step``, ``step(on=…)``: each leaves the function as it is."""

    def __call__(self, *given: Any, **settings: Any) -> Any:
        return given[0] if given and callable(given[0]) else self

    def __getattr__(self, name: str) -> Decorator:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __enter__(self) -> Decorator:
        return self

    def __exit__(self, *error: object) -> None:
        """As ``with DAG(…):``."""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def import_dag(folder: Path, text: str, name: str = "churn") -> ModuleType:
    """The file as a module under a name of Airflow's making; of ``airflow.sdk`` there are the decorators."""
    path = write(folder, f"{name}.py", text)
    mangled = f"unusual_prefix_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}_{name}"
    spec = importlib.util.spec_from_file_location(mangled, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sdk = ModuleType("airflow.sdk")
    vars(sdk).update(dag=Decorator(), task=Decorator(), DAG=Decorator(), Variable=Decorator())
    stubs = {"airflow": ModuleType("airflow"), "airflow.sdk": sdk, mangled: module}
    loaded = set(sys.modules)
    with mock.patch.dict(sys.modules, stubs), mock.patch.object(sys, "path", [str(folder), *sys.path]):
        importlib.invalidate_caches()
        spec.loader.exec_module(module)
    for first_party in set(sys.modules) - loaded:
        if str(getattr(sys.modules[first_party], "__file__", "")).startswith(str(folder)):
            del sys.modules[first_party]
    sys.modules[mangled] = module
    return module


_CALL = """
import sys, json, importlib
sys.path[:0] = sys.argv[1:3]
module, _, name = sys.argv[3].partition(":")
print(json.dumps(getattr(importlib.import_module(module), name)(*json.loads(sys.argv[4]))))
"""


def call_elsewhere(code: StepCode, folder: Path, *args: Any, python: str = sys.executable) -> Any:
    """What the slice returns in a bare Python that sees nothing but the slice and the runner."""
    archive, runner = folder / "code.zip", folder / "runner.pyz"
    archive.write_bytes(code.archive)
    runner.write_bytes(runner_archive()[0])
    argv = [python, "-I", "-S", "-c", _CALL, str(archive), str(runner), code.entry, json.dumps(args)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
