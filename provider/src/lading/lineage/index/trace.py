"""What an artifact came from, or went into: breadth first, level by level, never through what the user may
not read. Nodes are counted once, however many paths lead to them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, select

from lading.lineage.index import records
from lading.lineage.index import tables as t
from lading.lineage.index.among import among, batched, chunked, each
from lading.lineage.index.records import (
    AGE,
    Age,
    ArtifactRecord,
    AttemptRecord,
    EdgeRecord,
    Sight,
    ages,
    artifacts_by_id,
    attempts_by_id,
    newest,
    tried_again,
    whole_seen,
    wholes,
)
from lading.lineage.index.rungraph import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from sqlalchemy import Select
    from sqlalchemy.engine import Connection

_MOST_AT_ONE = 1000


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


class _Hit(NamedTuple):
    """An attempt at the end of an edge."""

    artifact: int
    param: str | None
    event: int
    step: int
    try_number: int
    generation: int
    time_ms: int
    uuid: str

    @property
    def age(self) -> Age:
        return Age(self.try_number, self.generation, self.time_ms, self.uuid)


def trace(
    connection: Connection, root: ArtifactRecord, sight: Sight, *, back: bool, depth: int, limit: int
) -> Trace:
    """:param limit: of attempts and artifacts together"""
    walk = _Walk(connection, root, sight, limit)
    found = Trace(root, back)
    frontier = {root.id}
    while frontier and not walk.left_out:
        if found.depth == depth:
            found.deeper = bool(walk.reached(frontier, back))
            break
        reached = walk.reached(frontier, back)
        found.depth += bool(reached)
        frontier = walk.beyond(walk.take(reached), back)
    found.left_out, found.edges = walk.left_out, walk.edges
    found.attempts = attempts_by_id(connection, walk.events)
    found.artifacts = artifacts_by_id(connection, walk.elements)
    _count_attempts(connection, found)
    if not back:
        _drop_idle(connection, found)
    return found


def made_by(connection: Connection, artifact: ArtifactRecord, sight: Sight) -> AttemptRecord | None:
    """The newest attempt that made it; None: no event of it is known."""
    hits = _Walk(connection, artifact, sight, _MOST_AT_ONE).reached({artifact.id}, back=True)
    found = attempts_by_id(connection, {hit.event for hit, _ in hits})
    return next(iter(found.values()), None)


def read_by(
    connection: Connection, artifact: ArtifactRecord, sight: Sight
) -> list[tuple[AttemptRecord, EdgeRecord]]:
    """Who read it, or an element of it, oldest first; at most 1,000."""
    hits = _Walk(connection, artifact, sight, _MOST_AT_ONE).reached({artifact.id}, back=False)
    found = attempts_by_id(connection, {hit.event for hit, _ in hits})
    last = newest(ages(connection, {record.step for record in found.values()}))
    idle = _idle(connection, [hit.event for hit, _ in hits if last[hit.step].id != hit.event])
    return [(found[hit.event], edge) for hit, edge in hits if hit.event not in idle]


class _Walk:
    """Knows ids only: what the nodes are is read at the end, at once."""

    def __init__(self, connection: Connection, root: ArtifactRecord, sight: Sight, limit: int) -> None:
        self.connection, self.limit = connection, limit
        self.elements: dict[int, str | None] = {root.id: root.element}  # of each artifact in the graph
        self.series = {root.id: root.series}
        self._listed = {row.id for row in connection.execute(_LISTED)}
        self.events: dict[int, int] = {}  # in the graph, with their times
        self.edges: dict[EdgeRecord, None] = {}
        self.left_out = 0
        self._at = _attempts_at(sight)
        self._of = _artifacts_of(sight)

    def reached(self, frontier: set[int], back: bool) -> list[tuple[_Hit, EdgeRecord]]:
        """Steps at these artifacts: those that made them, or those that read them."""
        return self._writers(frontier) if back else self._readers(frontier)

    def take(self, reached: Iterable[tuple[_Hit, EdgeRecord]]) -> dict[int, int]:
        """Put steps and edges into the graph; gives the steps that are new."""
        new: dict[int, int] = {}
        missed: set[int] = set()
        for hit, edge in reached:
            if hit.event not in self.events:
                if self._full():
                    missed.add(hit.event)
                    continue
                self.events[hit.event] = new[hit.event] = hit.time_ms
            self.edges[edge] = None
        self.left_out += len(missed)
        return new

    def beyond(self, new: dict[int, int], back: bool) -> set[int]:
        """Put the artifacts on the other side of these steps into the graph; gives those that are new."""
        fresh: set[int] = set()
        missed: set[int] = set()
        for edge, element in self._read(new) if back else self._written(new):
            if edge.artifact not in self.elements:
                if self._full():
                    missed.add(edge.artifact)
                    continue
                self.elements[edge.artifact] = element
                fresh.add(edge.artifact)
            self.edges[edge] = None
        self.left_out += len(missed)
        return fresh

    def _read(self, events: dict[int, int]) -> Iterator[tuple[EdgeRecord, str | None]]:
        """What they read; a list or dict for an element of it, where that is known."""
        elements: dict[int, str | None] = {}
        edges = []
        rows = each(self.connection, self._of, events, direction=t.READ)
        for event, param, artifact, element, series in rows:
            elements[artifact], self.series[artifact] = element, series
            edges.append(EdgeRecord(event, t.READ, artifact, param))
        for edge in fold(self.connection, edges, elements, events):
            yield edge, elements.get(edge.artifact)

    def _written(self, events: dict[int, int]) -> Iterator[tuple[EdgeRecord, str | None]]:
        """What they wrote; once there is no room, what is needed to count what is left out, and no more."""
        for some in batched(events):
            if self._full():
                for event, param, artifact in each(self.connection, _WRITTEN, some):
                    yield EdgeRecord(event, t.WROTE, artifact, param), None
                continue
            rows = each(self.connection, self._of, some, direction=t.WROTE)
            for event, param, artifact, element, series in rows:
                self.series[artifact] = series
                yield EdgeRecord(event, t.WROTE, artifact, param), element

    def _full(self) -> bool:
        return len(self.events) + len(self.elements) >= self.limit

    def _writers(self, frontier: set[int]) -> list[tuple[_Hit, EdgeRecord]]:
        """The newest attempt that made each; an element was made with its list or dict."""
        parts = {id_ for id_ in frontier if self.elements[id_] is not None}
        shown: dict[int, list[tuple[int, str | None]]] = {id_: [(id_, None)] for id_ in frontier - parts}
        for part, candidates in wholes(self.connection, parts).items():
            shown.setdefault(candidates[-1][0], []).append((part, self.elements[part]))
        chosen: dict[int, _Hit] = {}
        for hit in self._hits(shown, t.WROTE):
            if hit.artifact not in chosen or chosen[hit.artifact].age < hit.age:
                chosen[hit.artifact] = hit
        return [
            (hit, EdgeRecord(hit.event, t.WROTE, id_, hit.param, element))
            for whole, hit in chosen.items()
            for id_, element in shown[whole]
        ]

    def _readers(self, frontier: set[int]) -> list[tuple[_Hit, EdgeRecord]]:
        """Who read each, or an element of it, in order of time."""
        hits = [
            (hit, EdgeRecord(hit.event, t.READ, hit.artifact, hit.param))
            for hit in self._hits(frontier, t.READ)
        ]
        lists = {id_ for id_ in frontier if self.series.get(id_) in self._listed}
        elements = records.elements(self.connection, lists)
        rivals = wholes(self.connection, elements)
        for hit in self._hits(elements, t.READ):
            whole, element = elements[hit.artifact]
            if whole_seen(rivals[hit.artifact], hit.time_ms) == whole:
                hits.append((hit, EdgeRecord(hit.event, t.READ, whole, hit.param, element)))
        return sorted(hits, key=lambda pair: (pair[0].time_ms, pair[0].uuid))

    def _hits(self, artifacts: Iterable[int], direction: int) -> Iterator[_Hit]:
        """No more than there is room for, and one: millions may have read one artifact."""
        most = max(0, self.limit - len(self.events) - len(self.elements)) + 1
        rows = each(self.connection, self._at, artifacts, direction=direction, most=most)
        return map(_Hit._make, rows)


def _attempts_at(sight: Sight) -> Select[Any]:
    edge, event = t.edge.c, t.event.c
    query = select(edge.artifact, edge.param, event.id, event.step, *AGE)
    query = query.join(t.event, event.id == edge.event)
    here = among(edge.artifact), edge.direction == bindparam("direction")
    return query.where(*here, sight.allows(event.dag)).limit(bindparam("most"))


def _artifacts_of(sight: Sight) -> Select[Any]:
    edge, artifact = t.edge.c, t.artifact.c
    query = select(edge.event, edge.param, artifact.id, artifact.element, artifact.series)
    query = query.join(t.artifact, artifact.id == edge.artifact)
    here = among(edge.event), edge.direction == bindparam("direction")
    return query.where(*here, sight.allows(artifact.dag)).order_by(edge.event, edge.position)


# Artifacts are of the DAG of the step that wrote them: who may read its attempts may read these.
_WRITTEN = (
    select(t.edge.c.event, t.edge.c.param, t.edge.c.artifact)
    .where(among(t.edge.c.event), t.edge.c.direction == t.WROTE)
    .order_by(t.edge.c.event, t.edge.c.position)
)

# Series of lists and dicts of which elements were read by themselves.
_whole, _part = t.series.alias("whole"), t.series.alias("part")
_LISTED = select(_whole.c.id).where(
    _part.c.part.is_(True),
    _whole.c.part.is_(False),
    _whole.c.dag == _part.c.dag,
    _whole.c.task_id == _part.c.task_id,
    _whole.c.name == _part.c.name,
)


def _drop_idle(connection: Connection, found: Trace) -> None:
    """Of superseded attempts those that left an output stay."""
    idle = _idle(connection, found.superseded)
    found.attempts = {id_: record for id_, record in found.attempts.items() if id_ not in idle}
    found.edges = {edge: None for edge in found.edges if edge.event not in idle}
    found.superseded -= idle


def _idle(connection: Connection, superseded: Collection[int]) -> set[int]:
    query = select(t.edge.c.event).where(t.edge.c.direction == t.WROTE)
    return set(superseded) - {row[0] for row in chunked(connection, query, t.edge.c.event, superseded)}


def _count_attempts(connection: Connection, found: Trace) -> None:
    found.counts = dict.fromkeys((record.step for record in found.attempts.values()), 1)
    several = ages(connection, tried_again(connection, found.counts))
    last = newest(several)
    found.counts.update(Counter(age.step for age in several))
    found.superseded = {
        record.id
        for record in found.attempts.values()
        if record.step in last and last[record.step].id != record.id
    }
