"""The FastAPI application: mounted by Airflow's API server at ``/lading``, built in that process alone."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import auth_manager_from_app
from fastapi import APIRouter, FastAPI, HTTPException, Request
from starlette.staticfiles import StaticFiles

from lading.plugin.api import problems, routes
from lading.plugin.api.access import User
from lading.plugin.api.keeper import KEEPER
from lading.plugin.api.models.common import Problem
from lading.plugin.api.orphans import WATCH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PREFIX = "/lading"
STATIC = Path(__file__).parents[1] / "static"
_VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def build() -> FastAPI:
    # Its own pages of documentation would answer anybody.
    app = FastAPI(
        title="Lading",
        summary="Lineage of Airflow tasks: runs, artifacts, what came from what.",
        version="1",
        servers=[{"url": PREFIX}],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,
    )
    problems.install(app)
    # A mounted application has a state of its own, without Airflow's auth manager.
    app.dependency_overrides[auth_manager_from_app] = get_auth_manager
    v1 = APIRouter(prefix="/api/v1")
    for router in (routes.of_dag, routes.of_artifact, routes.of_index):
        v1.include_router(router)
    app.include_router(v1)
    if STATIC.is_dir():
        app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_api_route("/{rest:path}", _nowhere, methods=_VERBS, include_in_schema=False)
    return app


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the form of problems, which the routes only refer to."""
    found: dict[str, Any] = app.openapi()
    found["components"]["schemas"]["Problem"] = Problem.model_json_schema()
    return found


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    KEEPER.loop.start()
    WATCH.start()
    try:
        yield
    finally:
        WATCH.stop()
        KEEPER.loop.stop()


def _nowhere(rest: str, request: Request, user: User) -> None:
    """Airflow's pages would answer with HTML."""
    if request.method != "GET":
        raise HTTPException(405, headers={"Allow": "GET"})
    raise problems.not_found(f"path {rest[:200]!r}")
