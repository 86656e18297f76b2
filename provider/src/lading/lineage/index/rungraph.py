"""What the index knows of one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from lading.lineage.index import tables as t
from lading.lineage.index.records import (
    ArtifactRecord,
    AttemptRecord,
    EdgeRecord,
    ExternalRecord,
    Sight,
    artifact,
    artifacts,
    artifacts_by_id,
    attempt,
    attempts,
    externals,
    newest,
    whole_seen,
    wholes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import Connection


@dataclass(frozen=True)
class RunRecords:
    steps: dict[int, AttemptRecord]  # the newest attempt of each step
    attempts: dict[int, int]  # how many each step has
    artifacts: dict[int, ArtifactRecord]
    edges: list[EdgeRecord]
    externals: list[ExternalRecord]


def read_run(connection: Connection, run: int, sight: Sight) -> RunRecords:
    """``run`` is of a DAG that ``sight`` allows; what it read from others is filtered."""
    found = [attempt(row) for row in connection.execute(attempts().where(t.event.c.run == run))]
    steps = newest(found)
    counts: dict[int, int] = {}
    for record in found:
        counts[record.step] = counts.get(record.step, 0) + 1
    shown = {record.id: record for record in steps.values()}
    known, edges = _edges(connection, run, shown, sight)
    elements = {id_: record.element for id_, record in known.items()}
    edges = fold(connection, edges, elements, {id_: record.time_ms for id_, record in shown.items()})
    known.update(artifacts_by_id(connection, {edge.artifact for edge in edges} - set(known)))
    used = {edge.artifact for edge in edges}
    return RunRecords(
        steps=steps,
        attempts=counts,
        artifacts={id_: record for id_, record in known.items() if id_ in used},
        edges=edges,
        externals=externals(connection, shown),
    )


def _edges(
    connection: Connection, run: int, shown: dict[int, AttemptRecord], sight: Sight
) -> tuple[dict[int, ArtifactRecord], list[EdgeRecord]]:
    edge = t.edge.c
    query = artifacts(edge.event, edge.direction, edge.param)
    query = query.join(t.edge, edge.artifact == t.artifact.c.id).join(t.event, t.event.c.id == edge.event)
    query = query.where(t.event.c.run == run, sight.allows(t.artifact.c.dag))
    known: dict[int, ArtifactRecord] = {}
    edges = []
    for event, direction, param, *row in connection.execute(
        query.order_by(edge.event, edge.direction, edge.position)
    ):
        if event in shown:
            if row[0] not in known:
                known[row[0]] = artifact(row)
            edges.append(EdgeRecord(event, direction, row[0], param))
    return known, edges


def fold(
    connection: Connection,
    edges: Sequence[EdgeRecord],
    elements: Mapping[int, str | None],
    times: Mapping[int, int],
) -> list[EdgeRecord]:
    """Edges to an element lead to the list or dict that it is of, where that is known.

    :param elements: of each artifact; None: it is whole
    :param times: when each event was, in milliseconds
    """
    parts = {e.artifact for e in edges if e.direction == t.READ and elements[e.artifact] is not None}
    if not parts:
        return list(edges)
    candidates = wholes(connection, parts)
    found: dict[EdgeRecord, None] = {}
    for edge in edges:
        whole = whole_seen(candidates.get(edge.artifact, ()), times[edge.event])
        if edge.artifact in parts and whole is not None:
            found[edge._replace(artifact=whole, element=elements[edge.artifact])] = None
        else:
            found[edge] = None
    return list(found)


def run_of(connection: Connection, dag_id: str, run_id: str) -> int | None:
    """Id of the run in this database; None: no event speaks of it."""
    query = select(t.run.c.id).join(t.dag, t.dag.c.id == t.run.c.dag)
    found: int | None = connection.scalar(query.where(t.dag.c.dag_id == dag_id, t.run.c.run_id == run_id))
    return found
