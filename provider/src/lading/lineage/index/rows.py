"""From lineage events to rows, without a database. Pure."""

from __future__ import annotations

import hashlib
import json
import math
import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from lading.lineage.graph import seconds
from lading.lineage.index import tables as t
from lading.lineage.log import moment
from lading.lineage.nodes import ArtifactKey, StepKey
from lading_runner.contract import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lading.lineage.event import LineageEvent
    from lading_runner.contract import ArtifactRef

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOST_INT = 2**63 - 1
_PLACE_BITS = 20
_LATEST_MS = 2**43 - 1  # the year 2248: what leaves room for the bits of ``place``
_SHOWN_METRICS = 8
_ERROR_CHARS = 300


class SeriesKey(NamedTuple):
    dag_id: str
    task_id: str
    name: str
    part: bool
    type: str
    format: str

    @property
    def uid(self) -> str:
        return uid("series", json.dumps(self))


class ArtifactRow(NamedTuple):
    key: ArtifactKey
    series: SeriesKey
    size: int
    meta: str
    place: int
    element: str | None


# What follows has the columns of its table, without the ids of this database but with those of artifacts.


class Link(NamedTuple):
    direction: int
    position: int
    artifact: str  # uid
    param: str | None


class EventRow(NamedTuple):
    uuid: str
    time_ms: int
    try_number: int
    generation: int
    status: str
    operator: str
    target: str | None
    seconds: float
    brief: str


class ExternalRow(NamedTuple):
    direction: int
    position: int
    uri: str
    version: str | None


class FactRow(NamedTuple):
    kind: int
    position: int
    name: str
    text: str
    number: float | None
    better: int | None


@dataclass(frozen=True)
class EventRows:
    """All that one event adds."""

    step: StepKey
    started_ms: int
    event: EventRow
    body: bytes
    artifacts: dict[str, ArtifactRow] = field(default_factory=dict)  # by uid
    links: list[Link] = field(default_factory=list)
    externals: list[ExternalRow] = field(default_factory=list)
    facts: list[FactRow] = field(default_factory=list)


def uid(kind: str, name: str) -> str:
    """32 hexadecimal digits that name a thing outside of the database, the same after a rebuild."""
    return hashlib.sha256(f"{kind}\0{name}".encode(errors="surrogatepass")).hexdigest()[:32]


def place(time_ms: int, artifact: str) -> int:
    """An integer that sorts artifacts by time, those of one millisecond by ``uid``: pages begin after it."""
    return time_ms << _PLACE_BITS | int(artifact[:8], 16) >> (32 - _PLACE_BITS)


def first_place(time_ms: int) -> int:
    """The least ``place`` of that time; of the earliest or latest there is, where no column holds it."""
    return min(max(0, time_ms), _LATEST_MS) << _PLACE_BITS


def place_ms(found: int) -> int:
    """The time that ``place`` was made of."""
    return found >> _PLACE_BITS


def milliseconds(time: str) -> int:
    """:raises ValueError: no time, or one that no clock of ours shows"""
    found = round(moment(time).timestamp() * 1000)
    if not 0 <= found <= _LATEST_MS:
        raise ValueError(f"time is {time!r}, expected one between 1970 and 2248")
    return found


def rows(event: LineageEvent, raw: bytes) -> EventRows:
    """``raw``: the event as it is in the log.

    :raises ValueError: what no column can hold, and the event is not itself without
    """
    _check(event)
    time_ms = milliseconds(event.time)
    took = seconds(event)
    found = EventRows(
        step=StepKey.of(event.task),
        started_ms=max(0, time_ms - round(took * 1000)),
        event=EventRow(
            event.id,
            time_ms,
            event.task.try_number,
            event.task.generation,
            event.status,
            cut(event.operator),
            None if event.target is None else cut(event.target),
            took,
            json.dumps(_brief(event)),
        ),
        body=zlib.compress(raw, 1),
    )
    for n, item in enumerate(event.inputs):
        name = _mention(found, ArtifactKey.read(item), item.artifact)
        param = None if item.param is None else cut(item.param, t.NAME_LENGTH)
        found.links.append(Link(t.READ, n, name, param))
    for n, output in enumerate(event.outputs):
        name = _mention(found, ArtifactKey.written(event, output), output.artifact)
        found.links.append(Link(t.WROTE, n, name, output.name))
    found.externals.extend(_externals(event))
    found.facts.extend(_facts(t.PARAM, event.params, {}))
    found.facts.extend(_facts(t.METRIC, event.metrics, event.metrics_higher_is_better))
    return found


