"""Who gets what from the lineage API: every route, every verb, every kind of user."""

from __future__ import annotations

import sys
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from api_samples import OF_DIGITS, OF_REPORT, fill
from api_server import GRANTED, PREFIX, VERBS, filled, headers, lading_app, serving
from lineage_samples import DAG, report, sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from fastapi.testclient import TestClient


@pytest.fixture(scope="module")
def api(airflow_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("store")) as client:
        fill([*sweep(), *report()])
        yield client


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
        if getattr(route, "name", None) == "static":
            continue
        path = url(route.path, OF_DIGITS)
        found += [f"{verb} {path}" for verb in VERBS if client.request(verb, path).status_code != 401]
    return found


def test_no_route_answers_without_a_user(api: TestClient) -> None:
    assert len(paths(lading_app(api))) >= 14
    assert unguarded(api) == []


def test_a_route_that_forgets_to_ask_is_found(api: TestClient) -> None:
    app = lading_app(api)
    app.add_api_route("/naive", lambda: "secret", methods=["GET"])
    app.router.routes.insert(0, app.router.routes.pop())
    try:
        assert "GET /lading/naive" in unguarded(api)
    finally:
        app.router.routes.pop(0)


def expected(path: str, verb: str, user: str | None, may_read: bool) -> set[int]:
    """Statuses that ``user`` may get; ``may_read``: the DAG that the request is about."""
    if user is None:
        return {401}
    if user == "bad":
        return {403}
    if verb != "GET":
        return {405}
    if path == "/{rest:path}":
        return {404}
    if "{dag_id}" in path:
        return {200, 404} if may_read and path.endswith(("/code",)) else {200} if may_read else {403}
    if "{artifact_id}" in path:
        if not may_read:
            return {404}
        return {200, 404} if path.endswith(("/preview", "/download")) else {200}
    return {200}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("user", [None, "bad", "nobody", "bob", "viewer", "admin"])
def test_every_route_for_every_user(api: TestClient, user: str | None, verb: str) -> None:
    for values, dag in ((OF_DIGITS, DAG), (OF_REPORT, "report")):
        may_read = user in ("viewer", "admin") or (user == "bob" and dag == GRANTED)
        for path in paths(lading_app(api)):
            answer = api.request(verb, url(path, values), headers=headers(user))
            told = f"{user} {verb} {path}: {answer.status_code} {answer.text[:300]}"
            assert answer.status_code in expected(path, verb, user, may_read), told
            if answer.status_code >= 400 and verb != "HEAD":
                assert answer.headers["content-type"] == "application/problem+json", told
                assert answer.json()["status"] == answer.status_code
            if answer.status_code == 200 and not may_read:
                assert DAG not in answer.text, told


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


HOSTILE = (
    "..", "../..", "....//", "%2e%2e%2f", "..%2f..%2fetc%2fpasswd", "%252e%252e%252fetc", "/etc/passwd",
    "//proc/self/root",
    "file:///etc/passwd", "http://169.254.169.254/", "\\..\\..", "a;b", "a#b", "a?b", "%00",
    "a%00b", "\n", "\r\nX: y", "~", "' OR 1=1 --", '" OR ""="', "1; DROP TABLE lading_event", "{{7*7}}",
    "${jndi:ldap://x}", "<script>alert(1)</script>", "A" * 32, "g" * 32, "0" * 31, "0" * 33, "0" * 32, "-1",
    "1e9", "9" * 400, "null", "[]", "{}", "é", "\u202e", "💥", "%", "_", "%c0%ae", "%ff%fe", "\ufffd", "\x7f",
    "sha256:" + "0" * 64, "nan", "inf", "-inf", "1" * 20, "0x10", " ",
)  # fmt: skip


def test_hostile_ids_and_parameters_are_refused_and_nothing_is_read(api: TestClient) -> None:
    opened: list[str] = []
    watching = [True]

    def watch(event: str, arguments: Any) -> None:
        if watching[0] and event == "open" and isinstance(arguments[0], str):
            opened.append(arguments[0])

    admin = headers("admin")
    names = ("artifact_id", "dag_id", "run_id", "task_id")
    parameters = (
        "limit",
        "cursor",
        "digest",
        "param",
        "metric",
        "q",
        "name",
        "dag_id",
        "run_id",
        "type",
        "map_index",
        "made_gte",
        "made_lt",
        "since",
    )
    api.get(f"{PREFIX}/artifacts", headers=admin)
    sys.addaudithook(watch)
    tried = 0
    for value in HOSTILE:
        for path in paths(lading_app(api)):
            for name in names:
                if f"{{{name}}}" in path:
                    answer = api.get(url(path, {**OF_DIGITS, name: value}), headers=admin)
                    told = f"{path} {name}={value!r}: {answer.status_code} {answer.text[:200]}"
                    nothing = answer.status_code == 200 and answer.json().get("runs") == []
                    assert 400 <= answer.status_code < 500 or nothing, told
                    tried += 1
        for path, name in product(("/artifacts", "/artifacts/counts"), parameters):
            answer = api.get(PREFIX + path, params={name: value}, headers=admin)
            told = f"{path} {name}={value!r}: {answer.status_code} {answer.text[:200]}"
            assert answer.status_code in (200, 422), told
            tried += 1
    watching[0] = False
    assert tried >= 1000
    assert not [path for path in opened if "passwd" in path or "/proc/" in path or "blobs" in path]
