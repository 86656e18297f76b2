"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
_BYTES = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")


def _text(length: int) -> sa.String:
    return sa.String(length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql")


def upgrade() -> None:
    op.create_table(
        "lading_artifact",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("dag", _ID, nullable=False),
        sa.Column("run", _ID, nullable=False),
        sa.Column("step", _ID, nullable=False),
        sa.Column("series", _ID, nullable=False),
        sa.Column("name", _text(512), nullable=False),
        sa.Column("element", _text(512), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("meta", _LONG, nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uid"),
    )
    op.create_index("lading_artifact_digest", "lading_artifact", ["digest"], unique=False)
    op.create_index("lading_artifact_place", "lading_artifact", ["place"], unique=False)
    op.create_index("lading_artifact_run", "lading_artifact", ["run"], unique=False)
    op.create_index("lading_artifact_series", "lading_artifact", ["series", "place"], unique=False)
    op.create_index("lading_artifact_step", "lading_artifact", ["step"], unique=False)
    op.create_table(
        "lading_body",
        sa.Column("event", _ID, autoincrement=False, nullable=False),
        sa.Column("json", _BYTES, nullable=False),
        sa.PrimaryKeyConstraint("event"),
    )
    op.create_table(
        "lading_dag",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("dag_id", _text(250), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dag_id"),
    )
    op.create_table(
        "lading_damaged",
        sa.Column("key", _text(512), nullable=False),
        sa.Column("reason", _text(1000), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "lading_edge",
        sa.Column("event", _ID, autoincrement=False, nullable=False),
        sa.Column("direction", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("artifact", _ID, nullable=False),
        sa.Column("param", _text(512), nullable=True),
        sa.PrimaryKeyConstraint("event", "direction", "position"),
    )
    op.create_index("lading_edge_artifact", "lading_edge", ["artifact", "direction", "event"], unique=False)
    op.create_table(
        "lading_event",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("dag", _ID, nullable=False),
        sa.Column("run", _ID, nullable=False),
        sa.Column("step", _ID, nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("try_number", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("operator", _text(250), nullable=False),
        sa.Column("target", _text(250), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("brief", _LONG, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid"),
    )
    op.create_index("lading_event_run", "lading_event", ["run"], unique=False)
    op.create_index("lading_event_step", "lading_event", ["step"], unique=False)
    op.create_index("lading_event_time", "lading_event", ["dag", "time_ms"], unique=False)
    op.create_table(
        "lading_external",
        sa.Column("event", _ID, autoincrement=False, nullable=False),
        sa.Column("direction", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uri", _text(2000), nullable=False),
        sa.Column("version", _text(250), nullable=True),
        sa.PrimaryKeyConstraint("event", "direction", "position"),
    )
    op.create_table(
        "lading_fact",
        sa.Column("event", _ID, autoincrement=False, nullable=False),
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("dag", _ID, nullable=False),
        sa.Column("name", _text(250), nullable=False),
        sa.Column("text", _text(250), nullable=False),
        sa.Column("number", sa.Float(), nullable=True),
        sa.Column("better", sa.SmallInteger(), nullable=True),
        sa.PrimaryKeyConstraint("event", "kind", "position"),
    )
    op.create_index("lading_fact_number", "lading_fact", ["name", "kind", "number"], unique=False)
    op.create_index("lading_fact_text", "lading_fact", ["name", "kind", "text"], unique=False)
    op.create_table(
        "lading_run",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("dag", _ID, nullable=False),
        sa.Column("run_id", _text(250), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("lading_run_name", "lading_run", ["dag", "run_id"], unique=True)
    op.create_index("lading_run_started", "lading_run", ["dag", "started_ms"], unique=False)
    op.create_table(
        "lading_series",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("dag", _ID, nullable=False),
        sa.Column("task_id", _text(250), nullable=False),
        sa.Column("name", _text(512), nullable=False),
        sa.Column("part", sa.Boolean(), nullable=False),
        sa.Column("type", _text(250), nullable=False),
        sa.Column("format", _text(250), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("lading_series_task", "lading_series", ["dag", "task_id"], unique=False)
    op.create_table(
        "lading_state",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "lading_step",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("dag", _ID, nullable=False),
        sa.Column("run", _ID, nullable=False),
        sa.Column("task_id", _text(250), nullable=False),
        sa.Column("map_index", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("lading_step_name", "lading_step", ["run", "task_id", "map_index"], unique=True)
    op.execute("INSERT INTO lading_state (name, value) VALUES ('writer', '')")


def downgrade() -> None:
    for name in _TABLES:
        op.drop_table(name)


_TABLES = (
    "lading_artifact",
    "lading_body",
    "lading_dag",
    "lading_damaged",
    "lading_edge",
    "lading_event",
    "lading_external",
    "lading_fact",
    "lading_run",
    "lading_series",
    "lading_state",
    "lading_step",
)
