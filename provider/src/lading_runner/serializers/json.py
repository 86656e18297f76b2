"""JSON that keeps Python's types: what it has no word for is an object with one key that starts with ``$``.

``to_jsonable((1, 2)) == {"$tuple": [1, 2]}``. Exact types only, so a subclass that knows more than its base
is refused rather than cut down. What is stored as plain data by intent: NumPy numbers (as Python's), enum
members (as their value), dataclasses, pydantic models (as their fields, by name) and named tuples (as
tuples); ``annotation.fit`` makes the user's classes of it again. Dicts come back in the order of their keys,
since equal dicts are equal bytes.
"""

from __future__ import annotations

import base64
import math
from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Dict, List, Mapping, Optional, Set

from lading_runner.contract import canonical_json
from lading_runner.errors import SerializationError
from lading_runner.serializers import names
from lading_runner.serializers.untag import decode as from_jsonable
from lading_runner.serializers.untag import parse

if TYPE_CHECKING:
    from lading_runner.serializers.base import Blob

__all__ = ["DEPTH", "Endless", "JsonSerializer", "from_jsonable", "to_jsonable"]

DEPTH = 64  # levels of nesting
_BYTES = 4096  # more bytes than this are an artifact of their own
_DIGITS = 4000  # Python refuses to print longer integers


class Endless(SerializationError):
    """A value that contains itself, or is nested too deep to tell."""


def to_jsonable(value: Any, path: str = "value") -> Any:
    """Plain JSON values that ``from_jsonable`` makes ``value`` of again.

    :raises SerializationError: naming the part that does not fit, as ``value.frames[0]``
    """
    return _Encoder(path).encode(value)


class JsonSerializer:
    format = "json"

    def accepts(self, value: Any) -> bool:
        try:
            to_jsonable(value)
        except SerializationError:
            return False
        return True

    def dump(self, value: Any, file: BinaryIO) -> None:
        file.write(canonical_json(to_jsonable(value)))

    def load(self, blob: Blob, meta: Mapping[str, Any]) -> Any:
        return from_jsonable(parse(blob.read()))

    def describe(self, value: Any) -> Mapping[str, Any]:
        fields = names.fields_of(value)
        if fields is not None and not isinstance(value, tuple):
            return {"class": type(value).__name__, "fields": list(fields)}
        return {"length": len(value)} if isinstance(value, (list, tuple, dict, set, frozenset, str)) else {}


class _Encoder:
    def __init__(self, path: str) -> None:
        self._root = path
        self._trail: List[Any] = []  # keys and indexes, spelled only if need be; a text stands in a tuple
        self._open: Set[int] = set()  # containers around the current place

    def encode(self, value: Any) -> Any:
        kind = type(value)
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            return self._scalar(scalar, value)
        container = _CONTAINERS.get(kind)
        if container is not None:
            return self._inside(container, value)
        rare = _RARE.get(names.qualified(kind))
        if rare is not None:
            return self._scalar(rare, value)
        return self._other(value)

    def _other(self, value: Any) -> Any:
        """Subclasses, and classes of libraries and users."""
        kind = type(value)
        if kind.__module__ == "numpy" and kind.__name__ in _NUMPY:
            return self.encode(value.item())
        if names.is_enum(kind):
            return self.encode(value.value)
        named = _NAMED.get(names.qualified(kind))
        if named is not None:
            return self._inside(named, value)
        fields = names.fields_of(value)
        if fields is None:
            raise self._refused(value)
        if isinstance(value, tuple):
            return self._inside(_tuple, value)
        return self._inside(_root if names.is_root_model(kind) else _dict, value, fields)

    def _scalar(self, write: Callable[[Any], Any], value: Any) -> Any:
        try:
            return write(value)
        except _Unfit as e:
            raise self._refused(value, str(e)) from None

    def _inside(self, write: Callable[[_Encoder, Any], Any], value: Any, fields: Any = None) -> Any:
        if id(value) in self._open:
            raise Endless(
                f"{self._path()} contains itself; expected plain nested data; leave one of them out"
            )
        if len(self._open) >= DEPTH:
            raise Endless(
                f"{self._path()[:200]}… is nested deeper than {DEPTH} levels; expected fewer; flatten it"
            )
        self._open.add(id(value))
        try:
            return write(self, value if fields is None else fields)
        finally:
            self._open.discard(id(value))

    def item(self, place: Any, value: Any) -> Any:
        sure = _SURE.get(type(value))
        if sure is not None:
            return sure(value)
        self._trail.append(place)
        encoded = self.encode(value)
        self._trail.pop()
        return encoded

    def _path(self) -> str:
        trail = (place[0] if isinstance(place, tuple) else names.place(place) for place in self._trail)
        return self._root + "".join(trail)

    def _refused(self, value: Any, why: Optional[str] = None) -> SerializationError:
        return SerializationError(
            f"{self._path()} is of type {names.type_name(value)}, which JSON cannot "
            f"hold{f' ({why})' if why else ''}; expected numbers, strings, lists, dicts and other plain "
            "data; convert it, or return it so that it becomes an artifact of its own"
        )


class _Unfit(Exception):
    """Why a scalar does not fit."""


