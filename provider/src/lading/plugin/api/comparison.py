"""What differs between two runs of a DAG: code, environment, parameters, inputs, metrics, outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lading.lineage.index import lookup
from lading.lineage.index.rungraph import run_of
from lading.lineage.index.runs import RunRecord, newest_attempts
from lading.plugin.api import airflow_state, present
from lading.plugin.api.instance import read_uid, written_uid
from lading.plugin.api.models.runs import (
    ArtifactChange,
    Change,
    ComparedRun,
    Comparison,
    Differences,
    MetricChange,
    TaskChange,
)
from lading.plugin.api.problems import not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lading.lineage.index.records import ArtifactRecord, AttemptRecord
    from lading.plugin.api.reader import Reader

_MOST_TASKS = 500
_Place = tuple[str, int]  # task id and map index
_Event = dict[str, Any]


def comparison(reader: Reader, dag_id: str, run_a: str, run_b: str) -> Comparison:
    sides = [_side(reader, dag_id, run_id) for run_id in (run_a, run_b)]
    places = sorted({*sides[0], *sides[1]}, key=_order(sides))
    known = _artifacts(reader, sides)
    tasks = [_task(place, sides[0].get(place), sides[1].get(place), known) for place in places]
    shown = sorted(tasks, key=lambda task: task.same)[:_MOST_TASKS]
    kept = {(task.task_id, task.map_index) for task in shown}
    a, b = (_run(reader, dag_id, run_id, side) for run_id, side in zip((run_a, run_b), sides, strict=True))
    return Comparison.model_construct(
        dag_id=dag_id,
        a=a,
        b=b,
        differences=_differences(tasks),
        tasks=[task for task in tasks if (task.task_id, task.map_index) in kept],
        truncated=len(tasks) - len(shown),
        behind=reader.behind,
    )


def _side(reader: Reader, dag_id: str, run_id: str) -> dict[_Place, _Event]:
    """The newest event of each task instance."""
    run = run_of(reader.connection, dag_id, run_id)
    if run is None:
        raise not_found(f"an event of run {run_id!r} of DAG {dag_id!r}")
    (found,) = newest_attempts(reader.connection, [RunRecord(run, run_id, 0)])
    bodies = lookup.bodies(reader.connection, (record.id for record in found.newest))
    return {(record.task_id, record.map_index): bodies[record.id] for record in _by_time(found.newest)}


def _by_time(records: list[AttemptRecord]) -> list[AttemptRecord]:
    return sorted(records, key=lambda record: (record.time_ms, record.task_id, record.map_index))


def _order(sides: list[dict[_Place, _Event]]) -> Any:
    """As the tasks of the second run ended, then those of the first alone; mapped ones together."""
    first: dict[str, int] = {}
    for task_id, _ in [*sides[1], *sides[0]]:
        first.setdefault(task_id, len(first))
    return lambda place: (first[place[0]], place[1])


def _artifacts(reader: Reader, sides: list[dict[_Place, _Event]]) -> dict[str, ArtifactRecord]:
    uids: set[str] = set()
    for event in (event for side in sides for event in side.values()):
        uids.update(read_uid(item) for item in event.get("inputs") or ())
        uids.update(written_uid(event, item) for item in event.get("outputs") or ())
    return lookup.artifacts_of_uids(reader.connection, uids, reader.sight)


def _task(
    place: _Place, a: _Event | None, b: _Event | None, known: Mapping[str, ArtifactRecord]
) -> TaskChange:
    one, other = a or {}, b or {}
    status = _change("status", one.get("status"), other.get("status"))
    code = _change("code", *((e.get("code") or {}).get("digest") for e in (one, other)))
    environment = _changes(*(_environment(e) for e in (one, other)))
    params = _changes(*(e.get("params") or {} for e in (one, other)))
    inputs = _pairs(*(_read(e, known) for e in (one, other)))
    outputs = _pairs(*(_written(e, known) for e in (one, other)))
    metrics = _metrics(one, other)
    same = not (status or code or environment or params) and a is not None and b is not None
    same = same and all(c.same for c in (*inputs, *outputs)) and all(m.a == m.b for m in metrics)
    return TaskChange.model_construct(
        task_id=place[0],
        map_index=place[1],
        only_in="b" if a is None else "a" if b is None else None,
        same=same,
        status=status,
        code=code,
        environment=environment,
        params=params,
        inputs=inputs,
        metrics=metrics,
        outputs=outputs,
        duration_s=_metric("duration_s", _seconds(a), _seconds(b), None),
    )


def _change(name: str, a: Any, b: Any) -> Change | None:
    if a == b:
        return None
    only = "b" if a is None else "a" if b is None else None
    return Change.model_construct(name=name, a=a, b=b, only_in=only)


def _changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Change]:
    names = dict.fromkeys([*a, *b])
    return [change for name in names if (change := _change(name, a.get(name), b.get(name)))]


def _environment(event: _Event) -> dict[str, Any]:
    found = event.get("environment") or {}
    versions = found.get("versions")
    plain = {name: found.get(name) for name in ("python", "platform", "image", "digest", "packages")}
    plain = {name: value for name, value in plain.items() if isinstance(value, (str, type(None)))}
    packages = versions if isinstance(versions, dict) else {}
    return {**plain, **{f"package:{name}": version for name, version in packages.items()}}


def _read(event: _Event, known: Mapping[str, ArtifactRecord]) -> dict[str, ArtifactRecord]:
    """By parameter; those that were pulled by hand by their producer."""
    found = {}
    for item in event.get("inputs") or ():
        if record := known.get(read_uid(item)):
            producer = f"{record.task_id}.{record.name}{record.element or ''}"
            found[item.get("param") or f"pulled {producer}"] = record
    return found


def _written(event: _Event, known: Mapping[str, ArtifactRecord]) -> dict[str, ArtifactRecord]:
    found = {item["name"]: known.get(written_uid(event, item)) for item in event.get("outputs") or ()}
    return {name: record for name, record in found.items() if record is not None}


def _pairs(a: Mapping[str, ArtifactRecord], b: Mapping[str, ArtifactRecord]) -> list[ArtifactChange]:
    found = []
    for name in dict.fromkeys([*a, *b]):
        one, other = a.get(name), b.get(name)
        found.append(
            ArtifactChange.model_construct(
                name=name,
                a=present.artifact(one) if one else None,
                b=present.artifact(other) if other else None,
                same=one is not None and other is not None and one.digest == other.digest,
            )
        )
    return found


def _metrics(a: _Event, b: _Event) -> list[MetricChange]:
    ours, theirs = a.get("metrics") or {}, b.get("metrics") or {}
    better = {**(a.get("metrics_higher_is_better") or {}), **(b.get("metrics_higher_is_better") or {})}
    return [
        _metric(name, ours.get(name), theirs.get(name), better.get(name))
        for name in dict.fromkeys([*ours, *theirs])
    ]


def _metric(name: str, a: Any, b: Any, higher_is_better: bool | None) -> MetricChange:
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (a, b))
    delta = b - a if numbers else None
    better = None
    if delta is not None and higher_is_better is not None:
        better = "same" if delta == 0 else "b" if (delta > 0) == higher_is_better else "a"
    return MetricChange.model_construct(
        name=name, a=a, b=b, delta=delta, higher_is_better=higher_is_better, better=better
    )


def _seconds(event: _Event | None) -> float | None:
    if event is None:
        return None
    timings = event.get("timings") or {}
    parts = (timings.get(name) for name in ("stage_in_s", "run_s", "stage_out_s"))
    return float(sum(part for part in parts if isinstance(part, (int, float))))


def _differences(tasks: list[TaskChange]) -> Differences:
    metrics = [metric for task in tasks for metric in task.metrics]
    return Differences(
        tasks=sum(not task.same for task in tasks),
        code=sum(task.code is not None for task in tasks),
        environment=sum(bool(task.environment) for task in tasks),
        params=sum(bool(task.params) for task in tasks),
        inputs=sum(not all(c.same for c in task.inputs) for task in tasks),
        metrics=sum(any(m.a != m.b for m in task.metrics) for task in tasks),
        outputs=sum(not all(c.same for c in task.outputs) for task in tasks),
        better_a=sum(metric.better == "a" for metric in metrics),
        better_b=sum(metric.better == "b" for metric in metrics),
    )


def _run(reader: Reader, dag_id: str, run_id: str, side: Mapping[_Place, _Event]) -> ComparedRun:
    state = airflow_state.runs(reader.session, dag_id, [run_id]).get(run_id)
    return ComparedRun(
        run_id=run_id,
        state=state.state if state else None,
        started=present.text_of(state.started) if state else None,
        ended=present.text_of(state.ended) if state else max(e["time"] for e in side.values()),
    )
