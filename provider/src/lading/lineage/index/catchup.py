"""Brings the index up to the log: finds the objects that it does not know, and adds their events.

Keys of the log begin with a time, so new events lie under few prefixes. Those that came late, or while nobody
looked, are found by looking through all of the log.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError, OperationalError

from lading.lineage import log
from lading.lineage.index import tables as t
from lading.lineage.index.insert import roomy
from lading.lineage.index.projection import add, lock
from lading.lineage.index.rows import EventRows, cut, rows
from lading.lineage.index.windows import Window, current, prefixes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from sqlalchemy.engine import Connection, Engine

    from lading_runner.store.base import ObjectStore

BATCH = 2000  # events in one transaction
_RETRY_DAMAGED_MS = 60_000
_THROUGH = "through"  # the window before which everything was looked at
_TRIES = 5


@dataclass
class Progress:
    listed: int = 0  # objects of the log that were looked at
    added: int = 0
    damaged: int = 0  # objects that hold no event, new or looked at again
    complete: bool = True  # False: the deadline came first
    seconds: float = 0.0
    _began: float = field(default_factory=time.monotonic, repr=False)

    def finish(self) -> Progress:
        self.seconds = time.monotonic() - self._began
        return self


class Projector:
    """Adds events of ``objects`` to the index of ``engine``; any number may work at the same time."""

    def __init__(self, engine: Engine, objects: ObjectStore, batch: int = BATCH) -> None:
        self.engine, self.objects, self.batch = engine, objects, batch

    def recent(self, budget_s: float | None = None, *, back_s: float = 0) -> Progress:
        """Look at what the log got since the last time, without a last time at everything.

        :param back_s: look so far back; the id of a step's event has the time when its job began

        :raises StoreError: the store failed
        :raises sqlalchemy.exc.SQLAlchemyError: the database failed
        """
        now = current()
        through = self._through()
        places = [log.ROOT] if through is None else prefixes(min(through, current(back_s)), now)
        found = self._scan(places, budget_s)
        if found.complete:
            self._set_through(now - 1)
        return found

    def everything(self, told: Callable[[Progress], None] | None = None) -> Progress:
        """Look through the whole log; ``told`` hears of each batch."""
        now = current()
        found = self._scan([log.ROOT], None, told)
        self._set_through(now - 1)
        return found

    def _scan(
        self, places: Iterable[str], budget_s: float | None, told: Callable[[Progress], None] | None = None
    ) -> Progress:
        progress = Progress()
        end = None if budget_s is None else time.monotonic() + budget_s
        with ThreadPoolExecutor(1, thread_name_prefix="lading-index-read") as pool:
            ahead: Future[_Batch] | None = None  # read while the batch before it is written
            for keys in in_batches(self._keys(places), self.batch):
                if end is not None and time.monotonic() > end:
                    progress.complete = False
                    break
                progress.listed += len(keys)
                ready, ahead = ahead, self._read_ahead(pool, keys)
                self._add(ready, progress)
                if told:
                    told(progress)
            self._add(ahead, progress)
        return progress.finish()

    def _keys(self, places: Iterable[str]) -> Iterator[str]:
        for place in places:
            for stat in self.objects.list(place):
                if stat.key.endswith(".json"):
                    yield stat.key

    def _unknown(self, keys: Sequence[str]) -> list[str]:
        with self.engine.connect() as connection:
            names = [cut(stem(key), t.NAME_LENGTH) for key in keys]
            query = select(t.event.c.uuid).where(t.event.c.uuid.in_(names))
            known = set(connection.scalars(query))
            left = [key for key in keys if stem(key) not in known]
            if left:
                fresh = t.damaged.c.seen_ms > _now_ms() - _RETRY_DAMAGED_MS
                query = select(t.damaged.c.key).where(t.damaged.c.key.in_(left), fresh)
                damaged = set(connection.scalars(query))
                left = [key for key in left if key not in damaged]
            return left

    def _read_ahead(self, pool: ThreadPoolExecutor, keys: Sequence[str]) -> Future[_Batch] | None:
        unknown = self._unknown(keys)
        return pool.submit(_read, self.objects, unknown) if unknown else None

    def _add(self, ready: Future[_Batch] | None, progress: Progress) -> None:
        if ready is not None:
            events, damaged = ready.result()
            progress.added += self._write(events, damaged)
            progress.damaged += len(damaged)

    def _write(self, events: dict[str, EventRows], damaged: dict[str, str]) -> int:
        try:
            return self._transaction(events, damaged)
        except DBAPIError as e:
            if isinstance(e, OperationalError) or e.connection_invalidated or not events:
                raise
            if len(events) == 1:  # this database cannot hold it, for whatever reason
                refused = {key: cut(f"the database refuses it: {e.orig}", 500) for key in events}
                return self._transaction({}, {**damaged, **refused})
        # One of them is at fault: each by itself.
        singly = sum(self._write({key: found}, {}) for key, found in events.items())
        return singly + self._transaction({}, damaged)

    def _transaction(self, events: dict[str, EventRows], damaged: dict[str, str]) -> int:
        for again in range(_TRIES):
            try:
                with self.engine.begin() as connection, roomy(connection):
                    lock(connection)
                    added = add(connection, events.values())
                    _note_damaged(connection, damaged, list(events))
                return added
            except OperationalError:  # a lock was not given in time, a deadlock: nothing was added
                if again == _TRIES - 1:
                    raise
                time.sleep(0.05 * 4**again)
        raise AssertionError

    def _through(self) -> Window | None:
        with self.engine.connect() as connection:
            value = connection.scalar(select(t.state.c.value).where(t.state.c.name == _THROUGH))
        return int(value) if value is not None else None

    def _set_through(self, window: Window) -> None:
        """Only ever forward."""
        if (known := self._through()) is not None and known >= window:
            return
        with self.engine.begin() as connection:
            lock(connection)
            put_state(connection, _THROUGH, str(window))


class _Batch(NamedTuple):
    """What is at some keys of the log."""

    events: dict[str, EventRows]
    damaged: dict[str, str]  # why there is no event


def _read(objects: ObjectStore, keys: Sequence[str]) -> _Batch:
    found = _Batch({}, {})
    for key, raw, event in log.load(objects, keys):
        if isinstance(event, str):
            found.damaged[key] = event
            continue
        try:
            if event.id != stem(key):
                raise ValueError(f"its name is {stem(key)!r:.80}, its event has the id {event.id!r:.80}")
            found.events[key] = rows(event, raw)
        except (ValueError, TypeError, OverflowError, RecursionError) as e:
            found.damaged[key] = str(e) or type(e).__name__
    return found


def put_state(connection: Connection, name: str, value: str) -> None:
    """With ``lock`` held."""
    changed = connection.execute(update(t.state).where(t.state.c.name == name).values(value=value))
    if changed.rowcount == 0 and not connection.scalar(
        select(func.count()).select_from(t.state).where(t.state.c.name == name)
    ):
        connection.execute(t.state.insert().values(name=name, value=value))


def _note_damaged(connection: Connection, damaged: dict[str, str], healed: Sequence[str]) -> None:
    gone = [cut(key, t.NAME_LENGTH) for key in (*damaged, *healed)]
    if gone:
        connection.execute(delete(t.damaged).where(t.damaged.c.key.in_(gone)))
    if damaged:
        now = _now_ms()
        connection.execute(
            t.damaged.insert(),
            [
                {"key": cut(key, t.NAME_LENGTH), "reason": cut(reason, t.REASON_LENGTH), "seen_ms": now}
                for key, reason in damaged.items()
            ],
        )


def in_batches(keys: Iterator[str], size: int) -> Iterator[list[str]]:
    batch: list[str] = []
    for key in keys:
        batch.append(key)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def stem(key: str) -> str:
    return key.rpartition("/")[2].removesuffix(".json")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