def _same(value: Any) -> Any:
    return value


def _int(value: int) -> Any:
    return value if -(10**15) < value < 10**15 or len(hex(value)) < _DIGITS // 2 else {"$int": hex(value)}


def _float(value: float) -> Any:
    return value if math.isfinite(value) else {"$float": repr(value)}


def _str(value: str) -> Any:
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as in file names that are not UTF-8
        return {"$str": base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()}
    return value


def _raw(tag: str) -> Callable[[Any], Any]:
    def write(value: Any) -> Any:
        if len(value) > _BYTES:
            raise _Unfit(f"{len(value):,} bytes, at most {_BYTES:,} go into JSON")
        return {tag: base64.b64encode(value).decode()}

    return write


def _zone(zone: Any) -> Any:
    if zone is None:
        return None
    if type(zone) is timezone:
        return _timezone(zone)
    if names.qualified(type(zone)) == "zoneinfo.ZoneInfo" and zone.key:
        return _zone_info(zone)
    raise _Unfit(
        f"its time zone is {type(zone).__module__}.{type(zone).__name__}; use datetime.timezone or zoneinfo"
    )


def _timezone(value: timezone) -> Any:
    offset = value.utcoffset(None)
    name = value.tzname(None)
    plain = [offset.days, offset.seconds, offset.microseconds]
    return {"$timezone": plain if name == timezone(offset).tzname(None) else [*plain, name]}


def _zone_info(value: Any) -> Any:
    if not value.key:
        raise _Unfit("it has no key")
    return {"$zone": value.key}


def _moment(tag: str) -> Callable[[Any], Any]:
    def write(value: Any) -> Any:
        zone = _zone(value.tzinfo)
        if value.fold == 0 and (zone is None or len(zone.get("$timezone", ())) == 3):
            return {tag: value.isoformat()}
        return {tag: [value.replace(tzinfo=None, fold=0).isoformat(), zone, value.fold]}

    return write


def _complex(value: complex) -> Any:
    return {"$complex": [_float(value.real), _float(value.imag)]}


def _list(encoder: _Encoder, value: Any) -> Any:
    return [encoder.item(i, item) for i, item in enumerate(value)]


def _tuple(encoder: _Encoder, value: Any) -> Any:
    return {"$tuple": _list(encoder, value)}


def _set(tag: str) -> Callable[[_Encoder, Any], Any]:
    def write(encoder: _Encoder, value: Any) -> Any:
        return {tag: sorted((encoder.item(("{…}",), item) for item in value), key=canonical_json)}

    return write


def _dict(encoder: _Encoder, value: Mapping[Any, Any]) -> Any:
    if all(type(key) is str and not key.startswith("$") and _str(key) is key for key in value):
        return {key: encoder.item(key, item) for key, item in value.items()}
    return {"$dict": sorted(_pairs(encoder, value), key=lambda pair: canonical_json(pair[0]))}


def _root(encoder: _Encoder, fields: Mapping[str, Any]) -> Any:
    return encoder.encode(fields["root"])


def _ordered(encoder: _Encoder, value: Mapping[Any, Any]) -> Any:
    return {"$ordered": _pairs(encoder, value)}


def _pairs(encoder: _Encoder, value: Mapping[Any, Any]) -> List[List[Any]]:
    return [
        [encoder.item((f" key {key!r}"[:80],), key), encoder.item((names.place(key),), item)]
        for key, item in value.items()
    ]


#: The scalars that always fit.
_SURE: Dict[type, Callable[[Any], Any]] = {
    type(None): _same,
    bool: _same,
    int: _int,
    float: _float,
    str: _str,
}
_SCALARS: Dict[type, Callable[[Any], Any]] = {
    **_SURE,
    bytes: _raw("$bytes"),
    bytearray: _raw("$bytearray"),
    complex: _complex,
    datetime: _moment("$datetime"),
    time: _moment("$time"),
    date: lambda value: {"$date": value.isoformat()},
    timedelta: lambda value: {"$timedelta": [value.days, value.seconds, value.microseconds]},
    timezone: _timezone,
}
#: By name, so that their modules are imported only by those who use them.
_RARE: Dict[str, Callable[[Any], Any]] = {
    "decimal.Decimal": lambda value: {"$decimal": str(value)},
    "uuid.UUID": lambda value: {"$uuid": str(value)},
    "zoneinfo.ZoneInfo": _zone_info,
}
_CONTAINERS: Dict[type, Callable[[_Encoder, Any], Any]] = {
    list: _list,
    dict: _dict,
    tuple: _tuple,
    set: _set("$set"),
    frozenset: _set("$frozenset"),
}
_NAMED: Dict[str, Callable[[_Encoder, Any], Any]] = {
    "collections.OrderedDict": _ordered,
    "collections.defaultdict": _dict,
    "collections.Counter": _dict,
}
#: NumPy scalars with an exact Python counterpart; longdouble, datetime64 and void have none.
_NUMPY = frozenset(
    [
        *("bool", "bool_", "str_", "bytes_"),
        *("int8", "int16", "int32", "int64", "intc", "intp", "longlong"),
        *("uint8", "uint16", "uint32", "uint64", "uintc", "uintp", "ulonglong"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    ]
)
