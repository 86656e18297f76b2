"""Ids and parameters that nobody sends in good faith: refused, and nothing of the store is read for them."""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from api_samples import fill, kept
from api_server import filled, headers, lading_app, serving
from lading.plugin.api.app import describe
from lineage_samples import DAG, RUN, report, sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.testclient import TestClient

pytestmark = pytest.mark.slow

#: Each is tried as it is, and as many more as it takes before and behind what is a valid id.
HOSTILE = (
    "..", "../..", "....//", "%2e%2e%2f", "..%2f..%2fetc%2fpasswd", "%252e%252e%252fetc", "/etc/passwd",
    "//proc/self/root", "../blobs/sha256", "../previews", "blobs/sha256/../../..", "file:///etc/passwd",
    "http://169.254.169.254/", "\\..\\..", "..;/", ".%00./", "a;b", "a#b", "a?b", "a&b=c", "%00", "a%00b",
    "\0", "\n", "\r\nX: y", "\t", "\x1b[31m", "~", "' OR 1=1 --", '" OR ""="', "'; DROP TABLE dag; --",
    "1) UNION SELECT key FROM lading_damaged --", "x'||pg_sleep(9)||'", "%", "%%", "r_turn", "\\", "*", "|id",
    "$(id)", "`id`", "{{7*7}}", "${jndi:ldap://x}", "<script>alert(1)</script>", "g" * 32, "0" * 31,
    "Z" * 33, "9" * 400, "x" * 5000, "[]", "{}", "[object Object]", "é", "e\u0301", "\u202e", "\ufeff",
    "💥", "\ufb01", "\u0660\u0661", "%c0%ae", "%ff%fe", "\ufffd", "\x7f", "\x85", "nan", "inf", "-inf",
    "0x10", "1,0", "-2", "true", "null", "undefined", "sha256:", "!", "@", "=", "+", ",", "(", ")", "^",
)  # fmt: skip
#: Parameters that ask for what may well not be there: to find nothing is an answer.
FREE_TEXT = frozenset({"q", "name", "type", "dag_id", "task_id", "run_id", "digest", "param", "metric"})
#: A DAG that nobody has heard of has no runs: whether it exists is for Airflow to say, and only to some.
ANY_DAG = ("/api/v1/dags/{dag_id}/runs", "dag_id")
IDS = 1000
ROUTES = 2  # that each of them is tried on
SHARE = 3  # of the values of a parameter, each route has one in so many; the next route has the next ones
AT_ONCE = 8


@pytest.fixture(scope="module")
def api(airflow_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("store")) as client:
        fill([*sweep(), *report()])
        client.headers.update(headers("admin"))
        yield client


@pytest.fixture(scope="module")
def values(api: TestClient) -> dict[str, str]:
    """Of paths that are answered."""
    return kept(DAG, RUN)


@pytest.fixture(scope="module")
def operations(api: TestClient) -> dict[str, list[dict[str, Any]]]:
    """Parameters by path, as the description of the API has them."""
    described = describe(lading_app(api))["paths"]
    return {path: of["get"].get("parameters", []) for path, of in described.items()}


def named(operations: dict[str, list[dict[str, Any]]], place: str) -> list[tuple[str, str]]:
    """Path and name of each parameter that stands in ``path`` or ``query``."""
    return [(path, of["name"]) for path, all_of in operations.items() for of in all_of if of["in"] == place]


