"""The lineage index inside Airflow's metadata database: its connection, its tables' migrations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airflow import settings
from airflow.utils.db import DBLocks, create_global_lock
from airflow.utils.db_manager import BaseDBManager
from sqlalchemy import column, inspect, select, table

from lading.errors import IndexMissing, IndexNewer
from lading.lineage.index.tables import REVISION, VERSION_TABLE, metadata

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import Engine
    from sqlalchemy.orm import Session

_MIGRATIONS = Path(__file__).parent / "lineage" / "index" / "migrations"
_CURE = "create them with: airflow db migrate (or: lading index migrate)"


class IndexDBManager(BaseDBManager):
    """What ``airflow db migrate`` and ``airflow db reset`` call, by the ``db-managers`` of provider-info."""

    metadata = metadata
    migration_dir = str(_MIGRATIONS)
    alembic_file = str(_MIGRATIONS / "alembic.ini")  # need not exist: all is set below
    version_table_name = VERSION_TABLE
    supports_table_dropping = True

    def get_alembic_config(self) -> Config:
        config: Config = super().get_alembic_config()
        config.attributes["engine"] = settings.engine
        return config

    def downgrade(
        self, to_revision: str, from_revision: str | None = None, show_sql_only: bool = False
    ) -> None:
        from alembic import command

        command.downgrade(self.get_alembic_config(), to_revision, sql=show_sql_only)


def engine() -> Engine:
    """Airflow's own; not to be used in tasks, which have no database.

    :raises IndexMissing: this process has no metadata database
    """
    if settings.engine is None:
        settings.configure_orm()
    found: Engine | None = settings.engine
    if found is None:
        raise IndexMissing("this process has no metadata database; ask where Airflow's API server runs")
    return found


def check(session: Session) -> None:
    """:raises IndexMissing, IndexNewer: the tables are not those of this release"""
    connection = session.connection()
    if not inspect(connection).has_table(VERSION_TABLE):
        raise IndexMissing(f"the tables of the lineage index are not in Airflow's database; {_CURE}")
    found = connection.scalar(select(column("version_num")).select_from(table(VERSION_TABLE)))
    if found == REVISION:
        return
    if found is not None and found > REVISION:
        raise IndexNewer(
            f"the tables of the lineage index are of revision {found!r}, this release knows {REVISION!r}; "
            f"give every API server the newest release of airflow-provider-lading that is in use"
        )
    raise IndexMissing(
        f"the tables of the lineage index are of revision {found!r}, this release needs {REVISION!r}; {_CURE}"
    )


def check_engine() -> None:
    """``check`` without a session at hand."""
    engine()
    with settings.Session() as session:
        check(session)


def migrate(to_revision: str | None = None) -> str | None:
    """Bring the tables to ``to_revision`` (default: this release's; "base": none at all); idempotent.

    Gives the revision before.
    """
    engine()
    with settings.Session() as session, create_global_lock(session, lock=DBLocks.MIGRATIONS):
        manager = IndexDBManager(session)
        before: str | None = manager.get_current_revision()
        session.commit()
        if to_revision is None:
            manager.upgradedb()
        else:
            manager.downgrade(to_revision)
        return before
