"""A list, tuple or dict whose elements are artifacts of their own: ``{"$collection": 1, "kind": "list",
"items": [[key or null, reference], [key or null, reference, inline JSON], …]}``. Small JSON stands in the
document itself."""

from __future__ import annotations

import hashlib
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple, Union

from lading_runner.contract import ArtifactRef, canonical_json
from lading_runner.errors import ArtifactUndecodable, ContractError
from lading_runner.serializers.untag import parse

FORMAT = "collection"
VERSION = 1
INLINE = 512  # bytes of canonical JSON that an element may have inline

#: Stands for the inline JSON of an element that has none.
ABSENT: Any = type("Absent", (), {"__repr__": lambda self: "ABSENT", "__slots__": ()})()

Key = Union[str, int]
Element = Tuple[str, ArtifactRef, Any]


class Collection(NamedTuple):
    """``refs``: of each element its place (``[3]``, ``['left']``), its reference, and its JSON (for
    ``from_jsonable``) or ``ABSENT``; an element with JSON has no bytes in the store. ``keys``: of a dict, in
    the same order."""

    kind: str  # "list" | "tuple" | "dict"
    keys: Sequence[Key]
    refs: Sequence[Element]


def inline_ref(raw: bytes, type_name: str) -> ArtifactRef:
    """The reference of JSON that stands inline."""
    return ArtifactRef("sha256:" + hashlib.sha256(raw).hexdigest(), len(raw), "json", type_name)


def encode(kind: str, items: Sequence[Tuple[Optional[Key], ArtifactRef, Any]]) -> bytes:
    """Canonical bytes; a reference's producer is the place that it is read from, and not stored."""
    rows: List[List[Any]] = []
    for key, ref, inline in items:
        data = ref.to_json()
        data.pop("producer", None)
        rows.append([key, data] if inline is ABSENT else [key, data, inline])
    return canonical_json({"$collection": VERSION, "kind": kind, "items": rows})


def decode(raw: bytes) -> Collection:
    """:raises ArtifactUndecodable: no such document, or of a newer version"""
    data = parse(raw)
    version = data.get("$collection") if isinstance(data, dict) else None
    if version != VERSION:
        raise ArtifactUndecodable(f"it is a collection of version {version!r}, expected {VERSION}")
    try:
        kind = data["kind"]
        keys = [row[0] for row in data["items"]]
        refs = [
            (
                f"[{row[0]!r}]" if kind == "dict" else f"[{i}]",
                ArtifactRef.from_json(row[1]),
                row[2] if len(row) > 2 else ABSENT,
            )
            for i, row in enumerate(data["items"])
        ]
    except (KeyError, IndexError, TypeError, ContractError) as e:
        raise ArtifactUndecodable(f"its document is damaged: {e!r}") from e
    return Collection(kind, keys if kind == "dict" else [], refs)
