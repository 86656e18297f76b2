"""What Airflow's own tables say of runs and DAGs. Read only; nothing of it is imported or deserialised."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import select, tuple_

from lading.plugin.api.structure import Structure, structure_of
from lading.xcom.envelope import is_ours

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from lading.lineage.index.records import ArtifactRecord

_KEPT_STRUCTURES = 64
_MOST_VALUES = 300
_VALUE_BYTES = 2000  # of JSON; larger values are not in rows
_structures: OrderedDict[tuple[str, UUID], Structure] = OrderedDict()


@dataclass(frozen=True)
class RunState:
    state: str | None
    started: datetime | None
    ended: datetime | None
    logical_date: datetime | None
    version: UUID | None  # of the DAG


@dataclass(frozen=True)
class TaskState:
    task_id: str
    map_index: int
    state: str | None
    started: datetime | None
    ended: datetime | None
    try_number: int
    operator: str | None
    version: UUID | None


_RUN = (
    DagRun.run_id,
    DagRun.state,
    DagRun.start_date,
    DagRun.end_date,
    DagRun.logical_date,
    DagRun.created_dag_version_id,
)
_TASK = (
    TaskInstance.task_id,
    TaskInstance.map_index,
    TaskInstance.state,
    TaskInstance.start_date,
    TaskInstance.end_date,
    TaskInstance.try_number,
    TaskInstance.custom_operator_name,
    TaskInstance.operator,
    TaskInstance.dag_version_id,
)


def runs(session: Session, dag_id: str, run_ids: Sequence[str]) -> dict[str, RunState]:
    query = select(*_RUN).where(DagRun.dag_id == dag_id, DagRun.run_id.in_(run_ids))
    return {row[0]: RunState(_text(row[1]), *row[2:5], version=row[5]) for row in session.execute(query)}


def task_instances(session: Session, dag_id: str, run_id: str) -> list[TaskState]:
    query = select(*_TASK).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
    return [_task(row) for row in session.execute(query)]


def task_instance(
    session: Session, dag_id: str, run_id: str, task_id: str, map_index: int
) -> TaskState | None:
    query = select(*_TASK).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
    query = query.where(TaskInstance.task_id == task_id, TaskInstance.map_index == map_index)
    row = session.execute(query).first()
    return None if row is None else _task(row)


def states(
    session: Session, steps: Iterable[tuple[str, str, str, int]]
) -> dict[tuple[str, str, str, int], Any]:
    """State of each task instance that Airflow still knows."""
    wanted = list(steps)
    key = (TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index)
    found = {}
    for n in range(0, len(wanted), 200):
        query = select(*key, TaskInstance.state).where(tuple_(*key).in_(wanted[n : n + 200]))
        found.update({tuple(row[:4]): _text(row[4]) for row in session.execute(query)})
    return found


def structure(session: Session, dag_id: str, version: UUID | None) -> Structure:
    """Of the given version of the DAG, else of its newest; empty if Airflow no longer has it."""
    if version is not None and (known := _structures.get((dag_id, version))):
        return known
    query = select(SerializedDagModel).where(SerializedDagModel.dag_id == dag_id)
    if version is not None:
        query = query.where(SerializedDagModel.dag_version_id == version)
    row = session.scalars(query.order_by(SerializedDagModel.created_at.desc()).limit(1)).first()
    found = structure_of(row.data if row is not None else None)
    if version is not None and row is not None:
        _structures[dag_id, version] = found
        while len(_structures) > _KEPT_STRUCTURES:
            _structures.popitem(last=False)
    return found


def values(session: Session, artifacts: Iterable[ArtifactRecord]) -> dict[int, Any]:
    """Values of small JSON artifacts, from the XCom rows that still hold them."""
    small = [a for a in artifacts if a.element is None and a.size <= _VALUE_BYTES][:_MOST_VALUES]
    by_place = {(a.dag_id, a.run_id, a.task_id, a.map_index, a.name): a for a in small}
    key = (XComModel.dag_id, XComModel.run_id, XComModel.task_id, XComModel.map_index, XComModel.key)
    found = {}
    for (dag_id, run_id), places in _by_run(by_place).items():
        query = select(*key, XComModel.value).where(XComModel.dag_id == dag_id, XComModel.run_id == run_id)
        for n in range(0, len(places), 200):
            rows = session.execute(query.where(tuple_(*key[2:]).in_(places[n : n + 200])))
            for *place, row in rows:
                artifact = by_place[tuple(place)]
                if is_ours(row) and "inline" in row and row.get("digest") == f"sha256:{artifact.digest}":
                    found[artifact.id] = row["inline"]
    return found


def _by_run(places: Iterable[tuple[Any, ...]]) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    found: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for place in places:
        found.setdefault(place[:2], []).append(place[2:])
    return found


def _task(row: Sequence[Any]) -> TaskState:
    task_id, map_index, state, started, ended, try_number, custom, operator, version = row
    return TaskState(
        task_id, map_index, _text(state), started, ended, try_number or 0, custom or operator, version
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
