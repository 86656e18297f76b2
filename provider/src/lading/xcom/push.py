"""From a value that a task pushes to a handle that fits an XCom row."""

from __future__ import annotations

import hashlib
from typing import Any

from lading import deployment
from lading.xcom import envelope
from lading.xcom.record import TaskRecord, record_at
from lading.xcom.traced import Handle, TracedDict, TracedList
from lading_runner import values
from lading_runner.contract import ArtifactRef, Producer, canonical_json
from lading_runner.errors import SerializationError
from lading_runner.previews import Previews
from lading_runner.serializers.json import to_jsonable

#: Format of values that only Airflow's own serde knows: assets, pendulum times, Kubernetes objects, …
AIRFLOW = "airflow"


def push(value: Any, producer: Producer) -> Handle:
    """Store ``value`` if the row cannot hold it, and note the push for the lineage of its task.

    :raises SerializationError: no serializer takes it, with the cure
    """
    record = record_at((producer.dag_id, producer.run_id, producer.task_id, producer.map_index))
    handle = _handle(value, producer, record)
    if record is not None:
        record.pushes[producer.key] = handle.ref
    return handle


def _handle(value: Any, producer: Producer, record: TaskRecord | None) -> Handle:
    if isinstance(value, Handle):
        return Handle(value.ref, producer, value.inline) if value.is_inline else Handle(value.ref, producer)
    if isinstance(value, (TracedList, TracedDict)) and hasattr(value, "handle"):
        return _handle(value.handle, producer, record)
    if type(value).__name__ == "LazyXComSequence":
        value = list(value)
    small = inline(value, producer)
    if small is not None:
        return small
    known = record.known(value) if record is not None else None
    return Handle(known or _store(value, split=_is_mapped_over(record, producer.key)), producer)


def inline(value: Any, producer: Producer) -> Handle | None:
    """A handle with the value itself, or None where a row cannot or must not hold it."""
    try:
        data = to_jsonable(value)
        raw = canonical_json(data)
    except (SerializationError, ValueError):
        return None
    if len(raw) > deployment.settings().inline_limit or deployment.holds_secret(raw):
        return None
    ref = ArtifactRef("sha256:" + hashlib.sha256(raw).hexdigest(), len(raw), "json", values.type_name(value))
    handle = Handle(ref, producer, data)
    return handle if envelope.holds(handle) else None


def _store(value: Any, *, split: bool) -> ArtifactRef:
    store, allow_pickle = deployment.store(), deployment.settings().allow_pickle
    try:
        shown = Previews(store, deployment.masker()) if deployment.settings().previews else None
        return values.save(value, store, allow_pickle=allow_pickle, split=split, previews=shown)
    except SerializationError:
        foreign = _by_airflow(value)
        if foreign is None:
            raise
    digest, size = store.put_bytes(foreign)
    return ArtifactRef(digest, size, AIRFLOW, values.type_name(value))


def _by_airflow(value: Any) -> bytes | None:
    """JSON of a value that Airflow's serde takes, so that what works without this backend works with it."""
    from airflow.sdk.bases.xcom import BaseXCom

    try:
        return canonical_json(BaseXCom.serialize_value(value))
    except (TypeError, ValueError, AttributeError, RecursionError):
        return None


def _is_mapped_over(record: TaskRecord | None, key: str) -> bool:
    if record is None or key != "return_value":
        return False
    task = getattr(record.ti, "task", None)
    return task is not None and next(iter(task.iter_mapped_dependants()), None) is not None
