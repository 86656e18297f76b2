"""The XCom backend: rows hold verified references, reads and pushes are recorded for lineage.

A thin adapter: Airflow 3.4 announces ``store_value(coordinate, …)`` in place of ``serialize_value``, so
everything that matters is in the free functions ``push`` and ``pull``. They are imported when first used:
every Airflow process imports this module, half of them while Airflow's own argument classes are still being
defined.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.xcom import BaseXCom

from lading.xcom import envelope
from lading.xcom.record import MODE, SLICED, Mode, TaskRecord, current_record
from lading_runner.contract import Producer

if TYPE_CHECKING:
    from lading.xcom.traced import Handle

_ASKED: ContextVar[tuple[Any, ...] | None] = ContextVar("lading_asked", default=None)


class LadingXComBackend(BaseXCom):
    """``[core] xcom_backend = lading.xcom.LadingXComBackend``"""

    @staticmethod
    def serialize_value(
        value: Any,
        *,
        key: str | None = None,
        task_id: str | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
    ) -> Any:
        if key is None or dag_id is None or task_id is None or run_id is None:
            return BaseXCom.serialize_value(value)  # no coordinates: not an XCom of a task
        from lading.xcom.push import push

        producer = Producer(dag_id, run_id, task_id, -1 if map_index is None else map_index, key)
        return envelope.pack(push(value, producer))

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        row = result.value
        if not envelope.is_ours(row):
            return BaseXCom.deserialize_value(result)
        asked = _ASKED.get()
        record = current_record()
        if asked is not None and record is not None:
            record.envelopes[asked] = row
        by_argument, offset = _how(result)
        return _pull(envelope.unpack(row), record, by_argument, offset)

    @classmethod
    def get_one(
        cls,
        *,
        key: str,
        dag_id: str,
        task_id: str,
        run_id: str,
        map_index: int | None = None,
        include_prior_dates: bool = False,
    ) -> Any | None:
        asked = (dag_id, run_id, task_id, map_index, key, include_prior_dates)
        if MODE.get() is Mode.REFS and (record := current_record()) and asked in record.envelopes:
            return _pull(envelope.unpack(record.envelopes[asked]), record, True, None)
        token = _ASKED.set(asked)
        try:
            return super().get_one(
                key=key,
                dag_id=dag_id,
                task_id=task_id,
                run_id=run_id,
                map_index=map_index,
                include_prior_dates=include_prior_dates,
            )
        finally:
            _ASKED.reset(token)


def _pull(handle: Handle, record: TaskRecord | None, by_argument: bool, offset: int | None) -> Any:
    from lading.xcom.pull import pull

    return pull(handle, record, by_argument, offset)


def _how(result: Any) -> tuple[bool, int | None]:
    """Whether an argument may have asked, and the index where a mapped producer's sequence was indexed.

    Airflow 3.3 wraps the three ways of reading in three types: ``XComResult`` (one XCom, as arguments are),
    ``_XComValueWrapper`` (all of a task, as ``xcom_pull`` without map indexes), ``_XComWrapper`` (an
    element of a ``LazyXComSequence``). Only the sequence's own frame knows the index.
    """
    kind = type(result).__name__
    if kind != "_XComWrapper":
        return kind == "XComResult", None
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_name not in {"__getitem__", "__next__"}:
        frame = frame.f_back  # type: ignore[assignment]  # ends at None
    key = frame.f_locals.get("key") if frame is not None else None
    return True, key if isinstance(key, int) else SLICED
