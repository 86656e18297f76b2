"""The targets to try, out of this Airflow's own configuration, and whether they can be reached at all."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cloud_smoke.desk import CONNECTIONS, DAG_ID, Place

from lading import deployment
from lading.backends import registry
from lading.backends.base import Worker
from lading.config import resolve_target
from lading.errors import ConfigError, LadingError
from lading.operators.request import job_request
from lading_runner.contract import Attempt
from lading_runner.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BACKENDS = tuple(CONNECTIONS)


class Unready(LadingError):
    """A sentence per target: what to set before anything can be submitted."""


def use_targets_file(path: str) -> None:
    """Instead of the one that Airflow's configuration names; workers that are started later use it, too."""
    os.environ["AIRFLOW__LADING__TARGETS_FILE"] = str(Path(path).resolve())
    deployment.settings.cache_clear()


def ready(names: Sequence[str]) -> list[Place]:
    """:raises Unready: one of the targets lacks something, or is refused; nothing was submitted"""
    found, lacking = [], []
    for name in names:
        try:
            found.append(place(name))
            _look(found[-1])
        except (LadingError, RunnerError) as e:
            lacking.append(f"target {name!r} cannot be tried: {' '.join(str(e).split())}")
    if lacking:
        raise Unready("\n".join(lacking))
    return found


def place(name: str) -> Place:
    """:raises ConfigError: no such target, or this Airflow lacks something it needs"""
    target = resolve_target(deployment.settings(), name, registry.names(), registry.target_keys)
    if target.backend not in BACKENDS:
        raise ConfigError(f"its backend is {target.backend!r}; name a target of {' or '.join(BACKENDS)}")
    worker = Worker(
        cache=deployment.settings().environments,
        secrets=deployment.secrets,
        connection=deployment.connection,
        store_options=deployment.store_options,
    )
    from airflow.sdk.exceptions import AirflowException

    try:
        return Place(target, deployment.store(), worker)
    except AirflowException as e:
        raise ConfigError(f"[lading] store {deployment.settings().store!r} cannot be opened: {e}") from e


def _look(place: Place) -> None:
    """What can be known without a job: the target itself, then its connection, then the store."""
    backend = place.backend(place.worker)
    attempt = Attempt(DAG_ID, "ready", "ready")
    job = job_request(attempt, place.target, backend, store_root=place.store.root)
    job = replace(job, requirements=place.target.requirement_lines)
    if lacking := list(_lacking(place, job)):
        raise ConfigError("; ".join(lacking))
    backend.find("0" * 40)
    place.store.objects.stat(f"{job.folder}/spec.json")


def _lacking(place: Place, job: object) -> Iterator[str]:
    for problem in place.backend(Worker()).validate(job):
        yield f"{problem.field} {problem.message}; {problem.cure}"
