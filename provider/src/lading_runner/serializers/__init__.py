"""Which serializer takes a value, and which reads a format. No library is imported before a value asks."""

from __future__ import annotations

import importlib
from typing import Any, Dict, List, Optional, cast

from lading_runner.errors import ArtifactUndecodable, SerializationError
from lading_runner.serializers import names
from lading_runner.serializers.base import Blob, Serializer

__all__ = ["FORMATS", "Blob", "Serializer", "by_format", "find", "find_native", "refusal"]

GROUP = "lading.serializers"
PICKLE = "pickle"

_HERE = "lading_runner.serializers"
#: Built-in serializers by format, in the order in which they are asked; JSON is asked before all of them.
_BUILT_IN = {
    "json": "json:JsonSerializer",
    "text": "plain:TextSerializer",
    "bytes": "plain:BytesSerializer",
    "npy": "npy:NpySerializer",
    "arrow": "arrow:ArrowSerializer",
    "safetensors": "tensors:TensorsSerializer",
    "xgboost": "xgboost:XgboostSerializer",
    "lightgbm": "lightgbm:LightgbmSerializer",
    "skops": "sklearn:SklearnSerializer",
    "figure": "figure:FigureSerializer",
    "file": "files:FileSerializer",
    "directory": "files:DirectorySerializer",
    PICKLE: "pickled:PickleSerializer",
}
FORMATS = tuple(_BUILT_IN)

_loaded: Dict[str, Serializer] = {}
_foreign: List[Dict[str, Serializer]] = []  # third parties' by format, once asked for


def find(value: Any, *, allow_pickle: bool = False) -> Serializer:
    """The serializer of ``value`` as a whole.

    :raises SerializationError: none takes it
    """
    for native in (find_native(value), _json(value), find_foreign(value)):
        if native is not None:
            return native
    if allow_pickle:
        return _built_in(PICKLE)
    raise refusal(value)


def find_native(value: Any) -> Optional[Serializer]:
    """The built-in serializer of ``value``, JSON and pickle apart; cheap."""
    for format_id in _BUILT_IN:
        if format_id not in ("json", PICKLE) and _may_take(format_id, value):
            serializer = _built_in(format_id)
            if serializer.accepts(value):
                return serializer
    return None


def find_foreign(value: Any) -> Optional[Serializer]:
    """The third party's serializer of ``value``. The first call reads what is installed: slow, once."""
    for serializer in foreign().values():
        if serializer.accepts(value):
            return serializer
    return None


def by_format(format_id: str) -> Serializer:
    """:raises ArtifactUndecodable: no such serializer is installed here"""
    if format_id in _BUILT_IN:
        return _built_in(format_id)
    found = foreign().get(format_id)
    if found is None:
        known = ", ".join((*FORMATS, *foreign()))
        raise ArtifactUndecodable(
            f"format {format_id!r} has no serializer here; expected one of {known}; install the package that "
            "wrote it"
        )
    return found


def foreign() -> Dict[str, Serializer]:
    """Third parties' serializers by format, from the entry points of the group ``lading.serializers``."""
    if not _foreign:
        loaded = [cast(Serializer, point.load()()) for point in _entry_points()]
        _foreign.append({one.format: one for one in loaded if one.format not in (*_BUILT_IN, "collection")})
    return _foreign[0]


def refusal(value: Any, path: str = "value") -> SerializationError:
    """Why ``value`` cannot be kept, and the ways out."""
    from lading_runner.serializers.pickled import ALLOW

    return SerializationError(
        f"{path} is of type {names.type_name(value)} ({names.qualified(type(value))}), which no serializer "
        "takes; expected plain data, a dataclass, a pydantic model, a table, an array, tensors, a model, a "
        f"figure or a path; return one of these, register a serializer under {GROUP!r}, or allow pickle: "
        f"{ALLOW}"
    )


_ROOTS = {
    "npy": ("numpy",),
    "arrow": ("pandas", "polars", "pyarrow"),
    "xgboost": ("xgboost",),
    "lightgbm": ("lightgbm",),
    "skops": ("sklearn",),
    "safetensors": ("torch", "builtins", "collections"),
    "figure": ("matplotlib", _HERE.partition(".")[0]),
    "file": ("pathlib",),
    "directory": ("pathlib",),
}


def _may_take(format_id: str, value: Any) -> bool:
    """Whether a class or base of ``value`` is of a package that the serializer is for."""
    roots = _ROOTS.get(format_id)
    return roots is None or any(root in roots for root in names.roots(type(value)))


def _json(value: Any) -> Optional[Serializer]:
    serializer = _built_in("json")
    return serializer if serializer.accepts(value) else None


def _built_in(format_id: str) -> Serializer:
    if format_id not in _loaded:
        module, _, name = _BUILT_IN[format_id].partition(":")
        _loaded[format_id] = cast(Serializer, getattr(importlib.import_module(f"{_HERE}.{module}"), name)())
    return _loaded[format_id]


def _entry_points() -> List[Any]:
    from importlib.metadata import entry_points

    found: Any = entry_points()
    # 3.9: a dict of lists instead of a selection
    points = found.select(group=GROUP) if hasattr(found, "select") else found.get(GROUP, ())
    return sorted(points, key=lambda point: str(point.name))
