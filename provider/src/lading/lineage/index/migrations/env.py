"""How Alembic reaches the index: through the engine that the caller put into its configuration."""

from __future__ import annotations

from alembic import context

from lading.lineage.index.tables import VERSION_TABLE, metadata


def _include(_: object, name: str | None, type_: str, *__: object) -> bool:
    """Airflow's own tables are in the same database."""
    return type_ != "table" or name in metadata.tables


def _run() -> None:
    engine = context.config.attributes["engine"]
    if context.is_offline_mode():
        context.configure(
            url=engine.url, target_metadata=metadata, literal_binds=True, version_table=VERSION_TABLE
        )
        with context.begin_transaction():
            context.run_migrations()
        return
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_object=_include,
            version_table=VERSION_TABLE,
        )
        with context.begin_transaction():
            context.run_migrations()


_run()
