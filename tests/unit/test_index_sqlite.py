"""The index on SQLite."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from contract.index_contract import IndexContract
from contract.search_contract import SearchContract
from index_databases import sqlite
from lading.lineage.index import tables as t
from lading.lineage.index.insert import insert, roomy

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Connection, Engine


class TestOnSQLite(IndexContract, SearchContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Engine:
        return sqlite(tmp_path)


def test_more_rows_than_one_statement_may_have_values(tmp_path: Path) -> None:
    engine = sqlite(tmp_path)
    rows = [(n, f"dag_{n}") for n in range(2001)]
    with engine.begin() as connection:
        driver = connection.connection.driver_connection
        driver.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)  # of releases before 3.32
        insert(connection, t.dag, ("id", "dag_id"), rows)
    with engine.connect() as connection:
        assert connection.execute(sa.select(t.dag).order_by(t.dag.c.id)).all() == rows


def test_a_row_that_is_there_already_undoes_the_whole_batch(tmp_path: Path) -> None:
    engine = sqlite(tmp_path)
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
        insert(connection, t.dag, ("id", "dag_id"), [(1, "one"), (2, "two"), (3, "one")])
    with engine.connect() as connection:
        assert connection.execute(sa.select(t.dag)).all() == []


def test_the_connection_is_given_back_as_it_was(tmp_path: Path) -> None:
    """It is Airflow's, out of its pool; also after a failure."""
    engine = sqlite(tmp_path)
    with engine.connect() as connection:
        before = _cache(connection)
        with roomy(connection):
            assert _cache(connection) != before
        assert _cache(connection) == before
        with pytest.raises(sa.exc.OperationalError):
            _fail(connection)
        assert _cache(connection) == before


def _fail(connection: Connection) -> None:
    with roomy(connection):
        connection.exec_driver_sql("INSERT INTO absent VALUES (1)")


def _cache(connection: Connection) -> int:
    found: int = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    return found
