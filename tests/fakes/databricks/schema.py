"""The published schema of ``runs/submit``, as the official SDK has it; unknown fields are refused."""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import Enum
from functools import cache
from typing import Any

from databricks.sdk.service.jobs import JobsAPI


@cache
def _fields(kind: Any) -> dict[str, tuple[Any, bool]]:
    """Type by name, and whether the field must be there."""
    hints = typing.get_type_hints(kind)
    required = {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    return {name: (hint, name in required) for name, hint in hints.items() if name in _names(kind)}


@cache
def _names(kind: Any) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(kind))


@cache
def _of_submit() -> dict[str, tuple[Any, bool]]:
    hints = typing.get_type_hints(JobsAPI.submit)
    return {name: (hint, name == "tasks") for name, hint in hints.items() if name != "return"}


def wrong(body: dict[str, Any]) -> list[str]:
    """What is wrong with the body of ``runs/submit``, each with its path."""
    return _wrong_object(body, _of_submit(), "")


def _wrong_object(value: Any, fields: dict[str, tuple[Any, bool]], path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: expected an object, found {value!r}"]
    found = [f"{path}.{name}: unknown field" for name in value if name not in fields]
    found += [
        f"{path}.{name}: required" for name, (_, needed) in fields.items() if needed and name not in value
    ]
    for name, (hint, _) in fields.items():
        if name in value:
            found += _wrong(value[name], hint, f"{path}.{name}")
    return found


def _wrong(value: Any, hint: Any, path: str) -> list[str]:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = [one for one in args if one is not type(None)]
        return [f"{path}: null"] if value is None else _wrong(value, inner, path)
    if origin is list:
        if not isinstance(value, list):
            return [f"{path}: expected a list, found {value!r}"]
        return [text for i, item in enumerate(value) for text in _wrong(item, args[0], f"{path}[{i}]")]
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{path}: expected an object, found {value!r}"]
        return [text for key, item in value.items() for text in _wrong(item, args[1], f"{path}.{key}")]
    if dataclasses.is_dataclass(hint):
        return _wrong_object(value, _fields(hint), path)
    if isinstance(hint, type) and issubclass(hint, Enum):
        known = [one.value for one in hint]
        return [] if value in known else [f"{path}: {value!r} is none of {known}"]
    return [] if _is_scalar(value, hint) else [f"{path}: expected {hint.__name__}, found {value!r}"]


def _is_scalar(value: Any, hint: Any) -> bool:
    if hint in (int, float):  # numbers in quotes are taken, as the provider's operators send them
        return (isinstance(value, (int, float)) and not isinstance(value, bool)) or (
            isinstance(value, str) and value.replace(".", "", 1).isdigit()
        )
    if hint is bool:
        return isinstance(value, bool) or value in ("true", "false", "True", "False")
    return isinstance(value, hint) if isinstance(hint, type) else True