def hostile_ids(valid: str) -> list[str]:
    """Different ones, and none is ``valid``."""
    found = dict.fromkeys(HOSTILE)
    numbers = count()
    while len(found) < IDS:
        n = next(numbers)
        bad = HOSTILE[n % len(HOSTILE)]
        ways = (
            valid + bad,
            bad + valid,
            bad * 2,
            f"{bad}/{valid}",
            f"{valid}{bad}{n}",
            quote(bad),
            f"{bad} {n}",
        )
        found[ways[n // len(HOSTILE) % len(ways)]] = None
    return [*found][:IDS]


def encoded(value: str) -> str:
    """Dots too, which a client would resolve by itself."""
    return quote(value, safe="").replace(".", "%2E")


def url(path: str, values: dict[str, str]) -> str:
    query = "?run_a={run}&run_b={run}".format(run=encoded(RUN)) if path.endswith("/compare") else ""
    return f"/lading{filled(path, {name: encoded(value) for name, value in values.items()})}{query}"


def asked(api: TestClient, urls: list[str]) -> list[httpx.Response]:
    """All of ``urls``, some at a time: a client of its own loop is several times as fast as ``api``."""

    async def ask_all() -> list[httpx.Response]:
        room = asyncio.Semaphore(AT_ONCE)
        transport = httpx.ASGITransport(api.app, raise_app_exceptions=False)
        token = {"Authorization": api.headers["Authorization"]}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://testserver", headers=token, timeout=60
        ) as client:

            async def ask(url: str) -> httpx.Response:
                async with room:
                    return await client.get(url)

            return await asyncio.gather(*map(ask, urls))

    return asyncio.run(ask_all())


@contextmanager
def opened() -> Iterator[list[str]]:
    """Paths of the files that this process opens meanwhile."""
    found: list[str] = []
    watching = [True]

    def watch(event: str, arguments: Any) -> None:
        if watching[0] and event == "open" and isinstance(arguments[0], str):
            found.append(arguments[0])

    sys.addaudithook(watch)
    try:
        yield found
    finally:
        watching[0] = False


def forbidden(paths: list[str]) -> list[str]:
    """Those of the store but for new events, which every request looks for, and those of the system."""
    from lading import deployment

    root = deployment.store().objects.root.removeprefix("file://")
    stored = [path for path in paths if path.startswith(root) and not path.startswith(f"{root}/lineage/")]
    return [*stored, *(path for path in paths if "passwd" in path or "/proc/self" in path)]


def refused(answer: httpx.Response) -> bool:
    problem = answer.headers["content-type"] == "application/problem+json"
    return 400 <= answer.status_code < 500 and problem and answer.json()["status"] == answer.status_code


def elsewhere(answer: httpx.Response) -> bool:
    """Airflow hands no path with a line feed to a mounted application: its own routes have none either."""
    return answer.status_code == 404 and answer.json() == {"detail": "Not Found"}


def found_nothing(answer: httpx.Response) -> bool:
    """An answer of search, or its counts, without a hit; counts by a choice stand beside what is chosen."""
    if answer.status_code != 200:
        return False
    body = answer.json()
    if "items" in body:
        return body["items"] == [] and body["next"] is None
    return not (body["types"]["counts"] and body["dag_ids"]["counts"])


def test_the_watch_sees_what_is_read(api: TestClient, values: dict[str, str]) -> None:
    for path in ("/artifacts/{artifact_id}/download", "/artifacts/{artifact_id}/preview",
                 "/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/code"):  # fmt: skip
        with opened() as files:
            (answer,) = asked(api, [url(f"/api/v1{path}", values)])
        assert answer.status_code == 200
        assert len(forbidden(files)) >= 1, path


def test_a_thousand_hostile_ids_are_refused_on_every_route(
    api: TestClient, values: dict[str, str], operations: dict[str, list[dict[str, Any]]]
) -> None:
    """In every place of every path, by turns."""
    places = [
        (path, of["name"]) for path, all_of in operations.items() for of in all_of if of["in"] == "path"
    ]
    assert len(places) >= 15
    hostile = {name: hostile_ids(values[name]) for _, name in places}
    assert all(len(set(ids)) == IDS and values[name] not in ids for name, ids in hostile.items())
    turns = [places[n % len(places)] for n in range(IDS * ROUTES)]
    tries = [(path, name, hostile[name][n % IDS]) for n, (path, name) in enumerate(turns)]
    with opened() as files:
        answers = asked(api, [url(path, {**values, name: bad}) for path, name, bad in tries])
    wrong = [
        f"{path} {name}={bad!r:.99}: {answer.status_code} {answer.text[:200]}"
        for (path, name, bad), answer in zip(tries, answers, strict=True)
        if not refused(answer)
        and not ("\n" in bad and elsewhere(answer))
        and not ((path, name) == ANY_DAG and answer.status_code == 200 and answer.json()["runs"] == [])
    ]
    assert wrong == []
    assert forbidden(files) == []


def test_hostile_values_of_every_parameter_are_refused_or_find_nothing(
    api: TestClient, values: dict[str, str], operations: dict[str, list[dict[str, Any]]]
) -> None:
    given = [
        (path, of["name"]) for path, all_of in operations.items() for of in all_of if of["in"] == "query"
    ]
    tries = [(*of, bad) for n, of in enumerate(given) for bad in HOSTILE[n % SHARE :: SHARE]]
    assert {(path, name) for path, name, _ in tries} == {*given}
    names = {name for _, name in given}
    assert names > FREE_TEXT | {
        "depth",
        "limit",
        "cursor",
        "run_a",
        "run_b",
        "map_index",
        "event_id",
        "since",
    }
    with opened() as files:
        answers = asked(api, [with_parameter(path, values, name, bad) for path, name, bad in tries])
    wrong = [
        f"{path} {name}={bad!r:.99}: {answer.status_code} {answer.text[:200]}"
        for (path, name, bad), answer in zip(tries, answers, strict=True)
        if not refused(answer) and not (name in FREE_TEXT and found_nothing(answer))
    ]
    assert wrong == []
    assert forbidden(files) == []


def with_parameter(path: str, values: dict[str, str], name: str, value: str) -> str:
    given = {"run_a": RUN, "run_b": RUN} if path.endswith("/compare") else {}
    query = "&".join(f"{key}={encoded(text)}" for key, text in {**given, name: value}.items())
    return f"{url(path, values).partition('?')[0]}?{query}"
