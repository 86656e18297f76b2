"""From a row's handle to what its reader is to get: the value, one element of it, or a handle."""

from __future__ import annotations

import json
from collections import namedtuple
from typing import Any

from lading import deployment
from lading.xcom.push import AIRFLOW
from lading.xcom.record import MODE, Mode, Read, TaskRecord
from lading.xcom.references import References, references
from lading.xcom.traced import Handle, TracedDict, TracedList, step_into, trace_json
from lading_runner import values
from lading_runner.serializers.json import from_jsonable

_Result = namedtuple("_Result", "value")


def pull(handle: Handle, record: TaskRecord | None, by_argument: bool, offset: int | None) -> Any:
    """What the reader gets; the read is recorded, except for attribution itself.

    :raises ArtifactError: the bytes are missing, damaged or of another format
    """
    if record is None:
        return decode(handle)
    if MODE.get() is Mode.REFS:
        return trace(handle)
    wanted = _references(record)
    key = (handle.producer.task_id, handle.producer.key)
    argument = by_argument and key in wanted.all and (not record.rendered or offset is not None)
    record.reads.append(Read(handle, argument, offset))
    if MODE.get() is Mode.HANDLES:
        return step_view(handle)
    if record.rendered or not argument:
        return decode(handle)
    if _is_step(record.ti.task) and key not in wanted.mapped:
        return step_view(handle)
    return lazily(handle) if key in wanted.indexed else decode(handle)


def decode(handle: Handle) -> Any:
    """The value itself."""
    if handle.is_inline:
        return _foreign(handle.inline) if handle.ref.format == AIRFLOW else from_jsonable(handle.inline)
    store = deployment.store()
    if handle.ref.format == AIRFLOW:
        return _foreign(json.loads(store.blob(handle.ref).read()))
    return values.load(handle.ref, store, allow_pickle=deployment.settings().allow_pickle)


def _foreign(data: Any) -> Any:
    from airflow.sdk.bases.xcom import BaseXCom

    return BaseXCom.deserialize_value(_Result(data))


def trace(handle: Handle) -> Any:
    """``handle`` with the places inside: lists and dicts of handles, down to scalars and artifacts."""
    if handle.is_inline:
        return handle if handle.ref.format == AIRFLOW else trace_json(handle)
    if handle.ref.format != values.COLLECTION:
        return handle
    return _collect(handle, trace)


def step_view(handle: Handle) -> Any:
    """What a step's argument becomes: small JSON as it is, everything else a handle that the step loads."""
    if handle.is_inline:
        return decode(handle)
    if handle.ref.format != values.COLLECTION:
        return handle
    return _collect(handle, step_view)


class LazyList(TracedList):
    """A stored list whose elements are read when they are indexed: a mapped task needs one of them."""

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return [decode_traced(item) for item in found] if isinstance(index, slice) else decode_traced(found)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))


def lazily(handle: Handle) -> Any:
    if handle.is_inline or handle.ref.format != values.COLLECTION:
        return decode(handle)
    view = trace(handle)
    if not isinstance(view, TracedList):
        return decode(handle)
    lazy = LazyList(list.__iter__(view))
    lazy.handle = handle
    return lazy


def decode_traced(item: Any) -> Any:
    return decode(item.handle if isinstance(item, (TracedList, TracedDict)) else item)


def _collect(handle: Handle, view: Any) -> Any:
    collection = values.elements(handle.ref, deployment.store())
    children = []
    for place, ref, small in collection.refs:
        producer = step_into(handle.producer, place)
        children.append(
            view(Handle(ref, producer) if small is values.ABSENT else Handle(ref, producer, small))
        )
    whole: TracedList | TracedDict
    whole = (
        TracedDict(zip(collection.keys, children, strict=True))
        if collection.kind == "dict"
        else TracedList(children)
    )
    whole.handle = handle
    return whole


def _references(record: TaskRecord) -> References:
    if record.wanted is None:
        dag = record.ti.get_template_context()["dag"]
        record.wanted = references(dag.get_task(record.ti.task_id))
    return record.wanted


def _is_step(task: Any) -> bool:
    """``task`` may still be mapped, with the operator that it becomes as its class."""
    return bool(getattr(getattr(task, "operator_class", task), "is_lading_step", False))
