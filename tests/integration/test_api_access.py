"""Who gets what from the lineage API: every route, every verb, every kind of user."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from api_samples import OF_DIGITS, OF_REPORT, REPORT_RUN, fill, kept
from api_server import GRANTED, VERBS, filled, headers, lading_app, serving
from lading.plugin.api.app import STATIC
from lineage_samples import DAG, RUN, report, sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from fastapi.testclient import TestClient

DAGS = {DAG: RUN, GRANTED: REPORT_RUN}
READABLE = {"admin": {*DAGS}, "viewer": {*DAGS}, "bob": {GRANTED}}


@pytest.fixture(scope="module")
def api(airflow_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("store")) as client:
        fill([*sweep(), *report()])
        yield client


@pytest.fixture(scope="module")
def steps(api: TestClient) -> dict[str, dict[str, str]]:
    """By DAG, what paths can hold of a step of which the store has everything."""
    return {dag_id: kept(dag_id, run_id) for dag_id, run_id in DAGS.items()}


def is_static(route: Any) -> bool:
    """The one mount of files that anybody may load: the code of the pages."""
    return isinstance(route, Mount) and isinstance(route.app, StaticFiles) and route.app.directory == STATIC


def paths(app: FastAPI) -> list[str]:
    return [route.path for route in app.routes if isinstance(route, APIRoute)]


def url(path: str, values: dict[str, str]) -> str:
    encoded = {name: quote(value, safe="") for name, value in values.items()}
    query = f"?run_a={encoded['run_id']}&run_b={encoded['run_id']}" if path.endswith("/compare") else ""
    return f"/lading{filled(path, encoded)}{query}"


def unguarded(client: TestClient) -> list[str]:
    """Routes that answer somebody without a user with anything but 401."""
    found = []
    for route in lading_app(client).routes:
        if is_static(route):
            continue
        path = url(f"{route.path}/x" if isinstance(route, Mount) else route.path, OF_DIGITS)
        found += [f"{verb} {path}" for verb in VERBS if client.request(verb, path).status_code != 401]
    return found


def test_no_route_answers_without_a_user(api: TestClient) -> None:
    routes = lading_app(api).routes
    assert len(paths(lading_app(api))) >= 14
    assert [type(route) for route in routes if not isinstance(route, APIRoute)] == [Mount]
    assert [route.path for route in routes if is_static(route)] == ["/static"]
    assert unguarded(api) == []


def test_a_route_that_forgets_to_ask_is_found(api: TestClient, tmp_path: Path) -> None:
    app = lading_app(api)

    @contextmanager
    def first(add: Callable[..., None], *given: Any, **more: Any) -> Iterator[None]:
        add(*given, **more)
        app.router.routes.insert(0, app.router.routes.pop())
        try:
            yield
        finally:
            app.router.routes.pop(0)

    with first(app.add_api_route, "/naive", lambda: "secret", methods=["GET"], name="static"):
        assert "GET /lading/naive" in unguarded(api)
    with first(app.mount, "/others", StaticFiles(directory=tmp_path), name="static"):
        assert "GET /lading/others/x" in unguarded(api)


def test_the_static_mount_gives_its_files_alone(api: TestClient) -> None:
    files = {str(path.relative_to(STATIC)): path for path in STATIC.rglob("*") if path.is_file()}
    assert {"lading.js", "icon.svg"} <= {*files}
    for user in (None, "nobody"):
        for name, path in files.items():
            answer = api.get(f"/lading/static/{name}", headers=headers(user))
            assert (answer.status_code, answer.content) == (200, path.read_bytes()), name
            assert "html" not in answer.headers["content-type"]
            for verb in set(VERBS) - {"GET", "HEAD"}:
                assert api.request(verb, f"/lading/static/{name}", headers=headers(user)).status_code == 405
    up = ("..", "%2e%2e", "%2E%2E%2F%2e%2e", "..%2f..", "%2e%2e%5c..", "%252e%252e", "....//")
    below = ("api/app.py", "__init__.py", "api%2Fopenapi.json")
    hostile = [f"{way}/{name}" for way, name in product(up, below)]
    hostile += ["", ".", "%2e", "%2f", "/etc/passwd", "%2fetc%2fpasswd", "nothing.js", "%00", "a" * 5000]
    hostile += ["lading.js%00.svg", "LADING.JS/..", quote(str(STATIC / "lading.js"), safe="")]
    for path in hostile:
        answer = api.get(f"/lading/static/{path}")
        told = f"{path[:100]}: {answer.status_code} {answer.text[:200]}"
        assert answer.status_code in (401, 404), told
        assert answer.headers["content-type"] == "application/problem+json", told


def expected(path: str, verb: str, user: str | None, may_read: bool) -> tuple[int, str | None]:
    """Status and code of the problem that ``user`` gets; ``may_read``: the DAG that the request is about."""
    if user is None:
        return 401, "unauthenticated"
    if user == "bad":
        return 403, "forbidden"
    if verb != "GET":
        return 405, "method_not_allowed"
    if path == "/{rest:path}":
        return 404, "not_found"
    if "{dag_id}" in path and not may_read:
        return 403, "forbidden"
    if "{artifact_id}" in path and not may_read:
        return 404, "not_found"
    return 200, None


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("user", [None, "bad", "nobody", "bob", "viewer", "admin"])
def test_every_route_for_every_user(
    api: TestClient, steps: dict[str, dict[str, str]], user: str | None, verb: str
) -> None:
    readable = READABLE.get(user or "", set())
    for dag, values in steps.items():
        for path in paths(lading_app(api)):
            answer = api.request(verb, url(path, values), headers=headers(user))
            told = f"{user} {verb} {path}: {answer.status_code} {answer.text[:300]}"
            status, code = expected(path, verb, user, dag in readable)
            assert answer.status_code == status, told
            if code is not None and verb != "HEAD":
                assert answer.headers["content-type"] == "application/problem+json", told
                assert (answer.json()["status"], answer.json()["code"]) == (status, code), told
            for hidden in DAGS.keys() - readable:
                assert hidden not in answer.text, told


def test_a_cookie_is_as_good_as_a_header(api: TestClient) -> None:
    token = headers("bob")["Authorization"].removeprefix("Bearer ")
    for values, status in ((OF_REPORT, 200), (OF_DIGITS, 403)):
        path = url("/api/v1/dags/{dag_id}/runs/{run_id}/graph", values)
        assert api.get(path, headers={"Cookie": f"_token={token}"}).status_code == status


def test_any_dag_is_none(api: TestClient) -> None:
    """Airflow takes "~" for "may read some DAG"."""
    for path in paths(lading_app(api)):
        if "{dag_id}" in path:
            answer = api.get(url(path, {**OF_DIGITS, "dag_id": "~"}), headers=headers("bob"))
            assert answer.status_code == 422, path
            other = api.get(url(path, OF_DIGITS) + "?dag_id=report", headers=headers("bob"))
            assert other.status_code == 403, path
