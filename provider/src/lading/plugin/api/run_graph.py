"""The graph of one run: what the index knows, joined with Airflow's states and the shape of the DAG."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from lading.lineage.index import tables as t
from lading.lineage.index.rungraph import RunRecords, read_run, run_of
from lading.lineage.nodes import StepKey
from lading.plugin.api import airflow_state, present
from lading.plugin.api.models.common import StepFacts, Truncated
from lading.plugin.api.models.graphs import Dependency, GroupFacts, RunGraph, TaskFacts
from lading.plugin.api.problems import not_found
from lading.plugin.api.structure import Structure, label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lading.lineage.index.records import ArtifactRecord, AttemptRecord
    from lading.plugin.api.airflow_state import RunState, TaskState
    from lading.plugin.api.reader import Reader

_BAD = ("failed", "upstream_failed", "up_for_retry")
_DONE = {"succeeded": "success", "cached": "success", "failed": "failed", "skipped": "skipped"}
_NOTHING = RunRecords({}, {}, {}, [], [])


def run_graph(reader: Reader, dag_id: str, run_id: str, limit: int) -> RunGraph:
    run = run_of(reader.connection, dag_id, run_id)
    found = read_run(reader.connection, run, reader.sight) if run is not None else _NOTHING
    state = airflow_state.runs(reader.session, dag_id, [run_id]).get(run_id)
    if run is None and state is None:
        raise not_found(f"run {run_id!r} of DAG {dag_id!r}")
    instances = airflow_state.task_instances(reader.session, dag_id, run_id) if state else []
    version = next((i.version for i in instances if i.version), state.version if state else None)
    shape = airflow_state.structure(reader.session, dag_id, version)
    steps = _steps(dag_id, run_id, found, instances, shape)
    return _assemble(reader, _Parts(dag_id, run_id, state, found, steps, shape), limit)


class _Parts(NamedTuple):
    dag_id: str
    run_id: str
    state: RunState | None
    found: RunRecords
    steps: list[StepFacts]
    shape: Structure


def _assemble(reader: Reader, parts: _Parts, limit: int) -> RunGraph:
    found, order = parts.found, {name: n for n, name in enumerate(parts.shape.tasks)}
    shown, artifacts, truncated = _cut(parts, limit)
    by_event = {record.id: present.step_uid(present.key_of(record)) for record in found.steps.values()}
    shown_ids = {step.id for step in shown}
    steps = {event: name for event, name in by_event.items() if name in shown_ids}
    makers = {e.artifact: e.event for e in found.edges if e.direction == t.WROTE}
    records = {record.id: record for record in found.steps.values()}
    values = airflow_state.values(reader.session, artifacts.values())
    same = present.identical(artifacts.values())
    externals, external_edges = present.externals(found.externals, steps)
    return RunGraph.model_construct(
        dag_id=parts.dag_id,
        run_id=parts.run_id,
        state=parts.state.state if parts.state else None,
        started=_started(parts),
        ended=_ended(parts),
        tasks=_tasks(parts, order),
        groups=[
            GroupFacts.model_construct(id=name, label=label(name, parent), parent=parent)
            for name, parent in parts.shape.groups.items()
        ],
        steps=shown,
        artifacts=[
            present.graph_artifact(a, same[a.digest] - 1, values, records.get(makers.get(a.id, -1)))
            for a in artifacts.values()
        ],
        externals=externals,
        edges=present.edges(found.edges, steps, artifacts) + external_edges,
        dependencies=_dependencies(parts),
        truncated=truncated,
        behind=reader.behind,
    )


def _steps(
    dag_id: str, run_id: str, found: RunRecords, instances: Iterable[TaskState], shape: Structure
) -> list[StepFacts]:
    """Every task instance, by Airflow or by the events; Airflow's order of tasks, then by map index."""
    by_key = {(r.task_id, r.map_index): r for r in found.steps.values()}
    known: dict[tuple[str, int], TaskState] = {(i.task_id, i.map_index): i for i in instances}
    order = {name: n for n, name in enumerate(shape.tasks)}
    places = sorted({*by_key, *known}, key=lambda p: (order.get(p[0], len(order)), p[0], p[1]))
    steps = []
    for place in places:
        task = shape.tasks.get(place[0])
        group = task.group if task else None
        record, instance = by_key.get(place), known.get(place)
        if record is None:
            steps.append(without_event(StepKey(dag_id, run_id, *place), known[place], group))
            continue
        step = present.step(
            record,
            attempts=found.attempts[record.step],
            state=instance.state if instance else None,
            group=group,
        )
        steps.append(as_airflow_has_it(step, instance) if instance else step)
    return steps


