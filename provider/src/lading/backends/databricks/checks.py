"""What a step and its target ask of Databricks that it cannot do: pure and offline."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lading import environment
from lading.backends.base import JobRequest, Problem
from lading.backends.databricks import nodes
from lading.environment.request import resolve
from lading.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lading.backends.databricks.settings import DatabricksSettings
    from lading.config import Target

#: Python of an environment version of serverless compute, as its release notes say (November 2026).
PYTHONS = {"1": "3.10", "2": "3.11", "3": "3.12", "4": "3.12"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LOGIN = re.compile(r"https?://[^/\s@]+@")
_SERVERLESS_ONLY = {"performance_target"}
_CLASSIC_ONLY = {"workers", "spark_conf", "runtime_engine"}


def problems(job: JobRequest, settings: DatabricksSettings, target: Target) -> list[Problem]:
    found = settings.problems(target, job.store_root)
    if found:  # else what is said of the job may be wrong
        return found
    return [
        *_image_problems(job, settings),
        *nodes.problems(job.resources, settings),
        *_option_problems(job, settings),
        *_environment_problems(job, settings),
    ]


def _image_problems(job: JobRequest, settings: DatabricksSettings) -> Iterator[Problem]:
    if job.image is not None and settings.serverless:
        text = f"{job.image!r} cannot be run: serverless compute takes no image"
        cure = 'drop image and give requirements, or choose a target with "compute": "classic"'
        yield Problem("image", text, cure)
    if settings.image_login and job.image is None and not settings.serverless:
        yield Problem(
            "image_login", "there is no image to log in for", "give the step or its target an image"
        )


def _option_problems(job: JobRequest, settings: DatabricksSettings) -> Iterator[Problem]:
    for name, value in sorted(job.options.items()):
        if name not in _OPTIONS:
            cure = f"known: {', '.join(sorted(_OPTIONS))}; the rest of a run is the target's"
            yield Problem(f"options.{name}", "is not an option of a step on Databricks", cure)
            continue
        of_other = _CLASSIC_ONLY if settings.serverless else _SERVERLESS_ONLY
        if name in of_other:
            text = f"means nothing to {settings.compute} compute"
            yield Problem(f"options.{name}", text, "drop it, or choose another target")
        elif not _OPTIONS[name][0](value):
            yield Problem(f"options.{name}", f"is {value!r}", f"write {_OPTIONS[name][1]}")


def _environment_problems(job: JobRequest, settings: DatabricksSettings) -> Iterator[Problem]:
    if wrong := [name for name in job.env if not _VARIABLE.match(name)]:
        yield Problem("env", f"{wrong[0]!r} is no name of a variable", "write letters, digits and _ only")
    has = PYTHONS.get(settings.environment_version) if settings.serverless else None
    if job.python is not None and has is not None and job.python != has:
        text = f"environment version {settings.environment_version} has Python {has}, not {job.python}"
        fitting = [version for version, python in PYTHONS.items() if python == job.python]
        cure = f'set "environment_version": "{fitting[-1]}"' if fitting else f"write python={has!r}"
        yield Problem("python", text, f"{cure} or leave python= out")
    yield from environment.problems(job)
    try:
        asked = resolve(job.requirements, job.python)
    except ConfigError:
        return
    if asked.constraints:
        text = "constraint files do not reach Databricks"
        yield Problem("requirements", text, "write the versions into the requirement lines")
    if any(_LOGIN.search(line) for line in (*asked.lines, *asked.options)):
        text = "a URL holds a login, which everybody would see who may see the run"
        yield Problem("requirements", text, "take it out; set the index of packages up in the workspace")


def _is_spark_conf(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _is_workers(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_OPTIONS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "spark": (lambda value: isinstance(value, bool), "True or False"),
    "workers": (_is_workers, "a number of workers beside the driver: 0, 1, …"),
    "spark_conf": (_is_spark_conf, 'a table of texts such as {"spark.sql.shuffle.partitions": "64"}'),
    "runtime_engine": (lambda value: value in ("STANDARD", "PHOTON"), "'STANDARD' or 'PHOTON'"),
    "performance_target": (
        lambda value: value in ("PERFORMANCE_OPTIMIZED", "STANDARD"),
        "'PERFORMANCE_OPTIMIZED' or 'STANDARD'",
    ),
}
