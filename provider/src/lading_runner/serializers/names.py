"""What a value is, told from its class alone: nothing is imported."""

from __future__ import annotations

from typing import Any, Dict, Optional


def qualified(kind: type) -> str:
    """``module.Class``"""
    return f"{kind.__module__}.{kind.__qualname__}"


def root(kind: type) -> str:
    """The top package that defines ``kind``."""
    return kind.__module__.partition(".")[0]


def roots(kind: type) -> Dict[str, None]:
    """Top packages of ``kind`` and its bases, in the order of its bases."""
    return {root(base): None for base in kind.__mro__}


def type_name(value: Any) -> str:
    """For people: ``pandas.DataFrame``, ``sklearn.SVC``, ``dict``; a user's own class without its module."""
    kind = type(value)
    if kind.__module__ == "builtins":
        return kind.__name__
    if is_path(kind):
        return "pathlib.Path"
    if (
        is_enum(kind)
        or is_dataclass(kind)
        or ("." not in kind.__module__ and kind.__module__ not in _LIBRARIES)
    ):
        return kind.__name__
    return f"{root(kind)}.{kind.__name__}"


_LIBRARIES = frozenset(
    ("collections", "datetime", "decimal", "uuid", "zoneinfo", "numpy", "pandas", "polars", "torch")
)


def place(key: Any) -> str:
    """How a key reads in a path: ``.left`` or ``['top left']``."""
    return f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]"


def is_path(kind: type) -> bool:
    return any(base.__name__ == "Path" and root(base) == "pathlib" for base in kind.__mro__)


def is_enum(kind: type) -> bool:
    return any(base.__module__ == "enum" and base.__name__ == "Enum" for base in kind.__mro__)


def is_dataclass(kind: type) -> bool:
    return hasattr(kind, "__dataclass_fields__")


def is_model(kind: type) -> bool:
    """A pydantic model."""
    return any(base.__module__ == "pydantic.main" for base in kind.__mro__)


def is_root_model(kind: type) -> bool:
    return any(base.__module__ == "pydantic.root_model" for base in kind.__mro__)


def fields_of(value: Any) -> Optional[Dict[str, Any]]:
    """Fields by name of a dataclass, a pydantic model or a named tuple; None: it is none of them."""
    kind = type(value)
    if is_dataclass(kind):
        return {name: getattr(value, name) for name in _stored(kind) if hasattr(value, name)}
    if is_model(kind):
        extra = getattr(value, "__pydantic_extra__", None) or {}
        declared: Any = kind
        return {**{name: getattr(value, name) for name in declared.model_fields}, **extra}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return dict(zip(kind._fields, value))
    return None


def _stored(kind: Any) -> Dict[str, Any]:
    """Fields of a dataclass, without class variables and init-only ones."""
    import dataclasses

    return {field.name: field for field in dataclasses.fields(kind)}
