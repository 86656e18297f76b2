"""Which XComs an operator's arguments refer to, read off the operator before Airflow renders it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.sdk.definitions._internal.expandinput import (
    DictOfListsExpandInput,
    ListOfDictsExpandInput,
    MappedArgument,
)
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.definitions.xcom_arg import ConcatXComArg, MapXComArg, XComArg, ZipXComArg

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
Key = tuple[str, str]  # task id, XCom key


@dataclass(frozen=True)
class References:
    """``mapped``: passes through ``.map(f)``, so that f needs the value; ``indexed``: only ever indexed by
    a mapped task, so that one element is needed."""

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
    """``value`` with every ``.map(f)`` taken out: element i of the result comes from element i of the
    source."""
    rebuild = _WITHOUT_MAP.get(type(value))
    return rebuild(value) if rebuild is not None else value


_WITHOUT_MAP: Mapping[type, Callable[[Any], Any]] = {
    MapXComArg: lambda v: without_map(v.arg),
    ZipXComArg: lambda v: ZipXComArg([without_map(a) for a in v.args], fillvalue=v.fillvalue),
    ConcatXComArg: lambda v: ConcatXComArg([without_map(a) for a in v.args]),
    DictOfListsExpandInput: lambda v: DictOfListsExpandInput({k: without_map(x) for k, x in v.value.items()}),
    ListOfDictsExpandInput: lambda v: ListOfDictsExpandInput(without_map(v.value)),
    MappedArgument: lambda v: MappedArgument(input=without_map(v._input), key=v._key),
}


def positional_names(function: Any, count: int) -> list[str]:
    """Names of the first ``count`` positional arguments: ``rest[0]`` where ``*rest`` takes them, ``args[0]``
    where the function does not say."""
    names: list[str] = []
    if callable(function):
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                names += [f"{parameter.name}[{i}]" for i in range(count - len(names))]
            elif parameter.kind in _POSITIONAL:
                names.append(parameter.name)
    return [*names[:count], *(f"args[{i}]" for i in range(len(names), count))]


def _keys(value: Any, *, only_mapped: bool = False) -> Iterator[Key]:
    for node, through_map in _nodes(value, False):
        if through_map or not only_mapped:
            yield node.operator.task_id, node.key


def _nodes(value: Any, through_map: bool) -> Iterator[tuple[Any, bool]]:
    """The plain XComArgs inside ``value``."""
    parts = _parts(value)
    if parts is None and isinstance(value, XComArg):
        yield value, through_map
    for part in parts or ():
        yield from _nodes(part, through_map or isinstance(value, MapXComArg))


def _parts(value: Any) -> Iterable[Any] | None:
    """What ``value`` is made of; None: it is no container."""
    inside: Mapping[type, Callable[[Any], Iterable[Any]]] = {
        MapXComArg: lambda v: (v.arg,),
        ZipXComArg: lambda v: v.args,
        ConcatXComArg: lambda v: v.args,
        DictOfListsExpandInput: lambda v: (v.value,),
        ListOfDictsExpandInput: lambda v: (v.value,),
        MappedArgument: lambda v: (v._input,),
    }
    if (open_up := inside.get(type(value))) is not None:
        return open_up(value)
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, (list, tuple)) else None
