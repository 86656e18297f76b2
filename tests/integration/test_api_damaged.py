"""What the lineage API says of a store that fails."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from api_samples import artifact_id, fill
from api_server import PREFIX, headers, serving
from lading import deployment
from lading_runner.contract import ArtifactRef
from lineage_samples import RUN, event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.testclient import TestClient


@pytest.fixture(scope="module")
def api(airflow_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("store")) as client:
        client.headers.update(headers("viewer"))
        yield client


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
