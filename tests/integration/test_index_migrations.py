"""Tables of the index come and go with Airflow's own commands, and are what the code expects."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from index_databases import postgresql
from lading import database
from lading.lineage.index import tables as t

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Engine


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'airflow.db'}"
    engine = postgresql(request.getfixturevalue("postgresql_server"))
    t.metadata.drop_all(engine)
    return engine.url.render_as_string(hide_password=False)


def airflow(url: str, *argv: str, code: str = "") -> str:
    environment = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url}
    words = [sys.executable, "-W", "ignore", *(("-c", code) if code else ("-m", "airflow", *argv))]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


def ours(engine: Engine) -> set[str]:
    return {name for name in sa.inspect(engine).get_table_names() if name.startswith("lading_")}


@pytest.mark.slow
def test_airflow_makes_the_tables_and_migrations_make_the_same(url: str) -> None:
    airflow(url, "db", "migrate")
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    expected = {table.name for table in t.metadata.sorted_tables} | {t.VERSION_TABLE}
    assert ours(engine) == expected
    airflow(url, code="from lading import database; database.migrate('base')")
    assert ours(engine) == {t.VERSION_TABLE}
    code = "from lading import database as d; d.engine(); from airflow import settings as s\n"
    code += "with s.Session() as x: d.IndexDBManager(x).upgradedb(use_migration_files=True)"
    airflow(url, code=code)  # by the scripts, not by create_all
    assert ours(engine) == expected
    with engine.begin() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_object": lambda _, name, kind, *__: kind != "table" or name in t.metadata.tables},
        )
        assert compare_metadata(context, t.metadata) == []
        names = list(connection.scalars(sa.select(t.state.c.name)))
        assert names == [t.WRITER]
    airflow(url, "db", "check-migrations", "--migration-wait-timeout", "5")


def test_the_code_names_the_newest_revision() -> None:
    scripts = ScriptDirectory(database.IndexDBManager.migration_dir)
    assert scripts.get_heads() == [t.REVISION]