def event_of(body: bytes) -> dict[str, Any]:
    """The event as JSON; null where it holds a number that JSON has not."""
    found: dict[str, Any] = json.loads(zlib.decompress(body), parse_constant=lambda _: None)
    return found


def cut(text: str, length: int = t.TEXT_LENGTH) -> str:
    """What a column can hold of ``text``, for people to read."""
    if len(text) <= length and text.isascii() and "\0" not in text:
        return text
    clean = text.replace("\0", "�").encode(errors="replace").decode()
    return clean if len(clean) <= length else clean[: length - 1] + "…"


def _mention(found: EventRows, key: ArtifactKey, ref: ArtifactRef) -> str:
    """The uid of the artifact, whose row is added."""
    step = key.step
    series = SeriesKey(
        step.dag_id, step.task_id, key.key, key.element is not None, cut(ref.type), cut(ref.format)
    )
    name = uid("artifact", key.id)
    element = None if key.element is None else cut(key.element, t.NAME_LENGTH)
    when = place(found.event.time_ms, name)
    row = ArtifactRow(key, series, ref.size, canonical_json(dict(ref.meta)).decode(), when, element)
    found.artifacts.setdefault(name, row)
    return name


def _brief(event: LineageEvent) -> dict[str, Any]:
    known = event.metrics_higher_is_better
    metrics = [[name, value, known.get(name)] for name, value in event.metrics.items() if _is_scalar(value)]
    brief: dict[str, Any] = {"metrics": metrics[:_SHOWN_METRICS]} if metrics else {}
    if event.error is not None:
        first = str(event.error.get("message", "")).strip().split("\n", 1)[0]
        brief["error"] = cut(f"{event.error.get('type', 'Error')}: {first}", _ERROR_CHARS)
        brief["failure"] = cut(str(event.error.get("class", "")), 32)
    if code := event.code.get("digest"):
        brief["code"] = cut(str(code), 80)
    return brief


def _externals(event: LineageEvent) -> Iterator[ExternalRow]:
    for direction, name in ((t.READ, "inputs"), (t.WROTE, "outputs")):
        items = event.external.get(name)
        for n, item in enumerate(items if isinstance(items, (list, tuple)) else ()):
            if isinstance(item, dict) and isinstance(item.get("uri"), str):
                version = item.get("version")
                shown = None if version is None else cut(str(version))
                yield ExternalRow(direction, n, cut(item["uri"], t.URI_LENGTH), shown)


def _facts(kind: int, values: Mapping[str, Any], better: Mapping[str, bool]) -> Iterator[FactRow]:
    for n, (name, value) in enumerate(values.items()):
        if _is_scalar(value):
            text = cut(value if isinstance(value, str) else json.dumps(value))
            number = None if isinstance(value, str) else float(value)
            yield FactRow(kind, n, cut(name), text, number, int(better[name]) if name in better else None)


def fact_value(text: str, number: float | None) -> Any:
    """The parameter or metric of a row; a long text ends with ``…``."""
    return text if number is None else json.loads(text)


def _is_scalar(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) < 10**200
    return isinstance(value, str)


def _check(event: LineageEvent) -> None:
    if not _UUID.fullmatch(event.id):
        raise ValueError(f"id is {event.id!r:.80}, expected a UUID in lower case")
    keys = [StepKey.of(event.task), *(StepKey.of(item.producer) for item in event.inputs)]
    for key in keys:
        for name in ("dag_id", "run_id", "task_id"):
            _fits(name, getattr(key, name), t.KEY_LENGTH)
        _in_range("map_index", key.map_index, -1)
    for name in [*(item.producer.key for item in event.inputs), *(output.name for output in event.outputs)]:
        _fits("XCom key", name, t.NAME_LENGTH)
    for ref in [*(item.artifact for item in event.inputs), *(output.artifact for output in event.outputs)]:
        _in_range("size", ref.size, 0)
    _in_range("try_number", event.task.try_number, 0)
    _in_range("generation", event.task.generation, 0)


def _fits(name: str, text: str, length: int) -> None:
    if not 0 < len(text) <= length:
        raise ValueError(f"{name} has {len(text)} characters, expected 1 to {length}")
    if "\0" in text or not _is_utf8(text):
        raise ValueError(f"{name} {text!r:.80} has characters that no database holds")


def _is_utf8(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _in_range(name: str, value: int, least: int) -> None:
    if not least <= value <= _MOST_INT:
        raise ValueError(f"{name} is {value!r:.80}, expected {least} to {_MOST_INT}")
