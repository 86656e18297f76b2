"""The tagged dict that an XCom row holds: where the value came from, what it is, and where its bytes are.

``{"__lading__": 1, "producer": [dag, run, task, map, key], "digest", "type", "size", "preview",
"artifact": {"format", "meta"}}``; an inline value has ``"inline"`` (readable JSON) instead of bytes in the
store. A row stays under ``ROW_LIMIT`` bytes. Anything without the tag is not ours and passes through
untouched.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lading.xcom.traced import Handle
from lading_runner.contract import ArtifactRef, Producer
from lading_runner.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping

TAG = "__lading__"
VERSION = 1
ROW_LIMIT = 2000  # bytes of JSON
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def pack(handle: Handle) -> dict[str, Any]:
    """The row of ``handle``."""
    ref, producer = handle.ref, handle.producer
    row: dict[str, Any] = {
        TAG: VERSION,
        "producer": [producer.dag_id, producer.run_id, producer.task_id, producer.map_index, producer.key],
        "digest": ref.digest,
        "type": ref.type[:80],
        "size": ref.size,
        "preview": preview(ref),
    }
    if handle.is_inline:
        return {**row, "inline": handle.inline, **({"format": ref.format} if ref.format != "json" else {})}
    full = {**row, "artifact": {"format": ref.format, "meta": dict(ref.meta)}}
    return full if fits(full) else {**row, "artifact": {"format": ref.format, "meta": _trim(ref.meta)}}


def fits(row: Mapping[str, Any]) -> bool:
    return len(json.dumps(row, ensure_ascii=False).encode()) <= ROW_LIMIT


def holds(handle: Handle) -> bool:
    """Whether the row of an inline ``handle`` stays under the limit; most need no writing out."""
    return _longest(handle) <= ROW_LIMIT or fits(pack(handle))


def is_ours(value: Any) -> bool:
    return isinstance(value, dict) and value.get(TAG) is not None and "producer" in value


def unpack(row: Mapping[str, Any]) -> Handle:
    """:raises ContractError: written by a newer release, or damaged"""
    if row[TAG] != VERSION:
        raise ContractError(
            f"XCom row has version {row[TAG]!r}, this release reads {VERSION}; "
            f"upgrade airflow-provider-lading here"
        )
    try:
        dag_id, run_id, task_id, map_index, key = row["producer"]
        artifact = row.get("artifact") or {}
        producer = Producer(dag_id, run_id, task_id, map_index, key)
        ref = ArtifactRef(
            row["digest"],
            row["size"],
            artifact.get("format") or row.get("format", "json"),
            row["type"],
            artifact.get("meta") or {},
            producer,
        )
    except (KeyError, TypeError, ValueError) as e:
        raise ContractError(f"XCom row is damaged ({e!r}): {str(row)[:200]}; run its producer again") from e
    return Handle(ref, producer, row["inline"]) if "inline" in row else Handle(ref, producer)


def preview(ref: ArtifactRef) -> str:
    """One line for people: ``pandas.DataFrame 455×31 · 112.4 KiB``."""
    shape = ref.meta.get("shape")
    size = float(ref.size)
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    text = f"{size:.1f}" if unit else f"{ref.size}"
    words = [ref.type, "×".join(map(str, shape))] if shape else [ref.type]
    return f"{' '.join(words)} · {text} {_UNITS[unit]}"[:160]


def _longest(handle: Handle) -> int:
    """Bytes that the row of an inline ``handle`` cannot exceed: a character takes at most six, blanks after
    commas and colons at most double the value."""
    producer, ref = handle.producer, handle.ref
    names = len(producer.dag_id) + len(producer.run_id) + len(producer.task_id) + len(producer.key)
    return 350 + 2 * ref.size + 6 * (names + 2 * len(ref.type))


def _trim(meta: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that readers need to decode, without those that only people read."""
    return {
        k: v for k, v in meta.items() if isinstance(v, (int, float, bool)) or k in {"shape", "name", "kind"}
    }
