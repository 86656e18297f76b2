"""Ends jobs whose task is over and whose worker and trigger were not told, or are gone.

Airflow tells the triggerer of a killed task only once it has picked up its trigger, and nobody where the
worker died with the last try. The API server knows the state of every task.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from airflow import settings
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from lading import deployment
from lading.errors import LadingError
from lading.execution import (
    AttemptFolder,
    OpenJob,
    job_name,
    open_job_key,
    open_job_keys,
    over,
    read_open_job,
)
from lading.plugin.api.loop import Loop
from lading.triggers import backend_of, end_job
from lading_runner.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lading_runner.contract import Attempt
    from lading_runner.store.base import ObjectStore

log = logging.getLogger("lading")

_PERIOD_S = 8.0
_SETTLED_S = 6.0  # since the task was first seen over: its worker or its trigger come first
_ENDING_S = 60.0  # the same where one of them has begun; also between two tries
_ENDED_AT_ONCE = 8  # each takes up to its grace
_AT_ONCE = 200  # rows asked for in one query

_OVER = frozenset(
    {
        TaskInstanceState.SUCCESS,
        TaskInstanceState.FAILED,
        TaskInstanceState.SKIPPED,
        TaskInstanceState.UPSTREAM_FAILED,
        TaskInstanceState.REMOVED,
    }
)

Place = tuple[str, str, str, int]


def place_of(attempt: Attempt) -> Place:
    return (attempt.dag_id, attempt.run_id, attempt.task_id, attempt.map_index)


def over_in_database(places: list[Place]) -> dict[Place, bool]:
    """Whether each task is over; without those that the database does not have."""
    ti = TaskInstance
    coordinates = (ti.dag_id, ti.run_id, ti.task_id, ti.map_index)
    found: dict[Place, bool] = {}
    with settings.Session() as session:
        for start in range(0, len(places), _AT_ONCE):
            asked = select(*coordinates, ti.state).where(
                tuple_(*coordinates).in_(places[start : start + _AT_ONCE])
            )
            found |= {(d, r, t, m): state in _OVER for d, r, t, m, state in session.execute(asked)}
    return found


class Orphans:
    """One per process. Of several API servers each looks for itself: to end a job twice is to end it once."""

    def __init__(
        self, is_over: Callable[[list[Place]], dict[Place, bool]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._is_over, self._clock = is_over, clock
        self._jobs: dict[str, OpenJob] = {}
        self._seen: set[str] = set()  # those whose task the database had
        self._due: dict[str, float] = {}
        self._damaged: set[str] = set()

    def look(self, objects: ObjectStore) -> None:
        """End what is due; what cannot be ended is tried again later."""
        self._read(objects)
        due = list(self._orphaned(objects))
        if due:
            with ThreadPoolExecutor(_ENDED_AT_ONCE, thread_name_prefix="lading-orphan") as pool:
                list(pool.map(lambda job: self._end(objects, job), due))

    def _orphaned(self, objects: ObjectStore) -> Iterator[OpenJob]:
        """Those to be ended now."""
        over_now = self._is_over([place_of(job.attempt) for job in self._jobs.values()])
        for key, job in self._jobs.items():
            task_over = over_now.get(place_of(job.attempt))
            if task_over is not None:
                self._seen.add(key)
            elif key not in self._seen:  # of another Airflow, perhaps, which has this store too
                continue
            if task_over is False:
                self._due.pop(key, None)
            elif key not in self._due:
                self._due[key] = self._due_at(objects, job)
            elif self._clock() >= self._due[key]:
                self._due[key] = self._clock() + _ENDING_S
                yield job

    def _due_at(self, objects: ObjectStore, job: OpenJob) -> float:
        began = AttemptFolder(objects, job.attempt).cancelled()
        return self._clock() + (_ENDING_S if began else _SETTLED_S)

    def _read(self, objects: ObjectStore) -> None:
        """A record never changes but for its event."""
        there = set(open_job_keys(objects))
        for gone in self._jobs.keys() - there:
            self._jobs.pop(gone)
            self._seen.discard(gone)
            self._due.pop(gone, None)
        for key in there - self._jobs.keys() - self._damaged:
            try:
                self._jobs[key] = read_open_job(objects, key)
            except KeyError:
                continue
            except LadingError as e:
                self._damaged.add(key)
                log.warning("%s", e)

    def _end(self, objects: ObjectStore, job: OpenJob) -> None:
        name, folder = _label(job), AttemptFolder(objects, job.attempt)
        try:
            backend = backend_of(job.target)
            handle = backend.find(job_name(job.attempt))
            if handle is None:
                objects.delete(open_job_key(job.attempt))
            elif over(backend.observe(handle)):
                backend.remove(handle, failed=True)
                objects.delete(open_job_key(job.attempt))
            else:
                log.warning("the task of %s is over, and its job %s runs on: it is ended", name, handle.id)
                end_job(backend, handle, folder, deployment.settings().cancel_grace_s)
        except (LadingError, RunnerError, OSError) as e:
            log.warning(
                "the task of %s is over, but this API server cannot end its job on target %r: %s; "
                "it tries again in %.0f s",
                name,
                job.target,
                e,
                _ENDING_S,
            )


def _label(job: OpenJob) -> str:
    return "/".join([*map(str, place_of(job.attempt)), str(job.attempt.generation)])


def _watch() -> None:
    orphans, said = Orphans(over_in_database), ""
    while not WATCH.stopping.wait(_PERIOD_S):
        try:
            orphans.look(deployment.store().objects)
            said = ""
        except (LadingError, RunnerError, SQLAlchemyError, OSError) as e:
            told = str(e).split("\n", 1)[0]
            if told != said:
                log.warning("jobs whose tasks are over cannot be looked for: %s", told)
            said = told


WATCH = Loop("lading-orphans", _watch)
