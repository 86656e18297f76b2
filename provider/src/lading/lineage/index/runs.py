"""Runs of a DAG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, exists, or_, select

from lading.lineage.index import tables as t
from lading.lineage.index.among import chunked
from lading.lineage.index.records import AttemptRecord, attempt, attempts, newest
from lading.lineage.index.rows import fact_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection


class RunRecord(NamedTuple):
    id: int
    run_id: str
    started_ms: int


class Fact(NamedTuple):
    event: int
    kind: int
    name: str
    value: Any
    better: bool | None  # higher is better


@dataclass(frozen=True)
class RunAttempts:
    run: RunRecord
    newest: list[AttemptRecord]  # attempt of each step


def runs_page(
    connection: Connection, dag_id: str, *, before: tuple[int, str] | None, limit: int
) -> list[RunRecord]:
    """Those with an event, newest first; ``before``: start and id of the run after which the page begins."""
    c = t.run.c
    query = select(c.id, c.run_id, c.started_ms).join(t.dag, t.dag.c.id == c.dag)
    query = query.where(t.dag.c.dag_id == dag_id, exists(select(t.event.c.id).where(t.event.c.run == c.id)))
    if before is not None:
        started_ms, run_id = before
        older = or_(c.started_ms < started_ms, and_(c.started_ms == started_ms, c.run_id < run_id))
        query = query.where(older)
    query = query.order_by(c.started_ms.desc(), c.run_id.desc()).limit(limit)
    return [RunRecord(*row) for row in connection.execute(query)]


def newest_attempts(connection: Connection, runs: Iterable[RunRecord]) -> list[RunAttempts]:
    runs = list(runs)
    found: dict[int, list[AttemptRecord]] = {run.id: [] for run in runs}
    query = attempts(t.event.c.run)
    for run, *row in chunked(connection, query, t.event.c.run, list(found)):
        found[run].append(attempt(row))
    return [RunAttempts(run, list(newest(found[run.id]).values())) for run in runs]


def facts(connection: Connection, events: Iterable[int]) -> list[Fact]:
    """Parameters and metrics, in the order in which each event has them."""
    c = t.fact.c
    query = select(c.event, c.kind, c.name, c.text, c.number, c.better)
    query = query.order_by(c.event, c.kind, c.position)
    return [
        Fact(event, kind, name, fact_value(text, number), None if better is None else bool(better))
        for event, kind, name, text, number, better in chunked(connection, query, c.event, events)
    ]
