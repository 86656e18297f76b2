"""Which XComs an operator's arguments refer to, read off the operator before Airflow renders it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.sdk.definitions._internal.expandinput import (
    DictOfListsExpandInput,
    ListOfDictsExpandInput,
    MappedArgument,
)
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.definitions.xcom_arg import ConcatXComArg, MapXComArg, XComArg, ZipXComArg

Key = tuple[str, str]  # task id, XCom key


@dataclass(frozen=True)
class References:
    """``mapped``: passes through ``.map(f)``, so that f needs the value; ``indexed``: only ever indexed by a mapped
    task, so that one element is needed."""

    all: frozenset[Key] = frozenset()
    mapped: frozenset[Key] = frozenset()
    indexed: frozenset[Key] = frozenset()


def references(operator: Any) -> References:
    """References of an unrendered operator, mapped or not."""
    plain = set(_keys(arguments(operator)))
    expanded = set(_keys(expand_input(operator)))
    return References(
        all=frozenset(plain | expanded),
        mapped=frozenset(_keys((arguments(operator), expand_input(operator)), only_mapped=True)),
        indexed=frozenset(expanded - plain),
    )


def arguments(operator: Any) -> Mapping[str, Any]:
    """The unrendered template fields by name; what ``expand`` gives is not among them."""
    if isinstance(operator, MappedOperator):
        return {
            f: operator.partial_kwargs[f] for f in operator.template_fields if f in operator.partial_kwargs
        }
    return {f: getattr(operator, f) for f in operator.template_fields if hasattr(operator, f)}


def expand_input(operator: Any) -> Any:
    return operator._get_specified_expand_input() if isinstance(operator, MappedOperator) else None


def without_map(value: Any) -> Any:
    """``value`` with every ``.map(f)`` taken out: element i of the result comes from element i of the source."""
    if isinstance(value, MapXComArg):
        return without_map(value.arg)
    if isinstance(value, ZipXComArg):
        return ZipXComArg([without_map(a) for a in value.args], fillvalue=value.fillvalue)
    if isinstance(value, ConcatXComArg):
        return ConcatXComArg([without_map(a) for a in value.args])
    if isinstance(value, DictOfListsExpandInput):
        return DictOfListsExpandInput({k: without_map(v) for k, v in value.value.items()})
    if isinstance(value, ListOfDictsExpandInput):
        inner = value.value
        return ListOfDictsExpandInput(without_map(inner) if isinstance(inner, XComArg) else inner)
    if isinstance(value, MappedArgument):
        return MappedArgument(input=without_map(value._input), key=value._key)
    return value


def _keys(value: Any, *, only_mapped: bool = False) -> Iterator[Key]:
    for node, through_map in _nodes(value, False):
        if through_map or not only_mapped:
            yield node.operator.task_id, node.key


def _nodes(value: Any, through_map: bool) -> Iterator[tuple[Any, bool]]:
    """The plain XComArgs inside ``value``."""
    if isinstance(value, MapXComArg):
        yield from _nodes(value.arg, True)
    elif isinstance(value, (ZipXComArg, ConcatXComArg)):
        for arg in value.args:
            yield from _nodes(arg, through_map)
    elif isinstance(value, XComArg):
        yield value, through_map
    elif isinstance(value, (DictOfListsExpandInput, ListOfDictsExpandInput)):
        yield from _nodes(value.value, through_map)
    elif isinstance(value, MappedArgument):
        yield from _nodes(value._input, through_map)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _nodes(item, through_map)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _nodes(item, through_map)
