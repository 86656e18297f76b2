"""What the queries give: attempts, artifacts and edges, with the ids of this database still in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sqlalchemy import and_, func, select

from lading.lineage.index import tables as t
from lading.lineage.index.among import among, chunked, each
from lading.lineage.index.rows import place_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.engine import Connection


class Sight(NamedTuple):
    """The DAGs that a user may read, by their ids in this database: every query is limited to them."""

    dags: dict[int, str]
    last: int | None = None  # all up to this id are among them: one comparison says the same

    def allows(self, column: ColumnElement[int]) -> ColumnElement[bool]:
        return column.in_(list(self.dags)) if self.last is None else column <= self.last


class Age(NamedTuple):
    """Orders the attempts of a step: a late report of an old attempt does not make it the newest."""

    try_number: int
    generation: int
    time_ms: int
    uuid: str


AGE = (t.event.c.try_number, t.event.c.generation, t.event.c.time_ms, t.event.c.uuid)  # columns of Age


class AttemptRecord(NamedTuple):
    """One event."""

    id: int
    uuid: str
    step: int
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    time_ms: int
    try_number: int
    generation: int
    status: str
    operator: str
    target: str | None
    seconds: float
    brief_json: str

    @property
    def brief(self) -> dict[str, Any]:
        """What a node of a graph shows."""
        found: dict[str, Any] = json.loads(self.brief_json)
        return found

    @property
    def age(self) -> Age:
        return Age(self.try_number, self.generation, self.time_ms, self.uuid)


class ArtifactRecord(NamedTuple):
    id: int
    uid: str
    dag_id: str
    run_id: str
    step: int
    task_id: str
    map_index: int
    series: int
    name: str
    element: str | None
    digest: str
    size: int
    format: str
    type: str
    place: int
    meta_json: str

    @property
    def meta(self) -> dict[str, Any]:
        """What the serializer said of it."""
        found: dict[str, Any] = json.loads(self.meta_json)
        return found


class EdgeRecord(NamedTuple):
    event: int
    direction: int
    artifact: int
    param: str | None
    element: str | None = None  # what was read is this part of ``artifact``


class ExternalRecord(NamedTuple):
    event: int
    direction: int
    uri: str
    version: str | None


# Looked up by row: joined, a planner may prefer to read all runs for the few that are asked for.
_run = t.run.alias("named")


def _run_id(of: ColumnElement[int]) -> ColumnElement[str]:
    return select(_run.c.run_id).where(_run.c.id == of).scalar_subquery()


_ATTEMPT = (
    t.event.c.id,
    t.event.c.uuid,
    t.event.c.step,
    t.dag.c.dag_id,
    _run_id(t.event.c.run),
    t.step.c.task_id,
    t.step.c.map_index,
    t.event.c.time_ms,
    t.event.c.try_number,
    t.event.c.generation,
    t.event.c.status,
    t.event.c.operator,
    t.event.c.target,
    t.event.c.seconds,
    t.event.c.brief,
)
_ARTIFACT = (
    t.artifact.c.id,
    t.artifact.c.uid,
    t.dag.c.dag_id,
    _run_id(t.artifact.c.run),
    t.artifact.c.step,
    t.step.c.task_id,
    t.step.c.map_index,
    t.artifact.c.series,
    t.artifact.c.name,
    t.artifact.c.element,
    t.artifact.c.digest,
    t.artifact.c.size,
    t.series.c.format,
    t.series.c.type,
    t.artifact.c.place,
    t.artifact.c.meta,
)


def attempts(*more: ColumnElement[Any]) -> Select[Any]:
    """Columns of ``attempt``, after ``more``."""
    source = t.event.join(t.step, t.step.c.id == t.event.c.step).join(t.dag, t.dag.c.id == t.event.c.dag)
    return select(*more, *_ATTEMPT).select_from(source)


def artifacts(*more: ColumnElement[Any]) -> Select[Any]:
    """Columns of ``artifact``, after ``more``."""
    source = t.artifact.join(t.series, t.series.c.id == t.artifact.c.series)
    source = source.join(t.step, t.step.c.id == t.artifact.c.step).join(t.dag, t.dag.c.id == t.artifact.c.dag)
    return select(*more, *_ARTIFACT).select_from(source)


def attempt(row: Sequence[Any]) -> AttemptRecord:
    return AttemptRecord(*row)


def artifact(row: Sequence[Any]) -> ArtifactRecord:
    return ArtifactRecord(*row)


def dags(connection: Connection) -> dict[int, str]:
    return {id_: name for id_, name in connection.execute(select(t.dag.c.id, t.dag.c.dag_id))}


def attempts_by_id(connection: Connection, ids: Iterable[int]) -> dict[int, AttemptRecord]:
    found = map(attempt, chunked(connection, attempts(), t.event.c.id, ids))
    return {record.id: record for record in found}


def artifacts_by_id(connection: Connection, ids: Iterable[int]) -> dict[int, ArtifactRecord]:
    found = map(artifact, chunked(connection, artifacts(), t.artifact.c.id, ids))
    return {record.id: record for record in found}


def externals(connection: Connection, events: Iterable[int]) -> list[ExternalRecord]:
    table = t.external
    query = select(table.c.event, table.c.direction, table.c.uri, table.c.version)
    query = query.order_by(table.c.event, table.c.direction, table.c.position)
    return [ExternalRecord(*row) for row in chunked(connection, query, table.c.event, events)]


# Built once: to build a query takes longer than to run a small one.
_part, _whole = t.artifact.alias("part"), t.artifact.alias("whole")
_same = and_(_whole.c.step == _part.c.step, _whole.c.name == _part.c.name)
_PAIRS = _part.join(_whole, _same)
_LISTED = _part.c.element.is_not(None), _whole.c.element.is_(None)
_WHOLES = (
    select(_part.c.id, _whole.c.id, _whole.c.place).select_from(_PAIRS).where(*_LISTED, among(_part.c.id))
)
_ELEMENTS = select(_part.c.id, _whole.c.id, _part.c.element).select_from(_PAIRS)
_ELEMENTS = _ELEMENTS.where(*_LISTED, among(_whole.c.id))


class Aged(NamedTuple):
    """What tells an attempt from the others of its step."""

    id: int
    step: int
    age: Age


def ages(connection: Connection, steps: Iterable[int]) -> list[Aged]:
    """Of all attempts of these steps."""
    return [Aged(id_, step, Age(*age)) for id_, step, *age in each(connection, _AGES, steps)]


def tried_again(connection: Connection, steps: Iterable[int]) -> set[int]:
    """Those of the steps that have several attempts."""
    return {step for (step,) in each(connection, _TRIED_AGAIN, steps)}


_AGES = select(t.event.c.id, t.event.c.step, *AGE).where(among(t.event.c.step))
_TRIED_AGAIN = select(t.event.c.step).where(among(t.event.c.step)).group_by(t.event.c.step)
_TRIED_AGAIN = _TRIED_AGAIN.having(func.count() > 1)


_Attempt = TypeVar("_Attempt", AttemptRecord, Aged)


def newest(records: Iterable[_Attempt]) -> dict[int, _Attempt]:
    """The newest attempt of each step, by the step's id."""
    found: dict[int, _Attempt] = {}
    for record in records:
        if record.step not in found or found[record.step].age < record.age:
            found[record.step] = record
    return found


def elements(connection: Connection, lists: Iterable[int]) -> dict[int, tuple[int, str]]:
    """Elements that were read of each list or dict: their ids, with the whole and the place in it."""
    rows = each(connection, _ELEMENTS, lists)
    return {part_id: (whole_id, element) for part_id, whole_id, element in rows}


def wholes(connection: Connection, parts: Iterable[int]) -> dict[int, list[tuple[int, int]]]:
    """The lists or dicts that each of these elements may be of: ids and places, oldest first."""
    found: dict[int, list[tuple[int, int]]] = {}
    for part_id, whole_id, place in each(connection, _WHOLES, parts):
        found.setdefault(part_id, []).append((place, whole_id))
    return {part_id: [(id_, place) for place, id_ in sorted(some)] for part_id, some in found.items()}


def whole_seen(candidates: Sequence[tuple[int, int]], time_ms: int) -> int | None:
    """The newest that a reader which ended at ``time_ms`` can have seen; None: there is none."""
    seen = [id_ for id_, place in candidates if place_ms(place) <= time_ms]
    return seen[-1] if seen else next((id_ for id_, _ in reversed(candidates)), None)
