"""The lineage log: one object per event, in folders by day. Events are appended, never changed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from lading.lineage.event import SCHEMA, LineageEvent
from lading_runner.errors import ContractError, RunnerError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lading_runner.store.base import ObjectStore

ROOT = "lineage/"
STATUSES = ("succeeded", "failed", "skipped", "cancelled", "cached")
_DAY = timedelta(days=1)
_READERS = 16  # requests in flight to a remote store
_LISTED_DAY_BY_DAY = 92  # a longer range is cheaper to list at once


class Damaged(NamedTuple):
    """An object of the log that holds no event."""

    key: str
    reason: str


def append(event: LineageEvent, objects: ObjectStore) -> None:
    """Idempotent: the same event again changes nothing.

    :raises StoreError: the store failed, or holds another event under the same id
    """
    key, data = event.key(), event.dumps()
    if not objects.create(key, data) and objects.read(key) != data:
        raise StoreError(
            f"{key} already holds another lineage event than that of task {event.task.task_id!r}; "
            f"ids must be new for each event: use lading.lineage.event.uuid7()"
        )


def read(
    objects: ObjectStore,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    dag_id: str | None = None,
    run_id: str | None = None,
    damaged: list[Damaged] | None = None,
) -> Iterator[LineageEvent]:
    """Events in order of time, one day folder after the other; ``since`` and ``until`` are inclusive.

    What is no event is skipped, and added to ``damaged``. A day's events are held in memory at once.

    :raises StoreError: the store failed
    """
    wanted = _Wanted(dag_id, run_id)
    for _, keys in groupby(_keys(objects, since, until), key=_day):
        for event in _events(objects, keys, wanted, damaged):
            time = moment(event.time)
            if (since is None or time >= since) and (until is None or time <= until):
                yield event


class Loaded(NamedTuple):
    """An object of the log that is there."""

    key: str
    raw: bytes
    event: LineageEvent | str  # or why it is none


def load(objects: ObjectStore, keys: Iterable[str]) -> Iterator[Loaded]:
    """:raises StoreError: the store failed"""
    for key, raw in _bodies(objects, list(keys)):
        if isinstance(raw, bytes):
            yield Loaded(key, raw, _parse(raw))
        elif raw is not None:
            yield Loaded(key, b"", raw)


def newest_run(objects: ObjectStore, dag_id: str) -> str | None:
    """The run of ``dag_id`` whose event is the latest; None: it has no events."""
    days = groupby(sorted(_keys(objects, None, None), reverse=True), key=_day)
    for _, keys in days:
        if events := _events(objects, keys, _Wanted(dag_id, None), None):
            return events[-1].task.run_id
    return None


def moment(time: str) -> datetime:
    """:raises ValueError: not RFC 3339 with an offset"""
    found = datetime.fromisoformat(time)
    if found.tzinfo is None:
        raise ValueError(f"time {time!r} has no offset; expected such as 2026-11-20T12:00:00Z")
    return found


class _Wanted(NamedTuple):
    dag_id: str | None
    run_id: str | None

    def may_be_in(self, raw: bytes) -> bool:
        """Cheap; False only for an object that is whole and names another DAG or run."""
        names = [name for name in self if name is not None]
        return not raw.endswith(b"}") or all(
            json.dumps(name, ensure_ascii=False).encode(errors="surrogatepass") in raw
            or json.dumps(name).encode() in raw
            for name in names
        )

    def match(self, event: LineageEvent) -> bool:
        task = event.task
        return self.dag_id in (None, task.dag_id) and self.run_id in (None, task.run_id)


def _day(key: str) -> str:
    return key[len(ROOT) : len(ROOT) + 10]


def _keys(objects: ObjectStore, since: datetime | None, until: datetime | None) -> Iterator[str]:
    # An event lies under the day of its id, by the clock of its worker: one day of grace on both sides.
    first = (since - _DAY).astimezone(UTC).date() if since else date.min
    now = datetime.now(UTC)
    last = ((until or max(since or now, now)) + _DAY).astimezone(UTC).date()
    for prefix in _prefixes(first, last):
        for stat in objects.list(prefix):
            day = _date(_day(stat.key))
            if stat.key.endswith(".json") and day and day >= first and (until is None or day <= last):
                yield stat.key


def _prefixes(first: date, last: date) -> Iterable[str]:
    if (last - first).days > _LISTED_DAY_BY_DAY:
        return [ROOT]
    return [f"{ROOT}{first + timedelta(days=n)}/" for n in range((last - first).days + 1)]


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _events(
    objects: ObjectStore, keys: Iterable[str], wanted: _Wanted, damaged: list[Damaged] | None
) -> list[LineageEvent]:
    """The wanted events among ``keys``, by time."""
    found = []
    for key, raw in _bodies(objects, list(keys)):
        if raw is None or (isinstance(raw, bytes) and not wanted.may_be_in(raw)):
            continue
        event = _parse(raw) if isinstance(raw, bytes) else raw
        if isinstance(event, LineageEvent):
            found += [event] if wanted.match(event) else []
        elif damaged is not None:
            damaged.append(Damaged(key, event))
    return sorted(found, key=lambda event: (moment(event.time), event.id))


def _bodies(objects: ObjectStore, keys: list[str]) -> Iterator[tuple[str, bytes | str | None]]:
    if objects.root.startswith("file:") or len(keys) < 4:
        yield from ((key, _body(objects, key)) for key in keys)
        return
    with ThreadPoolExecutor(_READERS) as pool:
        yield from zip(keys, pool.map(lambda key: _body(objects, key), keys), strict=True)


def _body(objects: ObjectStore, key: str) -> bytes | str | None:
    """The bytes; or why they cannot be had; None: retention took them between list and read."""
    try:
        return objects.read(key)
    except KeyError:
        return None
    except ContractError as e:  # a name that no writer of ours gives
        return str(e)


def _parse(raw: bytes) -> LineageEvent | str:
    """The event, or why there is none."""
    try:
        event = LineageEvent.loads(raw)
        return _fault(event) or event
    except (RunnerError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as e:
        return str(e) or type(e).__name__


def _fault(event: LineageEvent) -> str | None:
    """What readers could not bear; nested records only guarantee that their fields are there."""
    if event.schema != SCHEMA:
        return f"schema is {event.schema!r}, this release reads {SCHEMA}; upgrade airflow-provider-lading"
    if event.status not in STATUSES:
        return f"status is {event.status!r}, expected one of {', '.join(STATUSES)}"
    moment(event.time)
    for part, shape in _parts(event):
        values = vars(part)
        for name, kinds in shape:
            if not isinstance(values[name], kinds):
                return f"{type(part).__name__}.{name} is {values[name]!r:.80}"
    return None


def _parts(event: LineageEvent) -> Iterator[tuple[object, _Shape]]:
    yield event, _EVENT
    yield event.task, _TASK
    for item in event.inputs:
        yield item, _INPUT
        yield item.producer, _PRODUCER
        yield item.artifact, _ARTIFACT
    for output in event.outputs:
        yield output, _OUTPUT
        yield output.artifact, _ARTIFACT


_Shape = tuple[tuple[str, type | tuple[type, ...]], ...]
_TEXT_OR_NONE, _DICT_OR_NONE = (str, type(None)), (dict, type(None))
_MAPPINGS = (
    *("job", "code", "environment", "params", "external", "metrics", "metrics_higher_is_better"),
    *("timings", "profile"),
)
_EVENT: _Shape = (
    ("id", str),
    ("operator", str),
    ("target", _TEXT_OR_NONE),
    *((name, dict) for name in _MAPPINGS),
    ("requested", _DICT_OR_NONE),
    ("cache", _DICT_OR_NONE),
    ("error", _DICT_OR_NONE),
)
_WHO: _Shape = (("dag_id", str), ("run_id", str), ("task_id", str), ("map_index", int))
_TASK: _Shape = (*_WHO, ("try_number", int), ("generation", int))
_PRODUCER: _Shape = (*_WHO, ("key", str), ("element", _TEXT_OR_NONE))
_INPUT: _Shape = (("param", _TEXT_OR_NONE), ("artifact", object), ("producer", object))
_OUTPUT: _Shape = (("name", str),)
_ARTIFACT: _Shape = (("size", int), ("format", str), ("type", str), ("meta", dict))
