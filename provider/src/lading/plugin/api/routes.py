"""The routes. All read, none changes anything of a user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response

from lading.plugin.api import parameters as p
from lading.plugin.api import run_graph as graphs
from lading.plugin.api.access import MayReadDag
from lading.plugin.api.models.common import Problem
from lading.plugin.api.models.graphs import RunGraph
from lading.plugin.api.reader import Read

if TYPE_CHECKING:
    from pydantic import BaseModel

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "content": {"application/problem+json": {}}}
    for status in (401, 403, 404, 405, 422, 500, 503)
}

of_dag = APIRouter(prefix="/dags/{dag_id}", dependencies=[MayReadDag], responses=_PROBLEMS)
of_artifact = APIRouter(prefix="/artifacts", responses=_PROBLEMS)
of_index = APIRouter(responses=_PROBLEMS)


def _answer(found: BaseModel) -> Response:
    """Models are made from our own records: to check them once more would take most of the time."""
    return Response(found.model_dump_json(), media_type="application/json", headers=_HEADERS)


#: Nothing of an answer is to be kept by what lies between, or taken for something else than JSON.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@of_dag.get("/runs/{run_id}/graph", response_model=RunGraph)
def run_graph(dag_id: p.DagId, run_id: p.RunId, reader: Read, limit: p.Nodes = p.MOST_NODES) -> Response:
    """Steps and artifacts of one run, with the state of every task instance."""
    return _answer(graphs.run_graph(reader, dag_id, run_id, limit))
