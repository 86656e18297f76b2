"""Finds artifacts, newest first, a page at a time.

What can be said in words (DAG, task, key, type) is said of series, of which there are few: the newest
artifacts of the newest series are the newest of all.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, exists, func, or_, select, true

from lading.lineage.index import tables as t
from lading.lineage.index.among import among, chunked
from lading.lineage.index.rows import first_place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.engine import Connection

    from lading.lineage.index.records import Sight

_NARROW = 2000  # events: so few are looked at one by one
_LARGE = 500  # artifacts of a page
_EACH = 20  # artifacts of a series, that tell where a large page ends
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
OPERATORS = tuple(_COMPARISONS)


@dataclass(frozen=True)
class Condition:
    """Of a parameter or metric of the step that made the artifact."""

    kind: int
    name: str  # "accuracy", or "train.accuracy"
    operator: str | None = None  # None: it has one of that name
    text: str = ""
    number: float | None = None  # of ``text``


@dataclass(frozen=True)
class Wanted:
    q: str | None = None
    name: str | None = None
    type: str | None = None
    dag_id: str | None = None
    task_id: str | None = None
    run_id: str | None = None
    digest: str | None = None  # first hexadecimal digits
    made_gte_ms: int | None = None
    made_lt_ms: int | None = None
    conditions: tuple[Condition, ...] = ()

    @property
    def places(self) -> tuple[int, int | None]:
        """The least place that is in the time asked for, and the first one after it (None: no end)."""
        end = None if self.made_lt_ms is None else first_place(self.made_lt_ms)
        return 0 if self.made_gte_ms is None else first_place(self.made_gte_ms), end


def search(
    connection: Connection, wanted: Wanted, sight: Sight, *, before: int | None, limit: int
) -> list[int]:
    """Ids of artifacts, newest first; ``before``: the place after which the page begins."""
    narrow, wide = _split(connection, wanted.conditions, sight)
    filters = [_in_series(_series(wanted, sight)), *(_meets(condition, sight) for condition in wide)]
    least, end = wanted.places
    if before is None or (end is not None and end < before):
        before = end
    if before is not None:
        filters.append(t.artifact.c.place < before)
    if least:
        filters.append(t.artifact.c.place >= least)
    if wanted.run_id is not None:
        runs = select(t.run.c.id).where(t.run.c.run_id == wanted.run_id, sight.allows(t.run.c.dag))
        filters.append(t.artifact.c.run.in_(list(connection.scalars(runs))))
    if digits := _digits(wanted):
        filters += [t.artifact.c.digest >= digits, t.artifact.c.digest < digits + "g"]
    if narrow is not None:
        return _among(connection, _written_by(connection, narrow), filters, limit)
    if wanted.run_id is None and not digits and not wide:
        return _of_newest_series(connection, wanted, sight, before, limit)
    query = select(t.artifact.c.id).where(*filters).order_by(t.artifact.c.place.desc()).limit(limit)
    return list(connection.scalars(query))


def facets(connection: Connection, sight: Sight, limit: int) -> dict[str, list[str]]:
    """What there is to search for, by name, each list sorted and at most ``limit`` long."""
    allowed = sight.allows(t.series.c.dag), t.series.c.part.is_(False)
    types = select(t.series.c.type).where(*allowed).distinct().order_by(t.series.c.type).limit(limit)
    dags = select(t.dag.c.dag_id).where(t.dag.c.id.in_(select(t.series.c.dag).where(*allowed)))
    found = {
        "dag_ids": list(connection.scalars(dags.order_by(t.dag.c.dag_id).limit(limit))),
        "types": list(connection.scalars(types)),
    }
    for name, kind in (("params", t.PARAM), ("metrics", t.METRIC)):
        found[name] = _names(connection, kind, sight, limit)
    return found


def _names(connection: Connection, kind: int, sight: Sight, limit: int) -> list[str]:
    """Distinct names, one look into the index each: there may be millions of facts."""
    c, last = t.fact.c, ""
    found: list[str] = []
    while len(found) < limit:
        query = select(func.min(c.name)).where(c.name > last)
        name = connection.scalar(query)
        if name is None:
            break
        seen = select(c.event).where(c.name == name, c.kind == kind, sight.allows(c.dag)).limit(1)
        if connection.scalar(seen) is not None:
            found.append(name)
        last = name
    return found


def _series(wanted: Wanted, sight: Sight) -> list[ColumnElement[bool]]:
    c = t.series.c
    filters = [sight.allows(c.dag)]
    if wanted.dag_id is not None:
        filters.append(c.dag.in_([id_ for id_, name in sight.dags.items() if name == wanted.dag_id]))
    if wanted.task_id is not None:
        filters.append(c.task_id == wanted.task_id)
    if wanted.name is not None:
        filters.append(_contains(c.name, wanted.name))
    if wanted.type is not None:
        filters.append(or_(_contains(c.type, wanted.type), _contains(c.format, wanted.type)))
    if wanted.q is not None and not _digits(wanted):
        dags = [id_ for id_, name in sight.dags.items() if wanted.q.lower() in name.lower()]
        texts = [_contains(column, wanted.q) for column in (c.name, c.task_id, c.type)]
        filters.append(or_(*texts, c.dag.in_(dags)))
    if not _digits(wanted):
        filters.append(c.part.is_(False))
    return filters


def _digits(wanted: Wanted) -> str | None:
    """Of ``digest``; or of ``q`` where it can be nothing else."""
    text = wanted.digest
    if text is None and wanted.q is not None and wanted.q.startswith("sha256:"):
        text = wanted.q
    return None if text is None else text.removeprefix("sha256:").lower()


def _in_series(filters: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    return t.artifact.c.series.in_(select(t.series.c.id).where(*filters))


def _of_newest_series(
    connection: Connection, wanted: Wanted, sight: Sight, before: int | None, limit: int
) -> list[int]:
    """The page lies within the ``limit`` series whose newest artifact on the page is newest, and not before
    the oldest of these: so few rows of each are read, whatever a database thinks of its indexes."""
    c = t.artifact.c
    last = select(func.max(c.place)).where(c.series == t.series.c.id)
    if before is not None:
        last = last.where(c.place < before)
    place = last.scalar_subquery().label("place")
    some = select(t.series.c.id, place).where(*_series(wanted, sight)).subquery()
    least, _ = wanted.places
    query = select(some.c.id, some.c.place).where(some.c.place >= least)
    newest = connection.execute(query.order_by(some.c.place.desc()).limit(limit)).all()
    least = newest[-1].place if len(newest) == limit else least
    bounds = {"least": least, "most": newest[0].place if newest else 0, "limit": limit}
    ids = [row.id for row in newest]
    if limit > _LARGE:  # or few series of very many artifacts would all be read
        first = _newest_of(connection, ids, {**bounds, "each": _EACH})
        bounds["least"] = first[-1][0] if len(first) == limit else least
    return [id_ for _, id_ in _newest_of(connection, ids, {**bounds, "each": limit})]


def _newest_of(
    connection: Connection, series: Sequence[int], bounds: dict[str, int]
) -> list[tuple[int, int]]:
    """Places and ids, newest first: at most ``each`` of a series, at most ``limit`` in all."""
    if connection.dialect.name == "postgresql":  # one round trip
        return [(place, id_) for place, id_ in connection.execute(_PAGES_OF, {"ids": list(series), **bounds})]
    found: list[tuple[int, int]] = []
    for one in series:
        rows = connection.execute(_PAGE_OF, {"series": one, **bounds})
        found += [(row.place, row.id) for row in rows]
    return sorted(found, reverse=True)[: bounds["limit"]]


def _page_of(series: ColumnElement[int]) -> Select[Any]:
    c = t.artifact.c
    within = c.place.between(bindparam("least"), bindparam("most"))
    query = select(c.place, c.id).where(c.series == series, within)
    return query.order_by(c.place.desc()).limit(bindparam("each"))


def _pages_of() -> Select[Any]:
    page = _page_of(t.series.c.id).lateral("page")
    query = (
        select(page.c.place, page.c.id).select_from(t.series.join(page, true())).where(among(t.series.c.id))
    )
    return query.order_by(page.c.place.desc(), page.c.id.desc()).limit(bindparam("limit"))


_PAGE_OF = _page_of(bindparam("series"))
_PAGES_OF = _pages_of()


def _split(
    connection: Connection, conditions: Sequence[Condition], sight: Sight
) -> tuple[set[int] | None, list[Condition]]:
    """Events that meet those conditions that few meet (None: there are none such), and the others."""
    narrow: set[int] | None = None
    wide = []
    for condition in conditions:
        some = set(connection.scalars(_events(condition, sight).limit(_NARROW + 1)))
        if len(some) > _NARROW:
            wide.append(condition)
        else:
            narrow = some if narrow is None else narrow & some
    return narrow, wide


def _events(condition: Condition, sight: Sight) -> Select[Any]:
    return select(t.fact.c.event).where(*_holds(condition), sight.allows(t.fact.c.dag))


def _meets(condition: Condition, sight: Sight) -> ColumnElement[bool]:
    made = and_(t.edge.c.artifact == t.artifact.c.id, t.edge.c.direction == t.WROTE)
    query = select(t.edge.c.event).join(t.fact, t.fact.c.event == t.edge.c.event)
    return exists(query.where(made, *_holds(condition), sight.allows(t.fact.c.dag)))


def _holds(condition: Condition) -> list[ColumnElement[bool]]:
    c = t.fact.c
    filters = [c.kind == condition.kind, _named(condition.name)]
    if condition.operator is not None:
        compare = _COMPARISONS[condition.operator]
        if condition.number is not None:
            filters.append(compare(c.number, condition.number))
        else:
            filters.append(compare(c.text, condition.text))
    return filters


_event_of_fact = (
    select(t.event.c.id).join(t.step, t.step.c.id == t.event.c.step).where(t.event.c.id == t.fact.c.event)
)


def _named(name: str) -> ColumnElement[bool]:
    """``accuracy``; or ``train.accuracy``, where both task ids and names may have dots."""
    parts = name.split(".")
    splits = [(".".join(parts[:n]), ".".join(parts[n:])) for n in range(1, len(parts))]
    alone: ColumnElement[bool] = t.fact.c.name == name
    of_task = [
        and_(t.fact.c.name == rest, exists(_event_of_fact.where(t.step.c.task_id == task)))
        for task, rest in splits[:5]
    ]
    return or_(alone, *of_task) if of_task else alone


def _written_by(connection: Connection, events: set[int]) -> set[int]:
    query = select(t.edge.c.artifact).where(t.edge.c.direction == t.WROTE)
    return {row[0] for row in chunked(connection, query, t.edge.c.event, events)}


def _among(
    connection: Connection, ids: set[int], filters: Sequence[ColumnElement[bool]], limit: int
) -> list[int]:
    query = select(t.artifact.c.place, t.artifact.c.id).where(*filters)
    found = sorted(map(tuple, chunked(connection, query, t.artifact.c.id, ids)), reverse=True)
    return [id_ for _, id_ in found[:limit]]


def _contains(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    return func.lower(column).contains(text.lower(), autoescape=True)
