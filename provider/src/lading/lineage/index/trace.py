"""What an artifact came from, or went into: breadth first, level by level, never through what the user may
not read. Nodes are counted once, however many paths lead to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from lading.lineage.index import tables as t
from lading.lineage.index.records import (
    ArtifactRecord,
    AttemptRecord,
    EdgeRecord,
    Sight,
    ages,
    artifact,
    artifacts,
    attempt,
    attempts,
    chunked,
    newest,
    whole_seen,
    wholes,
)
from lading.lineage.index.rungraph import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection


@dataclass
class Trace:
    root: ArtifactRecord
    back: bool
    depth: int = 0  # levels of steps that were followed
    attempts: dict[int, AttemptRecord] = field(default_factory=dict)  # by event
    artifacts: dict[int, ArtifactRecord] = field(default_factory=dict)
    edges: dict[EdgeRecord, None] = field(default_factory=dict)
    superseded: set[int] = field(default_factory=set)  # events
    counts: dict[int, int] = field(default_factory=dict)  # attempts of each step
    left_out: int = 0  # nodes beyond the limit, of the level where it was reached
    deeper: bool = False  # there is more beyond the depth


def trace(
    connection: Connection, root: ArtifactRecord, sight: Sight, *, back: bool, depth: int, limit: int
) -> Trace:
    """:param limit: of attempts and artifacts together"""
    found = Trace(root, back, artifacts={root.id: root})
    frontier = {root.id}
    while frontier and not found.left_out:
        if found.depth == depth:
            found.deeper = bool(_reached(connection, frontier, found, sight))
            break
        frontier = _level(connection, frontier, found, sight, limit)
    _count_attempts(connection, found)
    return found


def made_by(connection: Connection, artifact: ArtifactRecord, sight: Sight) -> AttemptRecord | None:
    """The newest attempt that made it; None: no event of it is known."""
    found = Trace(artifact, back=True, artifacts={artifact.id: artifact})
    return next((record for record, _ in _writers(connection, {artifact.id}, found, sight)), None)


def read_by(
    connection: Connection, artifact: ArtifactRecord, sight: Sight
) -> list[tuple[AttemptRecord, EdgeRecord]]:
    """Who read it, or an element of it, oldest first."""
    found = Trace(artifact, back=False, artifacts={artifact.id: artifact})
    return _readers(connection, {artifact.id}, found, sight)


def _level(connection: Connection, frontier: set[int], found: Trace, sight: Sight, limit: int) -> set[int]:
    """Follow the steps at ``frontier``; gives the artifacts beyond them that are new."""
    reached = _reached(connection, frontier, found, sight)
    if not reached:
        return set()
    found.depth += 1
    new: dict[int, AttemptRecord] = {}
    for record, edge in reached:
        if record.id not in found.attempts and record.id not in new:
            if _size(found) + len(new) >= limit:
                found.left_out += 1
                continue
            new[record.id] = record
        found.edges[edge] = None
    found.attempts.update(new)
    return _beyond(connection, new, found, sight, limit)


def _beyond(
    connection: Connection, new: dict[int, AttemptRecord], found: Trace, sight: Sight, limit: int
) -> set[int]:
    """Artifacts on the other side of ``new``."""
    direction = t.READ if found.back else t.WROTE
    known, edges = _edges(connection, new, direction, sight)
    if found.back:
        edges = fold(connection, edges, known, new)
    fresh: set[int] = set()
    missed: set[int] = set()
    for edge in edges:
        if edge.artifact not in found.artifacts:
            if _size(found) >= limit:
                missed.add(edge.artifact)
                continue
            found.artifacts[edge.artifact] = known[edge.artifact]
            fresh.add(edge.artifact)
        found.edges[edge] = None
    found.left_out += len(missed)
    return fresh


def _reached(
    connection: Connection, frontier: set[int], found: Trace, sight: Sight
) -> list[tuple[AttemptRecord, EdgeRecord]]:
    """Steps at the artifacts of ``frontier``: their writers, or their readers."""
    return (_writers if found.back else _readers)(connection, frontier, found, sight)


def _writers(
    connection: Connection, frontier: set[int], found: Trace, sight: Sight
) -> list[tuple[AttemptRecord, EdgeRecord]]:
    """The newest attempt that made each; an element was made with its list or dict."""
    parts = {id_ for id_ in frontier if found.artifacts[id_].element is not None}
    candidates = wholes(connection, parts)
    source: dict[int, list[tuple[int, str | None]]] = {id_: [(id_, None)] for id_ in frontier - parts}
    for part, some in candidates.items():
        source.setdefault(some[-1][0], []).append((part, found.artifacts[part].element))
    chosen: dict[int, tuple[AttemptRecord, str | None]] = {}
    for whole, record, param in _at(connection, source, t.WROTE, sight):
        if whole not in chosen or chosen[whole][0].age < record.age:
            chosen[whole] = record, param
    return [
        (record, EdgeRecord(record.id, t.WROTE, shown, param, element))
        for whole, (record, param) in chosen.items()
        for shown, element in source[whole]
    ]


def _readers(
    connection: Connection, frontier: set[int], found: Trace, sight: Sight
) -> list[tuple[AttemptRecord, EdgeRecord]]:
    """Who read each, or an element of it."""
    hits = [
        (record, EdgeRecord(record.id, t.READ, id_, param))
        for id_, record, param in _at(connection, frontier, t.READ, sight)
    ]
    elements = _elements(connection, frontier)
    rivals = wholes(connection, elements)
    for part, record, param in _at(connection, elements, t.READ, sight):
        whole, element = elements[part]
        if whole_seen(rivals[part], record.time_ms) == whole:
            hits.append((record, EdgeRecord(record.id, t.READ, whole, param, element)))
    return _that_count(connection, sorted(hits, key=lambda hit: (hit[0].time_ms, hit[0].uuid)))


def _that_count(
    connection: Connection, hits: list[tuple[AttemptRecord, EdgeRecord]]
) -> list[tuple[AttemptRecord, EdgeRecord]]:
    """Superseded attempts only if they left an output."""
    last = newest(ages(connection, {record.step for record, _ in hits}))
    old = {record.id for record, _ in hits if last[record.step].id != record.id}
    if not old:
        return hits
    query = select(t.edge.c.event).where(t.edge.c.direction == t.WROTE)
    wrote = {row[0] for row in chunked(connection, query, t.edge.c.event, old)}
    return [hit for hit in hits if hit[0].id not in old or hit[0].id in wrote]


def _elements(connection: Connection, frontier: Iterable[int]) -> dict[int, tuple[int, str]]:
    """Elements that were read of each list or dict: their ids, with the whole and the place in it."""
    part, whole = t.artifact.alias("part"), t.artifact.alias("whole")
    same = and_(part.c.step == whole.c.step, part.c.name == whole.c.name, part.c.element.is_not(None))
    query = select(part.c.id, whole.c.id, part.c.element).select_from(whole.join(part, same))
    query = query.where(whole.c.element.is_(None))
    rows = chunked(connection, query, whole.c.id, frontier)
    return {part_id: (whole_id, element) for part_id, whole_id, element in rows}


def _at(
    connection: Connection, ids: Iterable[int], direction: int, sight: Sight
) -> list[tuple[int, AttemptRecord, str | None]]:
    """Attempts at the ends of edges of these artifacts."""
    query = attempts(t.edge.c.artifact, t.edge.c.param).join(t.edge, t.edge.c.event == t.event.c.id)
    query = query.where(t.edge.c.direction == direction, sight.allows(t.event.c.dag))
    return [
        (id_, attempt(row), param) for id_, param, *row in chunked(connection, query, t.edge.c.artifact, ids)
    ]


def _edges(
    connection: Connection, events: Iterable[int], direction: int, sight: Sight
) -> tuple[dict[int, ArtifactRecord], list[EdgeRecord]]:
    edge = t.edge.c
    query = artifacts(edge.event, edge.param).join(t.edge, edge.artifact == t.artifact.c.id)
    query = query.where(edge.direction == direction, sight.allows(t.artifact.c.dag))
    query = query.order_by(edge.event, edge.position)
    known, found = {}, []
    for event, param, *row in chunked(connection, query, edge.event, events):
        if row[0] not in known:
            known[row[0]] = artifact(row)
        found.append(EdgeRecord(event, direction, row[0], param))
    return known, found


def _count_attempts(connection: Connection, found: Trace) -> None:
    records = ages(connection, {record.step for record in found.attempts.values()})
    last = newest(records)
    for record in records:
        found.counts[record.step] = found.counts.get(record.step, 0) + 1
    found.superseded = {record.id for record in found.attempts.values() if last[record.step].id != record.id}


def _size(found: Trace) -> int:
    return len(found.attempts) + len(found.artifacts)
