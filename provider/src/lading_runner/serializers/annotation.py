"""Plain data into the classes that a function is annotated with."""

from __future__ import annotations

import sys
import typing
from typing import Any, Dict

from lading_runner.errors import ArtifactUndecodable
from lading_runner.serializers import names


def fit(value: Any, annotation: Any) -> Any:
    """``value`` as an instance of ``annotation`` where that is a dataclass, a pydantic model, an enum or a
    named tuple, or an ``Optional``, ``list``, ``tuple`` or ``dict`` of these; else ``value`` itself.

    :raises ArtifactUndecodable: the data does not fit the class
    """
    if value is None or isinstance(annotation, str):
        return value
    origin = typing.get_origin(annotation)
    if origin is not None:
        return _fit_generic(value, origin, typing.get_args(annotation))
    if not isinstance(annotation, type) or _is_already(value, annotation):
        return value
    return _fit_class(value, annotation)


def _is_already(value: Any, kind: type) -> bool:
    try:
        return isinstance(value, kind)
    except TypeError:  # typing.Any is a class since 3.11, but not for this; neither are most protocols
        return True


def _fit_class(value: Any, kind: Any) -> Any:
    try:
        if names.is_model(kind):
            return kind.model_validate(_by_alias(value, kind))
        if names.is_enum(kind):
            return kind(value)
        if isinstance(value, dict) and names.is_dataclass(kind):
            return _dataclass(value, kind)
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return kind(*value)
    except (ValueError, TypeError) as e:
        raise ArtifactUndecodable(
            f"its data does not fit {kind.__name__}: {e}; change the class of the parameter, or run the "
            "producer again"
        ) from e
    return value


def _by_alias(value: Any, kind: Any) -> Any:
    """Fields are stored by name; pydantic takes them by alias."""
    if not isinstance(value, dict) or names.is_root_model(kind):
        return value
    aliases = {
        name: field.validation_alias
        for name, field in kind.model_fields.items()
        if isinstance(field.validation_alias, str)
    }
    return {aliases.get(name, name): item for name, item in value.items()}


def _dataclass(value: Dict[str, Any], kind: Any) -> Any:
    import dataclasses

    hints = _hints(kind)
    fields = dataclasses.fields(kind)
    unknown = sorted(set(value) - {field.name for field in fields})
    if unknown:
        raise TypeError(f"unknown field {', '.join(map(repr, unknown))}")
    ready = {name: fit(item, hints.get(name)) for name, item in value.items()}
    made = kind(**{field.name: ready[field.name] for field in fields if field.init and field.name in ready})
    for field in fields:
        if not field.init and field.name in ready:
            object.__setattr__(made, field.name, ready[field.name])
    return made


def _hints(kind: Any) -> Dict[str, Any]:
    try:
        return typing.get_type_hints(kind, vars(sys.modules.get(kind.__module__, typing)))
    except NameError:  # a name that is only there for type checkers
        return {}


def _fit_generic(value: Any, origin: Any, arguments: Any) -> Any:
    if origin is typing.Annotated:
        return fit(value, arguments[0])
    if origin is typing.Union or (type(origin).__name__ == "type" and origin.__name__ == "UnionType"):
        known = [argument for argument in arguments if argument is not type(None)]
        return fit(value, known[0]) if len(known) == 1 else value
    if origin is list and type(value) is list:
        return [fit(item, arguments[0]) for item in value]
    if origin is dict and type(value) is dict:
        return {key: fit(item, arguments[1]) for key, item in value.items()}
    if origin is tuple and type(value) is tuple:
        kinds = [arguments[0]] * len(value) if arguments[1:] == (Ellipsis,) else arguments
        return (
            tuple(fit(item, kind) for item, kind in zip(value, kinds)) if len(kinds) == len(value) else value
        )
    return value
