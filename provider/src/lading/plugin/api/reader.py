"""What a route reads with: a session of Airflow's database, and which DAGs the user may see."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from airflow.utils.session import create_session
from fastapi import Depends

from lading import database
from lading.lineage.index.records import Sight, dags
from lading.plugin.api.access import User, readable
from lading.plugin.api.keeper import KEEPER
from lading.plugin.api.problems import on_database_failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session


class Reader:
    """Of one request."""

    def __init__(self, user: Any, session: Session, behind: bool) -> None:
        self.user, self.session, self.behind = user, session, behind

    @property
    def connection(self) -> Connection:
        return self.session.connection()

    @cached_property
    def sight(self) -> Sight:
        known = dags(self.connection)
        allowed = readable(known.values(), self.user, self.session)
        last = max(known, default=0) if len(allowed) == len(known) else None
        return Sight({id_: name for id_, name in known.items() if name in allowed}, last)


_verified = False


def _reader(user: User) -> Iterator[Reader]:
    global _verified  # noqa: PLW0603  # of the process; the tables do not vanish while it runs
    with create_session(scoped=False) as session:
        if not _verified:
            database.check(session)
            _verified = True
        behind = KEEPER.behind()
        yield Reader(user, session, behind)
        session.rollback()


def forget() -> None:
    """Look at the tables again before the next answer."""
    global _verified  # noqa: PLW0603
    _verified = False


on_database_failure(forget)

Read = Annotated[Reader, Depends(_reader)]
