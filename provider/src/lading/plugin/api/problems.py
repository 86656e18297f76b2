"""Errors are JSON problems (RFC 9457), whatever failed."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from lading.errors import IndexBroken, IndexNewer
from lading.plugin.api.models.common import Problem
from lading_runner.errors import ArtifactCorrupt, ArtifactMissing, RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI, Request

log = logging.getLogger("lading")

MEDIA_TYPE = "application/problem+json"
_CODES = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed"}
_CURES = {
    401: "log in to Airflow, or send a token: Authorization: Bearer …",
    403: "ask for permission to read the XComs of this DAG",
    404: "nothing is there, or you may not read it; see the API description for what there is",
    405: "this API only reads: use GET",
}


_on_database_failure: list[Callable[[], None]] = []


def on_database_failure(forget: Callable[[], None]) -> None:
    _on_database_failure.append(forget)


class ProblemError(Exception):
    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


def not_found(what: str) -> ProblemError:
    """The same for what is absent and for what the user may not read."""
    return ProblemError(404, "not_found", f"{what} is not known here, or you may not read it")


def response(status: int, code: str, detail: str, headers: Any = None) -> JSONResponse:
    title = HTTPStatus(status).phrase
    body = Problem(title=title, status=status, detail=detail, code=code).model_dump()
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    app.add_exception_handler(ProblemError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(SQLAlchemyError, _database)
    app.add_exception_handler(IndexBroken, _index)
    app.add_exception_handler(RunnerError, _store)
    app.add_exception_handler(Exception, _unforeseen)


def _ours(_: Request, error: Any) -> JSONResponse:
    return response(error.status, error.code, error.detail)


def _http(_: Request, error: Any) -> JSONResponse:
    status = error.status_code
    told = error.detail if isinstance(error.detail, str) else HTTPStatus(status).phrase
    detail = "; ".join(filter(None, (told, _CURES.get(status))))
    return response(status, _CODES.get(status, "invalid"), detail, error.headers)


def _invalid(_: Request, error: Any) -> JSONResponse:
    parts = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
    return response(422, "invalid", "; ".join(parts))


def _database(_: Request, error: Any) -> JSONResponse:
    log.warning("the database failed while lineage was read: %s", error)
    for forget in _on_database_failure:
        forget()
    told = "the database could not be read; the log of the API server has its answer; try again, and if it "
    return response(503, "index_unavailable", told + "stays so, make the index anew: lading index rebuild")


def _index(_: Request, error: Any) -> JSONResponse:
    code = "index_newer" if isinstance(error, IndexNewer) else "index_missing"
    return response(503, code if type(error) is not IndexBroken else "index_unavailable", str(error))


def _store(request: Request, error: Any) -> JSONResponse:
    return _ours(request, of_store(error))


def of_store(error: RunnerError | OSError) -> ProblemError:
    """What is told of a failure of the store: where it lies, and what it says, is for the log alone."""
    log.warning("the artifact store failed while lineage was read: %s", error)
    if isinstance(error, ArtifactMissing):
        told = "the bytes of this artifact are not in the artifact store; run its producer again"
        return ProblemError(404, "artifact_missing", f"{told} (it writes the same bytes)")
    if isinstance(error, ArtifactCorrupt):
        told = "the bytes of this artifact are damaged: they are not those that its step stored"
        return ProblemError(502, "artifact_corrupt", f"{told}; run its producer again, or restore the store")
    told = "the artifact store could not be read; the log of the API server has its answer; try again"
    return ProblemError(503, "store_unavailable", f"{told}, and if it stays so, run: lading doctor")


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error in %s", request.scope.get("path"), exc_info=error)
    return response(500, "internal", "this is a defect of Lading; the log of the API server has the details")
