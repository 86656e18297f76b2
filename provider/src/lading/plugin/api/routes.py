"""The routes. All read, none changes anything of a user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response

from lading.lineage.nodes import StepKey
from lading.plugin.api import catalog, comparison, contents, instance, run_table, status, traces
from lading.plugin.api import parameters as p
from lading.plugin.api import run_graph as graphs
from lading.plugin.api.access import MayReadDag
from lading.plugin.api.models.artifacts import ArtifactPage, Counts, Facets, Search
from lading.plugin.api.models.graphs import RunGraph, TraceGraph
from lading.plugin.api.models.instances import CodeListing, TaskInstanceFacts
from lading.plugin.api.models.runs import Comparison, IndexStatus, RunTable
from lading.plugin.api.problems import MEDIA_TYPE
from lading.plugin.api.query import Query
from lading.plugin.api.reader import Read

if TYPE_CHECKING:
    from pydantic import BaseModel

_SCHEMA = {"schema": {"$ref": "#/components/schemas/Problem"}}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": "A problem", "content": {MEDIA_TYPE: _SCHEMA}}
    for status in (401, 403, 404, 422, 500, 502, 503)
}
_BYTES: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}
_PREVIEW: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"schema": {}}}}}

#: Nothing of an answer is to be kept by what lies between, or taken for something else than JSON.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

of_dag = APIRouter(prefix="/dags/{dag_id}", dependencies=[MayReadDag], responses=_PROBLEMS, tags=["runs"])
of_artifact = APIRouter(prefix="/artifacts", responses=_PROBLEMS, tags=["artifacts"])
of_index = APIRouter(responses=_PROBLEMS, tags=["index"])


def _answer(found: BaseModel) -> Response:
    """Models are made from our own records: to check them once more would take most of the time."""
    return Response(found.model_dump_json(), media_type="application/json", headers=_HEADERS)


@of_dag.get("/runs/{run_id}/graph", response_model=RunGraph)
def run_graph(dag_id: p.DagId, run_id: p.RunId, reader: Read, limit: p.Nodes = p.MOST_NODES) -> Response:
    """Steps and artifacts of one run, with the state of every task instance."""
    return _answer(graphs.run_graph(reader, dag_id, run_id, limit))


@of_dag.get("/runs/{run_id}/tasks/{task_id}", response_model=TaskInstanceFacts)
def task_instance(
    dag_id: p.DagId, run_id: p.RunId, task_id: p.TaskId, reader: Read, map_index: p.MapIndex = -1
) -> Response:
    """One task instance with all of its attempts."""
    return _answer(instance.task_instance(reader, StepKey(dag_id, run_id, task_id, map_index)))


@of_dag.get("/runs/{run_id}/tasks/{task_id}/code", response_model=CodeListing)
def task_code(  # noqa: PLR0917  # each is a part of the request
    dag_id: p.DagId,
    run_id: p.RunId,
    task_id: p.TaskId,
    reader: Read,
    map_index: p.MapIndex = -1,
    event_id: p.EventId = None,
) -> Response:
    """The source that an attempt ran."""
    key = StepKey(dag_id, run_id, task_id, map_index)
    found = instance.code_of_attempt(reader, key, event_id)
    return _answer(contents.code(found.digest, found.entry))


@of_dag.get("/runs", response_model=RunTable)
def runs(dag_id: p.DagId, reader: Read, limit: p.Limit = 25, cursor: p.Cursor = None) -> Response:
    """Runs of a DAG with their parameters and metrics, newest first."""
    return _answer(run_table.run_table(reader, dag_id, limit=limit, cursor=cursor))


@of_dag.get("/compare", response_model=Comparison)
def compare(dag_id: p.DagId, run_a: p.RunQuery, run_b: p.RunQuery, reader: Read) -> Response:
    """What differs between two runs."""
    return _answer(comparison.comparison(reader, dag_id, run_a, run_b))


@of_artifact.get("", response_model=Search)
def search(reader: Read, query: Query, limit: p.Limit = 50, cursor: p.Cursor = None) -> Response:
    """Artifacts, newest first. Conditions hold together; `q` is looked for in name, task, DAG and type;
    `made_gte` is the first moment of the time searched, `made_lt` the first one after it."""
    return _answer(catalog.search(reader, query, limit=limit, cursor=cursor))


@of_artifact.get("/counts", response_model=Counts)
def counts(reader: Read, query: Query, since: p.Moments = None) -> Response:
    """Hits of a search by type, by DAG and by time, counted over the newest 2,000 (200 where it has
    conditions)."""
    return _answer(catalog.counts(reader, query, since or ()))


@of_artifact.get("/facets", response_model=Facets)
def facets(reader: Read) -> Response:
    """What search can be narrowed to."""
    return _answer(catalog.facets(reader))


@of_artifact.get("/{artifact_id}", response_model=ArtifactPage)
def artifact(artifact_id: p.ArtifactId, reader: Read) -> Response:
    """One artifact: who made it, who read it, its versions."""
    return _answer(catalog.artifact_page(reader, artifact_id))


@of_artifact.get("/{artifact_id}/ancestry", response_model=TraceGraph)
def ancestry(
    artifact_id: p.ArtifactId, reader: Read, depth: p.Depth = 20, limit: p.Nodes = p.MOST_NODES
) -> Response:
    """What the artifact came from, across runs and DAGs."""
    return _answer(traces.trace_graph(reader, artifact_id, back=True, depth=depth, limit=limit))


@of_artifact.get("/{artifact_id}/descendants", response_model=TraceGraph)
def descendants(
    artifact_id: p.ArtifactId, reader: Read, depth: p.Depth = 20, limit: p.Nodes = p.MOST_NODES
) -> Response:
    """What the artifact went into, across runs and DAGs."""
    return _answer(traces.trace_graph(reader, artifact_id, back=False, depth=depth, limit=limit))


@of_artifact.get("/{artifact_id}/preview", response_class=Response, responses=_PREVIEW)
def preview(artifact_id: p.ArtifactId, reader: Read) -> Response:
    """What the step that made the artifact wrote down to be shown."""
    return contents.preview(traces.find(reader, artifact_id))


@of_artifact.get("/{artifact_id}/download", response_class=Response, responses=_BYTES)
def download(artifact_id: p.ArtifactId, reader: Read) -> Response:
    """The verified bytes, as an attachment."""
    return catalog.download(reader, artifact_id)


@of_index.get("/index", response_model=IndexStatus)
def index_status(reader: Read) -> Response:
    """What the index holds, of DAGs that the user may read."""
    return _answer(status.index_status(reader))
