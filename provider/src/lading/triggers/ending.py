"""The end of a job whose task is over, by whoever is told of it: a trigger, or the API server."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lading import config, deployment
from lading.backends import registry
from lading.backends.base import Backend, JobHandle, Worker
from lading.errors import LadingError
from lading.execution import (
    AttemptFolder,
    Clock,
    Patience,
    Policy,
    open_job_key,
    over,
    read_open_job,
)
from lading.lineage.event import LineageEvent, now
from lading.lineage.log import append
from lading_runner.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("lading")


def backend_of(target: str) -> Backend:
    """By the configuration of this process.

    :raises ConfigError: it has no such target
    """
    found = config.resolve_target(deployment.settings(), target, registry.names(), registry.target_keys)
    return registry.get(found.backend).configured(found, Worker(connection=deployment.connection))


def end_job(
    backend: Backend,
    handle: JobHandle,
    folder: AttemptFolder,
    grace_s: float,
    *,
    ended: Callable[[], None] = lambda: None,
) -> None:
    """Cancel the job so that its generation can never succeed, tell the lineage, take it off its platform.

    :param ended: called while the job's log can still be read
    """
    folder.mark_cancelled()
    backend.cancel(handle, grace_s)
    try:
        _publish(folder, handle)
    except (KeyError, LadingError, RunnerError) as e:
        log.warning("no lineage event tells of the killed job %s: %s", handle.id, e)
    # what is over is removed at once, what still ends only as fast as its platform likes
    Patience(Policy(), Clock()).until(lambda: over(backend.observe(handle)), grace_s)
    ended()
    backend.remove(handle, failed=True)
    folder.objects.delete(open_job_key(folder.attempt))


def _publish(folder: AttemptFolder, handle: JobHandle) -> None:
    """The event that the worker prepared, unless the attempt has one already."""
    prepared = read_open_job(folder.objects, open_job_key(folder.attempt))
    event = LineageEvent.from_json(prepared.event).replace(job={"id": handle.id, "url": handle.url})
    if folder.objects.stat(event.key()) is None:
        append(event.at(now()), folder.objects)
