"""Which artifact went into which parameter: Airflow's own resolution, run once more over handles.

The operator as it was before rendering still holds its XComArgs. Resolving them in ``Mode.REFS`` gives
handles in place of values, through Airflow's own arithmetic for ``expand``, ``zip`` and ``concat``;
``.map(f)`` is taken out, since element i of its result comes from element i of its source. Rows come from
the cache of this task's reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow.sdk.definitions._internal.expandinput import MappedArgument
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.definitions.xcom_arg import XComArg
from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence

from lading.lineage.event import Input
from lading.xcom.record import SLICED, Read, TaskRecord, attributing
from lading.xcom.references import arguments, expand_input, positional_names, without_map
from lading.xcom.traced import Handle, TracedDict, TracedList, handles, place_of
from lading_runner.errors import RunnerError

#: Fields whose content is the parameters themselves; other template fields are parameters by their own name.
_CALL_FIELDS = {"op_args", "op_kwargs", "inputs"}


def attribute(record: TaskRecord, context: Mapping[str, Any]) -> tuple[Input, ...]:
    """The inputs of a task, in parameter order, then what it pulled by hand or by Jinja; each once."""
    found = [*_from_arguments(record, context), *_from_pulls(record)]
    unique = {(i.param, i.producer, i.artifact.digest): i for i in found}
    return tuple(unique.values())


def _from_arguments(record: TaskRecord, context: Mapping[str, Any]) -> Iterator[Input]:
    operator = context["dag"].get_task(record.ti.task_id)
    with attributing(record):
        for param, expression in parameters(operator, context):
            try:
                value = _resolve(expression, context)
            except (RunnerError, LookupError, ValueError, TypeError):
                continue  # what failed to resolve here failed in the task too, and is its error
            for path, item in _leaves(value, param):
                yield from _inputs(record, path, item)


def parameters(operator: Any, context: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every parameter of an unrendered operator with its unresolved value."""
    fields = dict(arguments(operator))
    expanded = _expanded(operator, context)
    function = getattr(operator, "python_callable", None) or fields.get("python_callable")
    args = fields.pop("op_args", None) or ()
    yield from zip(positional_names(function, len(args)), args, strict=True)
    decorated = (
        isinstance(operator, MappedOperator) and operator._expand_input_attr == "op_kwargs_expand_input"
    )
    if not decorated:
        fields.update(expanded)
        expanded = {}
    for field in _CALL_FIELDS & fields.keys():
        calls = fields.pop(field)
        if isinstance(calls, (Mapping, TracedDict)):
            expanded = {**calls, **expanded}
        elif calls is not None:
            yield field, calls
    yield from expanded.items()
    yield from fields.items()


def _expanded(operator: Any, context: Mapping[str, Any]) -> Mapping[str, Any]:
    """What ``expand`` gives this map index, still as handles and unresolved expressions."""
    source = expand_input(operator)
    if source is None:
        return {}
    stripped = without_map(source)
    try:
        found: Mapping[str, Any] = stripped.resolve(context)[0]
    except ValueError:  # expand_kwargs over .map(f): the element that f turned into a dict
        whole = stripped.value.resolve(context)
        return {"**": whole[context["ti"].map_index]}
    return found


def _resolve(value: Any, context: Mapping[str, Any]) -> Any:
    if isinstance(value, (Handle, TracedList, TracedDict, LazyXComSequence)):
        return value
    if isinstance(value, (XComArg, MappedArgument)):
        return without_map(value).resolve(context)
    if isinstance(value, Mapping):
        return {k: _resolve(v, context) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_resolve(v, context) for v in value]
    return value


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Handles and unread sequences in ``value``, with their parameter paths."""
    if isinstance(value, LazyXComSequence):
        yield path, value
    elif isinstance(value, (Handle, TracedList, TracedDict)):
        yield from handles(value, path)
    else:
        for place, item in _items(value):
            yield from _leaves(item, path + place)


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    """Elements of a container that an argument may be, with their places."""
    if isinstance(value, Mapping):
        yield from ((place_of(key), item) for key, item in value.items())
    elif isinstance(value, (list, tuple)) or type(value).__name__ in {"_ZipResult", "_ConcatResult"}:
        yield from ((f"[{i}]", value[i]) for i in range(len(value)))


def _inputs(record: TaskRecord, path: str, item: Any) -> Iterator[Input]:
    if isinstance(item, Handle):
        yield Input(path, item.ref, item.producer)
        return
    operator, key = item._xcom_arg.operator, item._xcom_arg.key
    for read in _sequence_reads(record, operator.task_id, key):
        producer = read.handle.producer
        place = producer.map_index if read.offset in (None, SLICED) else read.offset
        yield Input(f"{path}[{place}]", read.handle.ref, producer)


def _sequence_reads(record: TaskRecord, task_id: str, key: str) -> list[Read]:
    """Elements of a mapped producer's sequence that the task really read, in order of reading."""
    return [
        read
        for read in record.reads
        if read.by_argument and (read.handle.producer.task_id, read.handle.producer.key) == (task_id, key)
    ]


def _from_pulls(record: TaskRecord) -> Iterator[Input]:
    for read in record.reads:
        if not read.by_argument:
            yield Input(None, read.handle.ref, read.handle.producer)
