"""What the index holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from lading.lineage.index import tables as t
from lading.plugin.api import present
from lading.plugin.api.access import is_operator
from lading.plugin.api.keeper import KEEPER
from lading.plugin.api.models.runs import Change, IndexStatus

if TYPE_CHECKING:
    from lading.plugin.api.reader import Reader

_MOST_KEYS = 100


def index_status(reader: Reader) -> IndexStatus:
    connection, sight = reader.connection, reader.sight
    events = select(func.count(), func.max(t.event.c.time_ms)).where(sight.allows(t.event.c.dag))
    count, newest = connection.execute(events).one()
    artifacts = select(func.count()).select_from(t.artifact).where(sight.allows(t.artifact.c.dag))
    # Objects that hold no event are of no DAG, and what is said of them may quote them.
    damaged = None
    if is_operator(reader.user):
        query = select(t.damaged.c.key, t.damaged.c.reason).order_by(t.damaged.c.key).limit(_MOST_KEYS)
        damaged = [
            Change.model_construct(name=key, a=reason, b=None, only_in=None)
            for key, reason in connection.execute(query)
        ]
    return IndexStatus.model_construct(
        ready=True,
        events=count,
        artifacts=connection.scalar(artifacts) or 0,
        newest=None if newest is None else present.text_ms(newest),
        behind=reader.behind,
        problem=KEEPER.problem if damaged is not None else None,
        damaged=None if damaged is None else connection.scalar(select(func.count()).select_from(t.damaged)),
        damaged_keys=damaged,
    )
