"""Runs of a DAG as rows, their parameters and metrics as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lading.lineage.index import runs as index
from lading.lineage.index import tables as t
from lading.plugin.api import airflow_state, present
from lading.plugin.api.cursors import decode, encode
from lading.plugin.api.models.runs import Cell, Column, RunRow, RunTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lading.lineage.index.records import AttemptRecord
    from lading.plugin.api.airflow_state import RunState
    from lading.plugin.api.reader import Reader

_MOST_COLUMNS = 200


def run_table(reader: Reader, dag_id: str, *, limit: int, cursor: str | None) -> RunTable:
    before: Any = decode(cursor, int, str)
    page = index.runs_page(reader.connection, dag_id, before=before, limit=limit + 1)
    shown = index.newest_attempts(reader.connection, page[:limit])
    events = {record.id: record for run in shown for record in run.newest}
    facts = index.facts(reader.connection, events)
    states = airflow_state.runs(reader.session, dag_id, [run.run.run_id for run in shown])
    cells = _cells(facts, events)
    return RunTable.model_construct(
        dag_id=dag_id,
        runs=[_row(run, states.get(run.run.run_id), cells) for run in shown],
        params=_columns(t.PARAM, facts, events, cells),
        metrics=_columns(t.METRIC, facts, events, cells),
        next=encode(page[limit - 1].started_ms, page[limit - 1].run_id) if len(page) > limit else None,
        behind=reader.behind,
    )


_Cells = dict[tuple[str, int, str], Cell]  # by run, kind and column


def _key(record: AttemptRecord, name: str) -> str:
    return f"{record.task_id}.{name}"


def _cells(facts: Iterable[index.Fact], events: Mapping[int, AttemptRecord]) -> _Cells:
    values: dict[tuple[str, int, str], list[Any]] = {}
    for fact in facts:
        record = events[fact.event]
        values.setdefault((record.run_id, fact.kind, _key(record, fact.name)), []).append(fact.value)
    return {place: _cell(some) for place, some in values.items()}


def _cell(values: list[Any]) -> Cell:
    if len(values) == 1:
        return Cell.model_construct(value=values[0], count=1, low=None, high=None)
    numbers = [float(v) for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    same = all(v == values[0] for v in values)
    whole = len(numbers) == len(values)
    return Cell.model_construct(
        value=values[0] if same else None,
        count=len(values),
        low=min(numbers) if whole else None,
        high=max(numbers) if whole else None,
    )


def _columns(
    kind: int, facts: Iterable[index.Fact], events: Mapping[int, AttemptRecord], cells: _Cells
) -> list[Column]:
    found: dict[str, Column] = {}
    runs = len({record.run_id for record in events.values()})
    for fact in facts:
        task_id = events[fact.event].task_id
        key = f"{task_id}.{fact.name}"
        if fact.kind != kind or key in found:
            continue
        column = [cell for (_, k, name), cell in cells.items() if k == kind and name == key]
        found[key] = Column.model_construct(
            key=key,
            task_id=task_id,
            name=fact.name,
            higher_is_better=fact.better,
            varies=len(column) < runs or len({str(cell) for cell in column}) > 1,
        )
    return list(found.values())[:_MOST_COLUMNS]


def _row(run: index.RunAttempts, state: RunState | None, cells: _Cells) -> RunRow:
    run_id = run.run.run_id
    last = max(record.time_ms for record in run.newest)
    started = state.started.timestamp() * 1000 if state and state.started else run.run.started_ms
    ended: float | None = last
    if state:
        ended = state.ended.timestamp() * 1000 if state.ended else None
    statuses = [record.status for record in run.newest]
    briefs = [(record.task_id, record.brief) for record in run.newest]
    by_kind = {
        kind: {name: cell for (of, k, name), cell in cells.items() if of == run_id and k == kind}
        for kind in (t.PARAM, t.METRIC)
    }
    return RunRow.model_construct(
        run_id=run_id,
        state=state.state if state else None,
        status=_status(statuses),
        logical_date=present.text_of(state.logical_date) if state else None,
        started=present.text_ms(started),
        ended=None if ended is None else present.text_ms(ended),
        duration_s=None if ended is None else max(0.0, (ended - started) / 1000),
        steps=len(statuses),
        failed=statuses.count("failed"),
        cached=statuses.count("cached"),
        params=by_kind[t.PARAM],
        metrics=by_kind[t.METRIC],
        code={task_id: brief["code"] for task_id, brief in briefs if "code" in brief},
    )


def _status(statuses: list[str]) -> str:
    for status in ("failed", "cancelled", "succeeded"):
        if status in statuses or (status == "succeeded" and "cached" in statuses):
            return status
    return "skipped"
