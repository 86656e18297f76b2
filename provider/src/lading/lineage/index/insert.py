"""Adds many rows in one transaction, without what SQLAlchemy does for each value of each row."""

from __future__ import annotations

import io
from contextlib import closing, contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

_MOST_VALUES = 30_000  # of one statement: PostgreSQL and MySQL count them in 16 bits
_MOST_ROWS = 1000
_CACHE_KIB = 64 * 1024
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def insert(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """``rows``: values in the order of ``columns``, as the driver takes them."""
    if not rows:
        return
    quoted = [connection.dialect.identifier_preparer.quote(column) for column in columns]
    if connection.dialect.driver == "psycopg2":
        _copy(connection, f"{table.name} ({', '.join(quoted)})", rows)
        return
    # OR FAIL saves SQLite a journal of each statement: whoever sees one fail rolls all back anyway.
    verb = "INSERT OR FAIL INTO" if connection.dialect.name == "sqlite" else "INSERT INTO"
    head = f"{verb} {table.name} ({', '.join(quoted)}) VALUES "
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    row = f"({', '.join([mark] * len(columns))})"
    # Few statements of many rows: for each, SQLite's driver lets other threads run, and waits its turn.
    size = max(1, min(_MOST_ROWS, _most_values(connection) // len(columns)))
    for n in range(0, len(rows), size):
        some = rows[n : n + size]
        values = tuple(chain.from_iterable(some))
        connection.exec_driver_sql(head + ", ".join([row] * len(some)), values)


def _copy(connection: Connection, into: str, rows: Sequence[Sequence[Any]]) -> None:
    """The server parses no statement: a fifth less time. Format: PostgreSQL's manual, COPY, text format."""
    statement = f"COPY {into} FROM STDIN"
    lines = io.StringIO("".join(["\t".join(map(_field, row)) + "\n" for row in rows]))
    driver: Any = connection.dialect.loaded_dbapi
    with closing(connection.connection.cursor()) as cursor:
        try:
            cursor.copy_expert(statement, lines)
        except driver.Error as e:  # as SQLAlchemy would have said it
            raise DBAPIError.instance(statement, None, e, driver.Error, dialect=connection.dialect) from e


def _field(value: Any) -> str:
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if value is None:
        return "\\N"
    return f"\\\\x{value.hex()}" if isinstance(value, bytes) else str(value)


@contextmanager
def roomy(connection: Connection) -> Iterator[None]:
    """SQLite else writes the pages of indexes out and reads them again, many times in one transaction."""
    if connection.dialect.name != "sqlite":
        yield
        return
    before = connection.exec_driver_sql("PRAGMA cache_size").scalar()
    connection.exec_driver_sql(f"PRAGMA cache_size = -{_CACHE_KIB}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA cache_size = {before}")


def _most_values(connection: Connection) -> int:
    if connection.dialect.name != "sqlite":
        return _MOST_VALUES
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]  # Any
    return min(_MOST_VALUES, driver.getlimit(9))  # SQLITE_LIMIT_VARIABLE_NUMBER: 999 before 3.32
