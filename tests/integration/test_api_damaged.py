"""What the lineage API says of a store that fails, and what it gives without it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from airflow.models.xcom import XComModel
from airflow.sdk import dag, task
from airflow.utils.session import create_session
from sqlalchemy import select

from api_samples import artifact_id, fill
from api_server import PREFIX, bring_up_to_date, headers, serving
from lading import deployment
from lading_runner.contract import ArtifactRef
from lading_testkit import run_dag
from lineage_samples import RUN, event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.testclient import TestClient

VALUE = [0.5, "Zürich", {"b": 1, "a": 2.0}]
BYTES = '[0.5,"Zürich",{"a":2.0,"b":1}]'.encode()


@pytest.fixture(scope="module")
def api(airflow_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("store")) as client:
        client.headers.update(headers("viewer"))
        yield client


@pytest.fixture(scope="module")
def small(api: TestClient) -> str:
    """Id of a value that stands in its XCom row alone."""

    @dag(dag_id="small", schedule=None)
    def small() -> None:
        @task
        def settings() -> list[Any]:
            return VALUE

        settings()

    run = run_dag(small())
    bring_up_to_date()
    graph = api.get(f"{PREFIX}/dags/small/runs/{quote(run.run_id, safe='')}/graph").json()
    return str(graph["artifacts"][0]["id"])


@contextlib.contextmanager
def links_in_a_circle(_: pytest.MonkeyPatch) -> Iterator[None]:
    """No call of the store gets through to an object."""
    root = Path(deployment.store().root.removeprefix("file://"))
    for name in ("blobs", "previews"):
        (root / name).mkdir(exist_ok=True)
        (root / name).rename(root / f"{name}-away")
        (root / name).symlink_to(name)
    try:
        yield
    finally:
        for name in ("blobs", "previews"):
            (root / name).unlink()
            (root / f"{name}-away").rename(root / name)


@contextlib.contextmanager
def no_such_connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    try:
        with monkeypatch.context() as patch:
            patch.setenv("AIRFLOW__LADING__STORE", "nowhere_to_be_found")
            deployment.settings.cache_clear()
            yield
    finally:
        deployment.settings.cache_clear()


@pytest.mark.parametrize("fails", [links_in_a_circle, no_such_connection])
def test_a_store_that_fails_is_told_and_not_taken_for_an_empty_one(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, fails: Any
) -> None:
    digest, size = deployment.store().put_bytes(b"there before")
    key = f"previews/{digest[7:9]}/{digest[7:]}-bytes.json"
    deployment.store().objects.write(key, b'{"preview": 1, "kind": "text", "text": "shown"}')
    outputs = {"return_value": ArtifactRef(digest, size, "bytes", "bytes")}
    fill([event("made", n=1, dag_id="damaged", outputs=outputs, code={"digest": digest, "entry": "a:b"})])
    page = f"{PREFIX}/artifacts/{artifact_id('damaged', RUN, 'made', digest)}"
    code = f"{PREFIX}/dags/damaged/runs/{quote(RUN)}/tasks/made/code"
    with fails(monkeypatch):
        answer = api.get(page)
        assert answer.status_code == 200
        told = answer.json()
        assert (told["stored"], told["preview"]) == (None, None)
        assert "could not be read" in told["store_problem"]
        assert "lading doctor" in told["store_problem"]
        for path in (f"{page}/preview", f"{page}/download", code):
            problem = api.get(path)
            assert (problem.status_code, problem.json()["code"]) == (503, "store_unavailable"), path
            assert "file://" not in problem.text
            assert "nowhere_to_be_found" not in problem.text
    told = api.get(page).json()
    assert (told["stored"], told["preview"], told["store_problem"]) == (True, True, None)


def test_a_value_in_its_row_is_downloaded_as_the_bytes_of_its_digest(
    api: TestClient, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = api.get(f"{PREFIX}/artifacts/{small}").json()
    assert (page["stored"], page["artifact"]["has_value"]) == (False, True)
    with links_in_a_circle(monkeypatch):  # nothing of the store is asked for it
        answer = api.get(f"{PREFIX}/artifacts/{small}/download")
    assert (answer.status_code, answer.content) == (200, BYTES)
    assert answer.headers["etag"] == f'"{page["artifact"]["digest"][7:]}"'
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_row_that_was_changed_gives_no_other_bytes_for_the_digest(api: TestClient, small: str) -> None:
    query = select(XComModel).where(XComModel.dag_id == "small", XComModel.key == "return_value")
    with create_session() as session:
        row = session.scalars(query).one()
        kept = row.value
        row.value = json.loads(json.dumps(kept).replace("0.5", "0.25"))
    try:
        answer = api.get(f"{PREFIX}/artifacts/{small}/download")
    finally:
        with create_session() as session:
            session.scalars(query).one().value = kept
    assert (answer.status_code, answer.json()["code"]) == (404, "not_stored")
    assert api.get(f"{PREFIX}/artifacts/{small}/download").content == BYTES
