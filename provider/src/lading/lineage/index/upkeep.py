"""The index as a whole: what it holds, whether it says what the log says, making it anew."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, text, update

from lading.errors import IndexBroken
from lading.lineage import log
from lading.lineage.index import tables as t
from lading.lineage.index.catchup import BATCH, Progress, Projector, in_batches, stem
from lading.lineage.index.projection import lock

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection, Engine

    from lading_runner.store.base import ObjectStore


@dataclass(frozen=True)
class Status:
    events: int
    artifacts: int
    edges: int
    runs: int
    dags: int
    newest_ms: int | None  # time of the newest event
    damaged: dict[str, str]  # reasons by key


@dataclass
class Verdict:
    checked: int = 0  # objects of the log
    missing: list[str] = field(default_factory=list)  # keys of events that the index does not have
    differing: list[str] = field(default_factory=list)  # keys of those that it has otherwise
    surplus: int = 0  # events of the index that are no longer in the log
    damaged: dict[str, str] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        return not (self.missing or self.differing or self.surplus or self.damaged)


def status(engine: Engine) -> Status:
    with engine.connect() as connection:
        counts = {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in (
                ("events", t.event),
                ("artifacts", t.artifact),
                ("edges", t.edge),
                ("runs", t.run),
                ("dags", t.dag),
            )
        }
        newest = connection.scalar(select(func.max(t.event.c.time_ms)))
        return Status(**counts, newest_ms=newest, damaged=_damaged(connection))


def rebuild(engine: Engine, objects: ObjectStore, told: Callable[[Progress], None] | None = None) -> Progress:
    """Take every row away and add all events again; meanwhile answers are incomplete, and say so."""
    with engine.begin() as connection:
        _lock_or_heal(connection)
        for table in t.metadata.sorted_tables:
            if table is t.state:
                connection.execute(delete(table).where(table.c.name != t.WRITER))
            elif connection.dialect.name == "sqlite":
                connection.execute(delete(table))
            else:  # seconds instead of minutes
                connection.execute(text(f"TRUNCATE TABLE {table.name}"))
    return Projector(engine, objects).everything(told)


def verify(engine: Engine, objects: ObjectStore, told: Callable[[int], None] | None = None) -> Verdict:
    """Read every object of the log and compare; ``told`` hears how many have been."""
    found = Verdict()
    keys = (stat.key for stat in objects.list(log.ROOT) if stat.key.endswith(".json"))
    matched = 0
    for some in in_batches(keys, BATCH):
        matched += _compare(engine, objects, some, found)
        found.checked += len(some)
        if told:
            told(found.checked)
    with engine.connect() as connection:
        for key, reason in _damaged(connection).items():  # an event that the database could not hold
            if key in found.missing:
                found.missing.remove(key)
                found.damaged[key] = reason
        total = connection.scalar(select(func.count()).select_from(t.event)) or 0
    found.surplus = max(0, total - matched)
    return found


def _compare(engine: Engine, objects: ObjectStore, keys: list[str], found: Verdict) -> int:
    """How many of the events at ``keys`` the index has."""
    with engine.connect() as connection:
        known = _bodies(connection, keys)
    matched = 0
    for key, raw, event in log.load(objects, keys):
        if isinstance(event, str):
            found.damaged[key] = event
        elif event.id not in known:
            found.missing.append(key)
        else:
            matched += 1
            if known[event.id] != raw:
                found.differing.append(key)
    return matched


def _lock_or_heal(connection: Connection) -> None:
    try:
        lock(connection)
    except IndexBroken:  # the row that all wait for is lost
        connection.execute(t.state.insert().values(name=t.WRITER, value=""))
        connection.execute(update(t.state).where(t.state.c.name == t.WRITER).values(value=""))


def _bodies(connection: Connection, keys: list[str]) -> dict[str, bytes]:
    query = select(t.event.c.uuid, t.body.c.json).join(t.body, t.body.c.event == t.event.c.id)
    rows = connection.execute(query.where(t.event.c.uuid.in_([stem(key) for key in keys])))
    return {uuid: zlib.decompress(raw) for uuid, raw in rows}


def _damaged(connection: Connection) -> dict[str, str]:
    query = select(t.damaged.c.key, t.damaged.c.reason).order_by(t.damaged.c.key)
    return {key: reason for key, reason in connection.execute(query)}
