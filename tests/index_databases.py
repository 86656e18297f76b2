"""Databases for tests of the index, and what can be seen of an index from outside."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from lading.lineage.index import tables as t
from lading.lineage.index.catchup import Projector
from lading.lineage.index.records import Sight, dags
from lineage_samples import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sqlalchemy.engine import Connection, Engine

    from lading.lineage.event import LineageEvent
    from lading_runner.store.base import ObjectStore


def sqlite(folder: Path) -> Engine:
    engine = sa.create_engine(f"sqlite:///{folder / 'index.db'}", connect_args={"timeout": 60})
    t.metadata.create_all(engine)
    return engine


def postgresql(url: str) -> Engine:
    """A new database of the server at ``url``."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with sa.create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine = sa.create_engine(url.rpartition("/")[0] + f"/{name}", poolclass=sa.pool.NullPool)
    t.metadata.create_all(engine)
    return engine


def put(objects: ObjectStore, events: Iterable[LineageEvent]) -> None:
    for event in events:
        objects.write(event.key(), event.dumps())


def index(engine: Engine, objects: ObjectStore) -> Projector:
    projector = Projector(engine, objects)
    projector.everything()
    return projector


def everything(connection: Connection) -> Sight:
    return Sight(dags(connection))


def content(engine: Engine) -> dict[str, list[Any]]:
    """All that the index says, without the ids of this database."""
    with engine.connect() as c:
        artifacts = {row.id: row.uid for row in c.execute(sa.select(t.artifact.c.id, t.artifact.c.uid))}
        events = {row.id: row.uuid for row in c.execute(sa.select(t.event.c.id, t.event.c.uuid))}
        found: dict[str, list[Any]] = {
            "artifacts": _rows(c, t.artifact, "id", "dag", "run", "step", "series"),
            "events": _rows(c, t.event, "id", "dag", "run", "step"),
            "runs": _rows(c, t.run, "id", "dag"),
            "series": _rows(c, t.series, "id", "dag"),
            "damaged": _rows(c, t.damaged, "seen_ms"),
        }
        found["edges"] = sorted(
            (events[e.event], e.direction, e.position, artifacts[e.artifact], e.param or "")
            for e in c.execute(sa.select(t.edge))
        )
        for table in (t.fact, t.external):
            rows = c.execute(sa.select(table)).mappings()
            found[table.name] = sorted(
                json.dumps({**row, "event": events[row["event"]], "dag": None}) for row in rows
            )
    return found


def _rows(connection: Connection, table: sa.Table, *without: str) -> list[Any]:
    columns = [column for column in table.c if column.name not in without]
    return sorted(tuple(map(str, row)) for row in connection.execute(sa.select(*columns)))


def store_of(events: list[LineageEvent]) -> MemoryStore:
    store = MemoryStore()
    put(store, events)
    return store
