"""What ``lading doctor`` tries. Each check yields what it saw, and where it fails, the cure."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lading.catalogue import VARIABLE, open_artifacts
from lading.cli.config import unknown_variables
from lading.cli.targets import examine, examine_one
from lading.cli.terminal import quiet
from lading.cli.versions import installed, versions
from lading.config import Settings, mask, variable

if TYPE_CHECKING:
    from collections.abc import Iterator

XCOM_BACKEND = "lading.xcom.LadingXComBackend"
_LIBRARIES = {
    "pandas": "pandas",
    "polars": "polars",
    "pyarrow": "pyarrow",
    "numpy": "numpy",
    "scikit-learn": "sklearn",
    "skops": "skops",
    "torch": "torch",
    "safetensors": "safetensors",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "matplotlib": "matplotlib",
    "pydantic": "pydantic",
    "obstore": "obstore",
}


@dataclass(frozen=True)
class Check:
    area: str
    name: str
    ok: bool | None  # None: a fact, neither good nor bad
    detail: str
    cure: str = ""


def installation() -> Iterator[Check]:
    for name, version in versions().items():
        yield Check("versions", name, None, version)
    for group, what in (("apache_airflow_provider", "provider"), ("airflow.plugins", "plugin")):
        ours = [p for p in entry_points(group=group) if p.value.split(":")[0].partition(".")[0] == "lading"]
        yield Check(
            "Airflow",
            what,
            bool(ours),
            f"entry point {ours[0].value}" if ours else f"no entry point of group {group} is ours",
            ""
            if ours
            else "install airflow-provider-lading with pip where Airflow runs; a copied folder is not enough",
        )


def airflow() -> Iterator[Check]:
    """Imports Airflow; takes seconds."""
    with quiet():
        from airflow.sdk.configuration import conf
        from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

        backend = conf.get("core", "xcom_backend", fallback="")
        found = "step" in ProvidersManagerTaskRuntime().taskflow_decorators
    cure = f"set [core] xcom_backend = {XCOM_BACKEND}, or AIRFLOW__CORE__XCOM_BACKEND, for every component"
    yield Check("Airflow", "XCom backend", backend == XCOM_BACKEND, str(backend), cure)
    cure = "see the provider check above; look for an error in the output of: airflow providers list"
    yield Check("Airflow", "@task.step", found, "discovered" if found else "not discovered", cure)


def settings(found: Settings) -> Iterator[Check]:
    given = [name for name, origin in found.origins.items() if origin != "default"]
    yield Check(
        "settings", "[lading]", True, f"{len(given)} set: {', '.join(given)}" if given else "all default"
    )
    for text in unknown_variables():
        yield Check("settings", "variable", False, text, "correct its name, or remove it")


def store(url: str | None) -> Iterator[Check]:
    """Writes a small object and deletes it."""
    from lading_runner.store.probe import probe

    said_by = "--store" if url else VARIABLE if os.environ.get(VARIABLE) else "[lading] store"
    with quiet():
        artifacts = open_artifacts(url)
    yield Check("store", "address", None, f"{mask(artifacts.root)} ({said_by})")
    for seen in probe(artifacts.objects):
        yield Check("store", seen.name, seen.ok, seen.detail, seen.cure)


def environments(found: Settings) -> Iterator[Check]:
    folder = found.environments
    there = next(path for path in (folder, *folder.parents) if path.exists())
    ok = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    cure = f"make {there} writable for the user of the workers, or set {variable('environments')}"
    seen = str(folder) if there == folder else f"{folder} will be made"
    yield Check("environments", "folder", ok, seen if ok else f"{there} cannot be written", cure)
    uv, pip = shutil.which("uv"), find_spec("venv") and find_spec("ensurepip")
    tool = (
        f"uv ({uv})" if uv else "venv and pip of this Python" if pip else "neither uv nor venv with ensurepip"
    )
    yield Check(
        "environments", "builder", bool(uv or pip), tool, "install uv, or the venv package of your Python"
    )
    yield from _pythons()


def _pythons() -> Iterator[Check]:
    from lading.environment import interpreter

    found = interpreter.available()
    told = ", ".join(found) or "none"
    yield Check(
        "environments", "Pythons", bool(found), told, "install a CPython 3.9 or later on every worker"
    )


def libraries() -> Iterator[Check]:
    """A fact each: what is absent is only missed by those who use it."""
    there = {name: installed(name) or "installed" for name, module in _LIBRARIES.items() if find_spec(module)}
    absent = [name for name in _LIBRARIES if name not in there]
    yield Check("libraries", "present", None, ", ".join(f"{n} {v}" for n, v in there.items()) or "none")
    if absent:
        yield Check(
            "libraries", "absent", None, f"{', '.join(absent)}: values of these cannot be stored or loaded"
        )


def targets(found: Settings, name: str | None) -> Iterator[Check]:
    rows = [examine_one(found, name)] if name else examine(found)
    for row in rows:
        good = " · ".join(filter(None, (f"backend {row.backend}", row.image)))
        cure = f"correct {row.origin}" if row.origin else ""
        yield Check("targets", row.name, not row.problem, row.problem or good, cure)
