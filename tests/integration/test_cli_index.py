"""``lading index`` against a real metadata database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from api_server import serving
from index_databases import put
from lading.cli import main
from lading.lineage.index import tables as t
from lineage_samples import event, sweep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lading_runner.store.base import ObjectStore


@pytest.fixture
def log(airflow_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """Of the artifact store; the index has the events of a run."""
    from lading import deployment

    monkeypatch.delenv("LADING_STORE", raising=False)
    with serving(tmp_path / "store"):
        objects = deployment.store().objects
        put(objects, sweep())
        assert main(["index", "rebuild", "--json"]) == 0
        yield objects


def told(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> dict[str, object]:
    capsys.readouterr()
    assert main(["index", *argv, "--json"]) == code
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_status_counts_and_names_what_is_damaged(
    log: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, "status")
    assert (found["events"], found["runs"], found["damaged"]) == (len(sweep()), 1, {})
    log.write("lineage/2026-11-20/broken.json", b"{")
    told(capsys, "rebuild")
    found = told(capsys, "status", code=1)
    assert list(found["damaged"]) == ["lineage/2026-11-20/broken.json"]  # type: ignore[call-overload]
    assert main(["index", "status"]) == 1
    assert "broken.json: LineageEvent is not JSON" in capsys.readouterr().out


def test_verify_finds_every_difference_and_rebuild_ends_it(
    log: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    from lading import database

    assert told(capsys, "verify")["sound"] is True
    extra = event("extra", n=5, at_s=60)
    log.write(extra.key(), extra.dumps())
    first = sweep()[0]
    with database.engine().begin() as connection:
        body = sa.select(t.event.c.id).where(t.event.c.uuid == first.id).scalar_subquery()
        import zlib

        changed = sa.update(t.body).where(t.body.c.event == body).values(json=zlib.compress(b"{}"))
        connection.execute(changed)
    log.delete(sweep()[1].key())
    found = told(capsys, "verify", code=1)
    assert (found["missing"], found["differing"], found["surplus"]) == ([extra.key()], [first.key()], 1)
    with database.engine().begin() as connection:
        connection.execute(sa.delete(t.state))  # also the row that writers hold
    assert told(capsys, "rebuild")["events"] == len(sweep())
    assert told(capsys, "verify")["sound"] is True


def test_without_tables_the_cure_is_named(log: ObjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "migrate", "--to", "base") == {"before": t.REVISION, "now": "base"}
    assert main(["index", "status"]) == 1
    assert "lading index migrate" in capsys.readouterr().err
    assert told(capsys, "migrate") == {"before": None, "now": t.REVISION}
    assert told(capsys, "status")["events"] == 0
