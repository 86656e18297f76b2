"""A file: ``figure``, ``text`` or ``bytes``, by its content. ``directory``: entries with their sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List

from lading_runner.previews import pictures, plain
from lading_runner.previews.cells import text

if TYPE_CHECKING:
    from pathlib import Path

    from lading_runner.contract import ArtifactRef
    from lading_runner.store.artifacts import ArtifactStore

_ENTRIES = 500


def file(value: Path, ref: ArtifactRef, store: ArtifactStore) -> Dict[str, Any]:
    with value.open("rb") as source:
        raw = source.read(max(pictures.SMALL, plain.TEXT) + 1)
    shown = pictures.picture(raw)
    if shown is not None:
        return shown
    words = _text(raw[: plain.TEXT])
    if words is None:
        return plain.data(raw, ref, store)
    whole = ref.size <= plain.TEXT
    lines = words.count("\n") + 1 if whole else None
    return {"kind": "text", "text": words, "truncated": not whole, "lines": lines}


def directory(value: Path, ref: ArtifactRef, store: ArtifactStore) -> Dict[str, Any]:
    entries: List[Dict[str, Any]] = []
    for path in sorted(value.rglob("*")):
        if path.is_file() and not path.is_symlink():
            entries.append({"path": text(path.relative_to(value)), "size": path.stat().st_size})
    return {
        "kind": "directory",
        "count": len(entries),
        "total_size": sum(entry["size"] for entry in entries),
        "entries": entries[:_ENTRIES],
    }


def _text(raw: bytes) -> Any:
    """None: not UTF-8. A character that the cut went through does not count."""
    if b"\0" in raw:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError as e:
        return raw[: e.start].decode() if e.start >= len(raw) - 3 else None
