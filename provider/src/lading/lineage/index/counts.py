"""How many artifacts each choice of a search would find, counted over its newest hits."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from lading.lineage.index import tables as t
from lading.lineage.index.among import chunked
from lading.lineage.index.rows import first_place
from lading.lineage.index.search import search

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.engine import Connection

    from lading.lineage.index.records import Sight
    from lading.lineage.index.search import Wanted

MOST = 2000
MOST_ON_CONDITIONS = 200  # hits may lie far apart among artifacts that do not meet a condition


class Tally(NamedTuple):
    counts: dict[str, int]  # choices without a hit are absent
    more: bool  # there are more hits than were counted


class Since(NamedTuple):
    number: int
    more: bool


class Tallies(NamedTuple):
    types: Tally
    dag_ids: Tally
    since: list[Since]


def tallies(connection: Connection, wanted: Wanted, sight: Sight, since_ms: Sequence[int]) -> Tallies:
    """By type, by DAG and since these moments. What is chosen in one of the three lists does not narrow that
    list: another choice replaces it."""
    most = MOST_ON_CONDITIONS if wanted.conditions else MOST
    known: dict[Wanted, list[int]] = {}

    def hits(free: Wanted) -> list[int]:
        if free not in known:
            known[free] = search(connection, free, sight, before=None, limit=most + 1)
        return known[free]

    of_types = hits(replace(wanted, type=None))
    of_dags = hits(replace(wanted, dag_id=None))
    of_any_time = hits(replace(wanted, made_gte_ms=None, made_lt_ms=None)) if since_ms else []
    return Tallies(
        Tally(_counted(connection, t.series.c.type, of_types[:most]), len(of_types) > most),
        Tally(
            {sight.dags[dag]: n for dag, n in _counted(connection, t.series.c.dag, of_dags[:most]).items()},
            len(of_dags) > most,
        ),
        _since(connection, of_any_time, since_ms, most),
    )


def _counted(connection: Connection, column: ColumnElement[Any], ids: Iterable[int]) -> dict[Any, int]:
    query = select(column, func.count()).join(t.artifact, t.artifact.c.series == t.series.c.id)
    found: Counter[Any] = Counter()
    for value, number in chunked(connection, query.group_by(column), t.artifact.c.id, ids):
        found[value] += number
    return dict(sorted(found.items()))


def _since(connection: Connection, ids: Sequence[int], since_ms: Sequence[int], most: int) -> list[Since]:
    """Exact where a hit before the moment was looked at: they come newest first."""
    places = [place for (place,) in chunked(connection, select(t.artifact.c.place), t.artifact.c.id, ids)]
    found = []
    for moment in since_ms:
        number = sum(place >= first_place(moment) for place in places)
        found.append(Since(min(number, most), number > most))
    return found
