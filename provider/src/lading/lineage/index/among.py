"""``column IN (…)`` for many values, written as each database takes it fastest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, String, Text, any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Select
    from sqlalchemy.engine import Connection
    from sqlalchemy.sql.compiler import SQLCompiler

_MOST = 900  # SQLite before 3.32 takes 999 values in a statement
_IDS = "ids"


class _Among(ColumnElement[bool]):
    inherit_cache = True
    _traverse_internals = [("column", InternalTraversal.dp_clauseelement)]  # noqa: RUF012  # as in its base

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column


@compiles(_Among)
def _in(element: _Among, compiler: SQLCompiler, **kwargs: Any) -> str:
    return compiler.process(element.column.in_(bindparam(_IDS, expanding=True)), **kwargs)


@compiles(_Among, "postgresql")
def _any(element: _Among, compiler: SQLCompiler, **kwargs: Any) -> str:
    """One parameter instead of hundreds, which SQLAlchemy names and the driver puts in one by one."""
    given = element.column.type
    # a cast to the column's own type would cut what is too long, and find what it is cut to
    ids = bindparam(_IDS, type_=ARRAY(Text() if isinstance(given, String) else given))
    return compiler.process(element.column == any_(ids), **kwargs)


def among(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """``column`` is one of the values that :func:`each` is given."""
    return _Among(column)


def batched(values: Iterable[Any]) -> Iterator[list[Any]]:
    """As many at once as a statement takes."""
    some = list(values)
    for n in range(0, len(some), _MOST):
        yield some[n : n + _MOST]


def each(connection: Connection, query: Select[Any], values: Iterable[Any], **more: int) -> Iterator[Any]:
    """Rows of ``query``, which has an :func:`among` in it, for all of ``values``."""
    for some in batched(values):
        yield from connection.execute(query, {_IDS: some, **more}).all()


def chunked(
    connection: Connection, query: Select[Any], column: ColumnElement[Any], values: Iterable[Any]
) -> Iterator[Any]:
    """Rows of ``query`` where ``column`` is one of ``values``."""
    some = list(values)
    return each(connection, query.where(among(column)), some) if some else iter(())
