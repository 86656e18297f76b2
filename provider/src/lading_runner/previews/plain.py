"""``json``: value, truncated. ``text``: text, truncated, lines. ``bytes``: head in hex. ``collection``: of,
length, entries. ``object``: class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Tuple

from lading_runner.previews.cells import cell
from lading_runner.previews.cells import text as short
from lading_runner.serializers import names

if TYPE_CHECKING:
    from lading_runner.contract import ArtifactRef
    from lading_runner.store.artifacts import ArtifactStore

TEXT = 64 << 10  # characters
HEAD = 256  # bytes
_ITEMS, _DEPTH, _VALUES = 200, 12, 5000  # of a list or dict, of nesting, in all
_ENTRIES = 200


def json_value(value: Any, ref: ArtifactRef, store: ArtifactStore) -> Dict[str, Any]:
    from lading_runner.serializers.json import to_jsonable

    cutter = _Cutter()
    return {"kind": "json", "value": cutter.cut(to_jsonable(value)), "truncated": cutter.truncated}


def text(value: str, ref: ArtifactRef, store: ArtifactStore) -> Dict[str, Any]:
    return {
        "kind": "text",
        "text": value[:TEXT].encode("utf-8", "replace").decode(),
        "truncated": len(value) > TEXT,
        "lines": value.count("\n") + 1,
    }


def data(value: Any, ref: ArtifactRef, store: ArtifactStore) -> Dict[str, Any]:
    return {"kind": "bytes", "head": bytes(value[:HEAD]).hex()}


def foreign(value: Any, ref: ArtifactRef, store: ArtifactStore) -> Dict[str, Any]:
    return {"kind": "object", "class": short(names.qualified(type(value)))}


def collection(items: Any, ref: ArtifactRef, store: ArtifactStore) -> Dict[str, Any]:
    """Of ``(key or None, reference, JSON or ABSENT)``."""
    entries: List[Mapping[str, Any]] = []
    for place, (key, part, _) in enumerate(items[:_ENTRIES]):
        name = place if key is None else cell(key)
        facts = {"type": part.type, "size": part.size, "format": part.format, "digest": part.digest}
        entries.append({"key": name, **facts})
    of = ref.meta.get("kind", "list")
    return {"kind": "collection", "of": of, "length": len(items), "entries": entries}


class _Cutter:
    """Plain JSON, cut to what a page can show; ``{"$tuple": …}`` and its like show what they hold."""

    def __init__(self) -> None:
        self.truncated = False
        self._left = _VALUES

    def cut(self, value: Any, depth: int = 0) -> Any:
        self._left -= 1
        if not isinstance(value, (list, dict)):
            whole = cell(value)
            self.truncated |= isinstance(value, str) and whole != value
            return whole
        if depth >= _DEPTH or self._left <= 0:
            self.truncated = True
            return "…"
        if isinstance(value, dict):
            return self._dict(value, depth)
        return [self.cut(item, depth + 1) for item in self._few(value)]

    def _dict(self, value: Mapping[str, Any], depth: int) -> Any:
        tag, item = self._tagged(value)
        if tag:
            return self.cut(item, depth + 1)
        return {short(key): self.cut(item, depth + 1) for key, item in self._few(list(value.items()))}

    def _few(self, items: List[Any]) -> List[Any]:
        self.truncated |= len(items) > _ITEMS
        return items[:_ITEMS]

    def _tagged(self, value: Mapping[str, Any]) -> Tuple[str, Any]:
        if len(value) == 1:
            ((key, item),) = value.items()
            if key.startswith("$"):
                return key, item
        return "", None
