"""One artifact and one task instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from lading.lineage.index import tables as t
from lading.lineage.index.among import chunked
from lading.lineage.index.records import (
    ArtifactRecord,
    AttemptRecord,
    Sight,
    ages,
    artifact,
    artifacts,
    attempt,
    attempts,
    attempts_by_id,
    newest,
)
from lading.lineage.index.rows import event_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection

_MOST_RUNS = 500


def read_artifact(connection: Connection, uid: str, sight: Sight) -> ArtifactRecord | None:
    query = artifacts().where(t.artifact.c.uid == uid, sight.allows(t.artifact.c.dag))
    row = connection.execute(query).first()
    return None if row is None else artifact(row)


def artifacts_of_uids(connection: Connection, uids: Iterable[str], sight: Sight) -> dict[str, ArtifactRecord]:
    query = artifacts().where(sight.allows(t.artifact.c.dag))
    found = map(artifact, chunked(connection, query, t.artifact.c.uid, uids))
    return {record.uid: record for record in found}


def versions(connection: Connection, of: ArtifactRecord, limit: int) -> tuple[list[ArtifactRecord], int]:
    """The same output of the same task, newest first, and how many there are; element stays element."""
    same = artifacts().where(*_versions(of)).order_by(t.artifact.c.place.desc()).limit(limit)
    total = connection.scalar(_counted(*_versions(of)))
    return [artifact(row) for row in connection.execute(same)], int(total or 0)


def identical(
    connection: Connection, of: ArtifactRecord, sight: Sight, limit: int
) -> tuple[list[ArtifactRecord], int]:
    """Other outputs with the same bytes, newest first, and how many there are."""
    where = (
        t.artifact.c.digest == of.digest,
        t.artifact.c.id != of.id,
        t.artifact.c.element.is_(None),
        sight.allows(t.artifact.c.dag),
    )
    query = artifacts().where(*where).order_by(t.artifact.c.place.desc()).limit(limit)
    total = connection.scalar(_counted(*where))
    return [artifact(row) for row in connection.execute(query)], int(total or 0)


def failures(connection: Connection, of: ArtifactRecord, since_ms: int, limit: int) -> list[AttemptRecord]:
    """What the task that made it left since then where its newest attempt failed, newest first; of the
    newest runs of its DAG alone, which the user may read."""
    dag = select(t.artifact.c.dag).where(t.artifact.c.id == of.id).scalar_subquery()
    runs = select(t.run.c.id).where(t.run.c.dag == dag)
    runs = runs.order_by(t.run.c.started_ms.desc(), t.run.c.run_id.desc()).limit(_MOST_RUNS)
    same = select(t.step.c.id).where(t.step.c.task_id == of.task_id, t.step.c.map_index == of.map_index)
    steps = [id_ for (id_,) in chunked(connection, same, t.step.c.run, connection.scalars(runs))]
    last = attempts_by_id(connection, [one.id for one in newest(ages(connection, steps)).values()])
    failed = [one for one in last.values() if one.status == "failed" and one.time_ms >= since_ms]
    return sorted(failed, key=lambda one: (one.time_ms, one.uuid), reverse=True)[:limit]


def attempts_of(
    connection: Connection, dag_id: str, run_id: str, task_id: str, map_index: int
) -> list[AttemptRecord]:
    """Newest first."""
    query = attempts().where(
        t.dag.c.dag_id == dag_id,
        t.run.c.dag == t.dag.c.id,
        t.run.c.run_id == run_id,
        t.step.c.run == t.run.c.id,
        t.step.c.task_id == task_id,
        t.step.c.map_index == map_index,
    )
    found = [attempt(row) for row in connection.execute(query)]
    return sorted(found, key=lambda record: record.age, reverse=True)


def bodies(connection: Connection, events: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Whole events as JSON, by their ids in this database."""
    query = select(t.body.c.event, t.body.c.json)
    return {id_: event_of(raw) for id_, raw in chunked(connection, query, t.body.c.event, events)}


def _versions(of: ArtifactRecord) -> tuple[Any, ...]:
    # Of the same DAG, which the user may read. A mapped task has versions by map index.
    same = select(t.series.c.id).where(
        t.series.c.dag == select(t.artifact.c.dag).where(t.artifact.c.id == of.id).scalar_subquery(),
        t.series.c.task_id == of.task_id,
        t.series.c.name == of.name,
        t.series.c.part == (of.element is not None),
    )
    element = t.artifact.c.element
    return (
        t.artifact.c.series.in_(same),
        element.is_(None) if of.element is None else element == of.element,
        t.step.c.map_index == of.map_index,
    )


def _counted(*where: Any) -> Any:
    """Counting stops at 10,000."""
    some = select(t.artifact.c.id).join(t.step, t.step.c.id == t.artifact.c.step).where(*where)
    return select(func.count()).select_from(some.limit(10_000).subquery())
