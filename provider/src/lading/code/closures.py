"""What a function holds from the functions around it, as source text."""

from __future__ import annotations

import math
import sys
from types import FunctionType, ModuleType
from typing import Any

#: Deep enough for configuration, shallow enough to stay clear of the recursion limit.
_MAX_DEPTH = 64


def cells(function: object) -> dict[str, object]:
    """Closure variables by name, for a class those of its methods; without variables not yet assigned."""
    if isinstance(function, type):
        found: dict[str, object] = {}
        for member in vars(function).values():
            found |= cells(getattr(member, "__func__", member))
        found.pop("__class__", None)
        return found
    code = getattr(function, "__code__", None)
    closure = getattr(function, "__closure__", None)
    if code is None or closure is None:
        return {}
    found = {}
    for name, cell in zip(code.co_freevars, closure, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # empty
            continue
    return found


def python_function(value: object) -> object:
    """What decorators made with ``functools.wraps`` put their wrapper around."""
    while (inner := getattr(value, "__wrapped__", None)) is not None:
        value = inner
    return value


def literal(value: object, depth: int = 0) -> str | None:
    """Python source of a plain value (what JSON can say, tuples and bytes too); None: it is not plain."""
    if value is None or type(value) in (bool, int, str, bytes):
        return repr(value)
    if type(value) is float:
        return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
    if depth > _MAX_DEPTH:
        return None
    if type(value) is dict:
        return _dictionary(value, depth)
    if type(value) in (list, tuple):
        return _sequence(value, depth)  # type: ignore[arg-type]  # exactly a list or tuple
    return None


def _dictionary(value: dict[Any, Any], depth: int) -> str | None:
    items = [(literal(key, depth + 1), literal(item, depth + 1)) for key, item in value.items()]
    if any(key is None or item is None for key, item in items):
        return None
    return "{" + ", ".join(f"{key}: {item}" for key, item in items) + "}"


def _sequence(value: list[Any] | tuple[Any, ...], depth: int) -> str | None:
    items = [literal(item, depth + 1) for item in value]
    if any(item is None for item in items):
        return None
    inside = ", ".join(map(str, items))
    if isinstance(value, list):
        return f"[{inside}]"
    return f"({inside},)" if items else "()"


def importable(value: object) -> str | None:
    """``from a import b as {}`` for a module, function or class that can be imported by its own name."""
    if isinstance(value, ModuleType):
        package, _, name = value.__name__.rpartition(".")
        return f"from {package} import {name} as {{}}" if package else f"import {name} as {{}}"
    if not isinstance(value, (FunctionType, type)):
        return None
    module, name = value.__module__, value.__name__
    if getattr(sys.modules.get(module), name, None) is not value:
        return None
    return f"from {module} import {name} as {{}}"
