"""What one running task read and pushed. One record per task instance in this process."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lading.xcom.references import References
    from lading.xcom.traced import Handle
    from lading_runner.contract import ArtifactRef

Coordinates: TypeAlias = tuple[str, str, str, int]  # dag, run, task, map index


class Mode(StrEnum):
    """What ``deserialize_value`` gives."""

    VALUES = "values"  # what Airflow and users expect
    REFS = "refs"  # handles with exact places, unrecorded: for attribution
    HANDLES = "handles"  # handles for what is not inline: for steps, which load by themselves


#: ``Read.offset`` of an element that came with a slice of a sequence.
SLICED = -1

MODE: ContextVar[Mode] = ContextVar("lading_mode", default=Mode.VALUES)


@contextmanager
def reading(mode: Mode) -> Iterator[None]:
    token = MODE.set(mode)
    try:
        yield
    finally:
        MODE.reset(token)


@dataclass(frozen=True)
class Read:
    """One XCom read. ``by_argument``: Airflow resolved an argument; else Jinja or the user's code pulled it.
    ``offset`` is the place in a mapped producer's sequence, where one was read."""

    handle: Handle
    by_argument: bool
    offset: int | None = None


@dataclass
class TaskRecord:
    """``envelopes`` caches rows by (dag, run, task, map index, key) so that attribution reads nothing
    twice."""

    coordinates: Coordinates
    ti: Any = None
    rendered: bool = False
    recorded: bool = False  # the lineage event of this attempt is written
    reads: list[Read] = field(default_factory=list)
    pushes: dict[str, ArtifactRef] = field(default_factory=dict)
    envelopes: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    saved: dict[int, tuple[object, ArtifactRef]] = field(
        default_factory=dict
    )  # by id(); the object is kept alive
    wanted: References | None = None  # of the unrendered operator, once asked for

    def remember(self, value: object, ref: ArtifactRef) -> None:
        """``value`` is already in the store as ``ref``: pushing it serializes nothing."""
        self.saved[id(value)] = (value, ref)

    def known(self, value: object) -> ArtifactRef | None:
        found = self.saved.get(id(value))
        return found[1] if found is not None and found[0] is value else None


_ATTRIBUTED: ContextVar[TaskRecord | None] = ContextVar("lading_attributed", default=None)
_RECORDS: dict[Coordinates, TaskRecord] = {}


def coordinates_of(ti: Any) -> Coordinates:
    return (ti.dag_id, ti.run_id, ti.task_id, -1 if ti.map_index is None else ti.map_index)


def record_of(ti: Any) -> TaskRecord:
    """The record of a running task instance; a new attempt of the same task begins a new record."""
    place = coordinates_of(ti)
    record = _RECORDS.get(place)
    if record is None or (record.ti is not None and record.ti is not ti):
        record = _RECORDS[place] = TaskRecord(place, ti)
    record.ti = ti
    return record


def record_at(place: Coordinates) -> TaskRecord | None:
    return _RECORDS.get(place)


@contextmanager
def attributing(record: TaskRecord) -> Iterator[None]:
    """Resolve the arguments of ``record`` as handles; Airflow's own context is gone when a task is
    finalized."""
    token = _ATTRIBUTED.set(record)
    try:
        with reading(Mode.REFS):
            yield
    finally:
        _ATTRIBUTED.reset(token)


def current_record() -> TaskRecord | None:
    """The record of the task that runs here; None outside a task, in an API server for example."""
    from airflow.sdk import get_current_context

    if (attributed := _ATTRIBUTED.get()) is not None:
        return attributed

    try:
        return record_of(get_current_context()["ti"])
    except RuntimeError:
        return None


def forget(ti: Any) -> None:
    _RECORDS.pop(coordinates_of(ti), None)
