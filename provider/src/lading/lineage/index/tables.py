"""Tables of the index. Integer ids are of this database alone: what leaves it is named by ``uid``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.event import listens_for

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

metadata = MetaData()
VERSION_TABLE = "lading_index_version"  # of the migrations
REVISION = "0001"  # the newest; they count up

KEY_LENGTH = 250  # of Airflow's ids of DAGs, runs and tasks
NAME_LENGTH = 512  # of Airflow's XCom keys
TEXT_LENGTH = 250
URI_LENGTH = 2000
REASON_LENGTH = 1000

READ, WROTE = 0, 1  # direction of an edge, as seen from the step
PARAM, METRIC = 0, 1  # kinds of fact

_LONG = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
_BYTES = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")
_Id = BigInteger().with_variant(Integer(), "sqlite")


def _text(length: int) -> String:
    """MySQL's default collations take ``A`` for ``a``."""
    return String(length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql")


def _key(name: str) -> Column[int]:
    return Column(name, _Id, primary_key=True, autoincrement=False)


def _of(name: str) -> Column[int]:
    """Id of a row of the table ``name``; no constraint, since one writer adds all rows."""
    return Column(name, _Id, nullable=False)


dag = Table(
    "lading_dag", metadata, _key("id"), Column("dag_id", _text(KEY_LENGTH), nullable=False, unique=True)
)

run = Table(
    "lading_run",
    metadata,
    _key("id"),
    _of("dag"),
    Column("run_id", _text(KEY_LENGTH), nullable=False),
    Column("started_ms", BigInteger, nullable=False),  # of its first attempt that is known
    Index("lading_run_name", "dag", "run_id", unique=True),
    Index("lading_run_started", "dag", "started_ms"),
)

step = Table(
    "lading_step",  # a task instance
    metadata,
    _key("id"),
    _of("dag"),
    _of("run"),
    Column("task_id", _text(KEY_LENGTH), nullable=False),
    Column("map_index", BigInteger, nullable=False),
    Index("lading_step_name", "run", "task_id", "map_index", unique=True),
)

event = Table(
    "lading_event",
    metadata,
    _key("id"),
    Column("uuid", String(36), nullable=False, unique=True),
    _of("dag"),
    _of("run"),
    _of("step"),
    Column("time_ms", BigInteger, nullable=False),
    Column("try_number", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("operator", _text(TEXT_LENGTH), nullable=False),
    Column("target", _text(TEXT_LENGTH)),
    Column("seconds", Float, nullable=False),
    Column("brief", _LONG, nullable=False),  # JSON: what a node of a graph shows
    Index("lading_event_run", "run"),
    Index("lading_event_step", "step"),
    Index("lading_event_time", "dag", "time_ms"),
)

body = Table("lading_body", metadata, _key("event"), Column("json", _BYTES, nullable=False))  # zlib

series = Table(
    "lading_series",  # an output of a task, over all runs
    metadata,
    _key("id"),
    _of("dag"),
    Column("task_id", _text(KEY_LENGTH), nullable=False),
    Column("name", _text(NAME_LENGTH), nullable=False),
    Column("part", Boolean, nullable=False),  # elements of it, not the whole
    Column("type", _text(TEXT_LENGTH), nullable=False),
    Column("format", _text(TEXT_LENGTH), nullable=False),
    Column(
        "key", String(32), nullable=False, unique=True
    ),  # hash of the above: too long for an index of MySQL
    Index("lading_series_task", "dag", "task_id"),
)

artifact = Table(
    "lading_artifact",
    metadata,
    _key("id"),
    Column("uid", String(32), nullable=False, unique=True),
    _of("dag"),
    _of("run"),
    _of("step"),
    _of("series"),
    Column("name", _text(NAME_LENGTH), nullable=False),
    Column("element", _text(NAME_LENGTH)),
    Column("digest", String(64), nullable=False),  # hexadecimal digits
    Column("size", BigInteger, nullable=False),
    Column("meta", _LONG, nullable=False),  # JSON
    Column("place", BigInteger, nullable=False),  # order of time; see rows.place
    Index("lading_artifact_step", "step"),
    Index("lading_artifact_run", "run"),
    Index("lading_artifact_digest", "digest"),
    Index("lading_artifact_series", "series", "place"),
    Index("lading_artifact_place", "place"),
)

edge = Table(
    "lading_edge",
    metadata,
    Column("event", _Id, primary_key=True, autoincrement=False),
    Column("direction", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _of("artifact"),
    Column("param", _text(NAME_LENGTH)),
    Index("lading_edge_artifact", "artifact", "direction", "event"),
)

external = Table(
    "lading_external",
    metadata,
    Column("event", _Id, primary_key=True, autoincrement=False),
    Column("direction", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("uri", _text(URI_LENGTH), nullable=False),
    Column("version", _text(TEXT_LENGTH)),
)

fact = Table(
    "lading_fact",  # a parameter or metric that is a scalar
    metadata,
    Column("event", _Id, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _of("dag"),
    Column("name", _text(TEXT_LENGTH), nullable=False),
    Column("text", _text(TEXT_LENGTH), nullable=False),
    Column("number", Float),
    Column("better", SmallInteger),  # 1: higher is better, 0: lower; null: nobody said
    Index("lading_fact_number", "name", "kind", "number"),
    Index("lading_fact_text", "name", "kind", "text"),
)

damaged = Table(
    "lading_damaged",  # objects of the log that hold no event
    metadata,
    Column("key", _text(NAME_LENGTH), primary_key=True),
    Column("reason", _text(REASON_LENGTH), nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
)

state = Table(
    "lading_state",  # of the index itself
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", String(250), nullable=False),
)

WRITER = "writer"  # the row that whoever adds rows holds


@listens_for(state, "after_create")
def _add_writer(_: Table, connection: Connection, **__: object) -> None:
    connection.execute(state.insert().values(name=WRITER, value=""))