def without_event(key: StepKey, instance: TaskState, group: str | None) -> StepFacts:
    duration = None
    if instance.started and instance.ended:
        duration = (instance.ended - instance.started).total_seconds()
    return StepFacts(
        id=present.step_uid(key),
        **key._asdict(),
        label=label(key.task_id, group),
        group=group,
        state=instance.state,
        operator=instance.operator,
        started=present.text_of(instance.started),
        ended=present.text_of(instance.ended),
        duration_s=duration,
        try_number=instance.try_number,
    )


def as_airflow_has_it(step: StepFacts, instance: TaskState) -> StepFacts:
    """While a task runs again, its newest event is of the attempt before."""
    if instance.try_number <= step.try_number and instance.ended is not None:
        return step
    return step.model_copy(
        update={
            "started": present.text_of(instance.started),
            "ended": present.text_of(instance.ended),
            "duration_s": None,
            "try_number": max(instance.try_number, step.try_number),
            "error": None,
            "failure": None,
        }
    )


def _cut(parts: _Parts, limit: int) -> tuple[list[StepFacts], dict[int, ArtifactRecord], Truncated | None]:
    """What failed stays, then one step of each task, then the rest; artifacts go with their steps."""
    found = parts.found
    total = len(parts.steps) + len(found.artifacts)
    if total <= limit:
        return parts.steps, found.artifacts, None
    first: set[str] = set()
    ranks: dict[str, tuple[int, int]] = {}
    for n, step in enumerate(parts.steps):
        bad = step.state in _BAD or step.status == "failed"
        ranks[step.id] = (0 if bad else 1 if step.task_id not in first else 2), n
        first.add(step.task_id)
    events = {present.step_uid(present.key_of(r)): r.id for r in found.steps.values()}
    of_step: dict[int, list[int]] = {}
    for edge in found.edges:
        of_step.setdefault(edge.event, []).append(edge.artifact)
    kept: set[str] = set()
    artifacts: dict[int, ArtifactRecord] = {}
    for step in sorted(parts.steps, key=lambda step: ranks[step.id]):
        new = {a for a in of_step.get(events.get(step.id, -1), ()) if a not in artifacts}
        if len(kept) + len(artifacts) + 1 + len(new) > limit:
            continue
        kept.add(step.id)
        artifacts.update((a, found.artifacts[a]) for a in new)
    shown = [step for step in parts.steps if step.id in kept]
    return shown, artifacts, Truncated(shown=len(shown) + len(artifacts), total=total)


def _tasks(parts: _Parts, order: Mapping[str, int]) -> list[TaskFacts]:
    by_task: dict[str, list[StepFacts]] = {name: [] for name in parts.shape.tasks}
    for step in parts.steps:
        by_task.setdefault(step.task_id, []).append(step)
    return [
        _task(task_id, steps, parts.shape, order.get(task_id, len(order)))
        for task_id, steps in by_task.items()
    ]


def _task(task_id: str, steps: list[StepFacts], shape: Structure, order: int) -> TaskFacts:
    task = shape.tasks.get(task_id)
    group = task.group if task else None
    seconds = [step.duration_s for step in steps if step.duration_s is not None]
    last = next((step for step in steps if step.target), steps[0] if steps else None)
    operator = (last.operator if last else None) or (task.operator if task else None)
    mapped = task.mapped if task else any(step.map_index >= 0 for step in steps)
    return TaskFacts.model_construct(
        task_id=task_id,
        label=label(task_id, group),
        group=group,
        mapped=mapped,
        operator=operator,
        target=last.target if last else None,
        order=order,
        total=len(steps),
        states=dict(Counter(_state(step) for step in steps)),
        cached=sum(step.cached for step in steps),
        duration_s=(min(seconds), max(seconds)) if seconds else None,
        metrics=steps[0].metrics if len(steps) == 1 and not mapped else [],
    )


def _state(step: StepFacts) -> str:
    """Airflow's; of a run that it no longer has, what the event says."""
    return step.state or _DONE.get(step.status or "", step.status or "none")


def _dependencies(parts: _Parts) -> list[Dependency]:
    events: dict[int, AttemptRecord] = {record.id: record for record in parts.found.steps.values()}
    home = parts.dag_id, parts.run_id
    observed = set()
    for edge in parts.found.edges:
        artifact = parts.found.artifacts[edge.artifact]
        if edge.direction == t.READ and (artifact.dag_id, artifact.run_id) == home:
            observed.add((artifact.task_id, events[edge.event].task_id))
    return [
        Dependency.model_construct(upstream=up, downstream=down, observed=(up, down) in observed)
        for up, down in parts.shape.dependencies
    ]


def _started(parts: _Parts) -> str | None:
    if parts.state and parts.state.started:
        return present.text_of(parts.state.started)
    return min((step.started for step in parts.steps if step.started), default=None)


def _ended(parts: _Parts) -> str | None:
    if parts.state:
        return present.text_of(parts.state.ended)
    return max((step.ended for step in parts.steps if step.ended), default=None)
