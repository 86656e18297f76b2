"""How the API server keeps its index up to date, and what it answers where it cannot."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from api_samples import MODEL, PAGE_ID, REPORT_RUN, fill
from api_server import PREFIX, headers, serving
from lading.lineage.index import tables as t
from lading_runner.errors import StoreUnavailable
from lading_runner.store import ArtifactStore
from lineage_samples import DAG, RUN, START, event, report, sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi.testclient import TestClient

SECRET = "bucket-with-a-name"


@pytest.fixture
def api(airflow_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("store")) as client:
        fill([*sweep(), *report()])
        client.headers.update(headers("viewer"))
        yield client


class Away:
    """A store whose server does not answer."""

    root = f"s3://{SECRET}"

    def _refuse(self, *_: Any) -> Any:
        raise StoreUnavailable(f"s3://{SECRET} does not answer")

    read = open = write = create = stat = list = delete = _refuse

    def local_path(self, key: str) -> str | None:
        return None


def until(condition: Callable[[], Any], within_s: float = 60) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def indexed() -> int:
    """Events in the tables, as the database has them: no request makes the API look at the store."""
    from lading import database

    engine = database.engine()
    if not sa.inspect(engine).has_table(t.event.name):
        return 0
    with engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(t.event)) or 0


def test_the_background_loop_makes_the_tables_and_follows_the_log(api: TestClient) -> None:
    from lading import database, deployment
    from lading.plugin.api import reader

    database.migrate("base")
    reader.forget()
    assert indexed() == 0
    many = len([*sweep(), *report()])
    with api:  # the application starts, and nobody asks it for anything
        until(lambda: indexed() == many)
        at_s = (datetime.now(UTC) - START).total_seconds()
        late = event("late", at_s=at_s)
        deployment.store().objects.write(late.key(), late.dumps())
        until(lambda: indexed() == many + 1)


def test_an_unreachable_store_leaves_the_index_readable(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lading import deployment

    run, other = quote(RUN, safe=""), quote(REPORT_RUN, safe="")
    from_index = (
        f"/dags/{DAG}/runs", f"/dags/{DAG}/runs/{run}/graph",
        f"/dags/{DAG}/runs/{run}/tasks/train?map_index=2",
        f"/dags/report/compare?run_a={other}&run_b={other}", f"/artifacts/{PAGE_ID}/ancestry",
        f"/artifacts/{MODEL}/descendants", "/artifacts", "/artifacts/counts", "/artifacts/facets",
        f"/artifacts/{MODEL}",
    )  # fmt: skip
    asked = {path: api.get(PREFIX + path) for path in from_index}
    admin = headers("admin")

    def behind() -> bool:
        return bool(api.get(f"{PREFIX}/index").json()["behind"])

    with monkeypatch.context() as away:
        away.setattr(deployment, "store", lambda: ArtifactStore(Away()))
        until(behind)
        told = api.get(f"{PREFIX}/index", headers=admin).json()
        assert told["problem"] == f"s3://{SECRET} does not answer"
        assert api.get(f"{PREFIX}/index").json()["problem"] is None  # not for everybody
        for path in from_index:
            found = api.get(PREFIX + path)
            assert (asked[path].status_code, found.status_code) == (200, 200), path
            before, now = asked[path].json(), found.json()
            if "behind" in before:
                assert (before.pop("behind"), now.pop("behind")) == (False, True), path
            if path != f"/artifacts/{MODEL}":  # it says what the store has
                assert now == before, path
        for path in (f"/artifacts/{MODEL}/preview", f"/artifacts/{MODEL}/download"):
            refused = api.get(PREFIX + path)
            assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
            assert SECRET not in refused.text
    until(lambda: not behind())
    assert api.get(f"{PREFIX}/index", headers=admin).json()["problem"] is None
