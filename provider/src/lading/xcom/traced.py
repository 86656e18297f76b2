"""Values that know where they came from, while Airflow resolves arguments.

A ``Handle`` stands for a value that was not read yet. ``TracedList`` and ``TracedDict`` are real lists and
dicts (Airflow indexes, zips, concatenates and maps over them) whose elements are handles; ``handle`` is the
whole.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading_runner.contract import ArtifactRef, Producer, canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABSENT: Any = object()


@dataclass(frozen=True)
class Handle:
    """An artifact that was pushed under ``producer``; ``inline`` holds its JSON where the row or collection
    does."""

    ref: ArtifactRef
    producer: Producer
    inline: Any = _ABSENT

    @property
    def is_inline(self) -> bool:
        return self.inline is not _ABSENT

    def __str__(self) -> str:
        shape = self.ref.meta.get("shape")
        size = "×".join(map(str, shape)) + " " if shape else ""
        return f"<{self.ref.type} {size}{self.ref.digest[:19]}…>"

    __repr__ = __str__


class TracedList(list[Any]):
    handle: Handle


class TracedDict(dict[Any, Any]):
    handle: Handle


def json_ref(data: Any, type_name: str) -> ArtifactRef:
    """The reference of a JSON value that stands inline and has no bytes in the store."""
    raw = canonical_json(data)
    return ArtifactRef("sha256:" + hashlib.sha256(raw).hexdigest(), len(raw), "json", type_name)


def step_into(producer: Producer, place: str) -> Producer:
    """The producer of one element of what ``producer`` pushed; ``place`` is ``[3]`` or ``['left']``."""
    return producer.replace(element=(producer.element or "") + place)


def trace_json(handle: Handle) -> Any:
    """The inline value of ``handle`` with every list and dict traced, down to handles of scalars."""
    data, producer = handle.inline, handle.producer
    if isinstance(data, dict) and "$tuple" in data:
        data = data["$tuple"]
    if isinstance(data, list):
        items = TracedList(_child(item, step_into(producer, f"[{i}]")) for i, item in enumerate(data))
        items.handle = handle
        return items
    if isinstance(data, dict) and not any(key.startswith("$") for key in data):
        pairs = TracedDict({k: _child(v, step_into(producer, f"[{k!r}]")) for k, v in data.items()})
        pairs.handle = handle
        return pairs
    return handle


def _child(data: Any, producer: Producer) -> Any:
    return trace_json(Handle(json_ref(data, type(data).__name__), producer, data))


def handles(value: Any, path: str = "") -> Iterator[tuple[str, Handle]]:
    """Every handle in ``value`` with its parameter path; a traced list or dict is one handle, itself."""
    if isinstance(value, Handle):
        yield path, value
    elif isinstance(value, (TracedList, TracedDict)):
        yield path, value.handle
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from handles(item, path + place_of(key))
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from handles(item, f"{path}[{i}]")


def place_of(key: Any) -> str:
    """How a dict key reads in a parameter path: ``.left`` or ``['top left']``."""
    return f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]"
