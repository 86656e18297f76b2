"""Ancestry and descendants of an artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading.lineage.index import records
from lading.lineage.index.lookup import read_artifact
from lading.lineage.index.trace import Trace, trace
from lading.plugin.api import airflow_state, present
from lading.plugin.api.models.common import Truncated
from lading.plugin.api.models.graphs import TraceGraph, TraceRun
from lading.plugin.api.problems import not_found

if TYPE_CHECKING:
    from lading.lineage.index.records import ArtifactRecord
    from lading.plugin.api.models.common import StepFacts
    from lading.plugin.api.reader import Reader


def find(reader: Reader, artifact_id: str) -> ArtifactRecord:
    """:raises ProblemError: there is none, or of a DAG that the user may not read"""
    found = read_artifact(reader.connection, artifact_id, reader.sight)
    if found is None:
        raise not_found(f"artifact {artifact_id}")
    return found


def trace_graph(reader: Reader, artifact_id: str, *, back: bool, depth: int, limit: int) -> TraceGraph:
    root = find(reader, artifact_id)
    found = trace(reader.connection, root, reader.sight, back=back, depth=depth, limit=limit)
    steps = _steps(reader, found)
    by_event = {event: step.id for event, step in steps.items()}
    externals, external_edges = present.externals(
        records.externals(reader.connection, found.attempts), by_event
    )
    same = present.identical(found.artifacts.values())
    shown = len(found.attempts) + len(found.artifacts)
    return TraceGraph.model_construct(
        root=root.uid,
        direction="ancestry" if back else "descendants",
        depth=found.depth,
        deeper=found.deeper,
        runs=_runs(reader, found),
        steps=list(steps.values()),
        artifacts=[present.artifact(a, same[a.digest] - 1) for a in found.artifacts.values()],
        externals=externals,
        edges=present.edges(found.edges, by_event, found.artifacts) + external_edges,
        truncated=Truncated(shown=shown) if found.left_out else None,
        behind=reader.behind,
    )


def _steps(reader: Reader, found: Trace) -> dict[int, StepFacts]:
    """By event."""
    keys = {event: present.key_of(record) for event, record in found.attempts.items()}
    states = airflow_state.states(reader.session, set(keys.values()))
    return {
        event: present.step(
            record,
            attempts=found.counts[record.step],
            state=None if event in found.superseded else states.get(keys[event]),
            superseded=event in found.superseded,
        )
        for event, record in found.attempts.items()
    }


def _runs(reader: Reader, found: Trace) -> list[TraceRun]:
    """In order of first appearance."""
    pairs = dict.fromkeys(
        (record.dag_id, record.run_id)
        for some in (found.artifacts, found.attempts)
        for record in some.values()
    )
    by_dag: dict[str, list[str]] = {}
    for dag_id, run_id in pairs:
        by_dag.setdefault(dag_id, []).append(run_id)
    states = {
        (dag_id, run_id): state
        for dag_id, run_ids in by_dag.items()
        for run_id, state in airflow_state.runs(reader.session, dag_id, run_ids).items()
    }
    rows = []
    for pair in pairs:
        state = states.get(pair)
        started = present.text_of(state.started) if state else None
        rows.append(
            TraceRun.model_construct(
                dag_id=pair[0], run_id=pair[1], started=started, state=state.state if state else None
            )
        )
    return rows
