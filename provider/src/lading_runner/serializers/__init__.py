"""Which serializer takes a value, and which reads a format. No library is imported before a value asks."""

from __future__ import annotations

import importlib
from typing import Any, Dict, List, Optional, cast

from lading_runner.errors import ArtifactUndecodable, DependencyError, SerializationError
from lading_runner.serializers import names
from lading_runner.serializers.base import Blob, Serializer

__all__ = ["FORMATS", "Blob", "Serializer", "by_format", "find", "find_native", "refusal"]

GROUP = "lading.serializers"
PICKLE = "pickle"

_HERE = "lading_runner.serializers"
#: Built-in serializers by format.
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
    found = find_native(value) or _json(value) or find_foreign(value)
    if found is not None:
        return found
    if allow_pickle:
        return _built_in(PICKLE)
    raise refusal(value)


def find_native(value: Any) -> Optional[Serializer]:
    """The built-in serializer of ``value``, JSON and pickle apart; cheap."""
    for root in names.roots(type(value)):
        for format_id in _BY_ROOT.get(root, ()):
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
        loaded = [_foreign_serializer(point) for point in _entry_points()]
        _foreign.append({one.format: one for one in loaded if one.format not in (*_BUILT_IN, "collection")})
    return _foreign[0]


def _foreign_serializer(point: Any) -> Serializer:
    try:
        return cast(Serializer, point.load()())
    except (ImportError, AttributeError) as e:
        raise DependencyError(
            f"serializer {point.name!r} ({point.value}) cannot be loaded: {e}; expected an importable class; "
            f"install what its package needs, or remove that package"
        ) from e


def refusal(value: Any, path: str = "value") -> SerializationError:
    """Why ``value`` cannot be kept, and the ways out."""
    from lading_runner.serializers.pickled import ALLOW

    return SerializationError(
        f"{path} is of type {names.type_name(value)} ({names.qualified(type(value))}), which no serializer "
        f"takes; expected plain data, a dataclass, a pydantic model, a table, an array, tensors, a model, "
        f"a figure or a path; return {_instead(value)}, register a serializer under {GROUP!r}, or allow "
        f"pickle: {ALLOW}"
    )


def _instead(value: Any) -> str:
    roots = names.roots(type(value))
    for root, cure in _CURES.items():
        if root in roots:
            return cure
    return "one of these"


#: What to return instead of a library's value that is none of its tables, arrays and models.
_CURES = {
    "pandas": "value.to_pydatetime(), pandas.Series(value), or pandas.DataFrame(value) of a subclass,",
    "polars": "a polars.DataFrame or Series",
    "numpy": "value.item() or numpy.asarray(value)",
    "torch": "its tensors or state_dict()",
}
#: Formats to ask, by the top packages of a value's class and its bases.
_BY_ROOT = {
    "builtins": ("text", "bytes", "safetensors"),
    "collections": ("safetensors",),
    "torch": ("safetensors",),
    "numpy": ("npy",),
    **{root: ("arrow",) for root in ("pandas", "polars", "pyarrow")},
    "xgboost": ("xgboost",),
    "lightgbm": ("lightgbm",),
    "sklearn": ("skops",),
    "matplotlib": ("figure",),
    "lading_runner": ("figure",),
    "pathlib": ("file", "directory"),
}


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
