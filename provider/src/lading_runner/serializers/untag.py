"""The way back from tagged JSON to Python values."""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, time, timedelta, timezone
from typing import Any, Callable, Dict, List

from lading_runner.errors import ArtifactUndecodable


def parse(raw: bytes) -> Any:
    """:raises ArtifactUndecodable: not JSON"""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as e:
        raise ArtifactUndecodable(f"{len(raw)} bytes are not JSON: {e}") from e


def decode(data: Any) -> Any:
    """The value that ``to_jsonable`` made ``data`` of.

    :raises ArtifactUndecodable: a tag that is unknown or damaged
    """
    if type(data) is list:
        return [decode(item) for item in data]
    if type(data) is not dict:
        return data
    if len(data) == 1:
        tag = next(iter(data))
        if tag[:1] == "$":
            return _tagged(tag, data[tag])
    return {key: decode(item) for key, item in data.items()}


def _tagged(tag: str, content: Any) -> Any:
    read = _TAGS.get(tag)
    if read is None:
        raise ArtifactUndecodable(
            f"tag {tag!r} is unknown; expected one of {', '.join(_TAGS)}; upgrade airflow-provider-lading "
            "here"
        )
    try:
        return read(content)
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as e:
        raise ArtifactUndecodable(f"tag {tag!r} holds {str(content)[:80]!r}: {e}") from e


def _raw(content: str) -> bytes:
    return base64.b64decode(content, validate=True)


def _str(content: str) -> str:
    return _raw(content).decode("utf-8", "surrogatepass")


def _complex(content: List[Any]) -> complex:
    real, imaginary = content
    return complex(decode(real), decode(imaginary))


def _moment(kind: Any) -> Callable[[Any], Any]:
    def read(content: Any) -> Any:
        if isinstance(content, str):
            return kind.fromisoformat(content)
        text, zone, fold = content
        return kind.fromisoformat(text).replace(tzinfo=decode(zone), fold=fold)

    return read


def _timedelta(content: List[int]) -> timedelta:
    days, seconds, microseconds = content
    return timedelta(days, seconds, microseconds)


def _timezone(content: List[Any]) -> timezone:
    offset = _timedelta(content[:3])
    if len(content) > 3:
        return timezone(offset, content[3])
    return timezone(offset) if offset else timezone.utc


def _zone(content: str) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(content)


def _decimal(content: str) -> Any:
    from decimal import Decimal

    return Decimal(content)


def _uuid(content: str) -> Any:
    from uuid import UUID

    return UUID(content)


def _ordered(content: List[Any]) -> Any:
    from collections import OrderedDict

    return OrderedDict(_pairs(content))


def _pairs(content: List[Any]) -> Dict[Any, Any]:
    return {decode(key): decode(item) for key, item in content}


def _items(content: List[Any]) -> List[Any]:
    return [decode(item) for item in content]


_TAGS: Dict[str, Callable[[Any], Any]] = {
    "$tuple": lambda content: tuple(_items(content)),
    "$set": lambda content: set(_items(content)),
    "$frozenset": lambda content: frozenset(_items(content)),
    "$dict": _pairs,
    "$ordered": _ordered,
    "$int": lambda content: int(content, 16),
    "$float": float,
    "$str": _str,
    "$bytes": _raw,
    "$bytearray": lambda content: bytearray(_raw(content)),
    "$complex": _complex,
    "$datetime": _moment(datetime),
    "$date": date.fromisoformat,
    "$time": _moment(time),
    "$timedelta": _timedelta,
    "$timezone": _timezone,
    "$zone": _zone,
    "$decimal": _decimal,
    "$uuid": _uuid,
}
