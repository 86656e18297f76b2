"""What is searched for, as a request says it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends

from lading.lineage.index import tables as t
from lading.lineage.index.search import Condition, Wanted
from lading.plugin.api import parameters as p
from lading.plugin.api.problems import ProblemError

if TYPE_CHECKING:
    from datetime import datetime

_CONDITION = re.compile(r"([^=!<>]{1,250}?)\s*(?:(<=|>=|!=|=|<|>)\s*(.{0,250}))?", re.DOTALL)


def _query(  # noqa: PLR0917  # each is a part of the request
    q: p.Text = None,
    name: p.Text = None,
    type: p.Text = None,
    dag_id: p.Key = None,
    task_id: p.Key = None,
    run_id: p.Text = None,
    digest: p.DigestPrefix = None,
    made_gte: p.Moment = None,
    made_lt: p.Moment = None,
    param: p.Condition = None,
    metric: p.Condition = None,
) -> Wanted:
    conditions = [
        *(_condition(t.PARAM, text) for text in param or ()),
        *(_condition(t.METRIC, text) for text in metric or ()),
    ]
    return Wanted(
        q=q,
        name=name,
        type=type,
        dag_id=dag_id,
        task_id=task_id,
        run_id=run_id,
        digest=digest,
        made_gte_ms=_ms(made_gte),
        made_lt_ms=_ms(made_lt),
        conditions=tuple(conditions),
    )


Query = Annotated[Wanted, Depends(_query)]


def milliseconds_of(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else milliseconds_of(moment)


def _condition(kind: int, text: str) -> Condition:
    match = _CONDITION.fullmatch(text.strip())
    if match is None or not text.isprintable():
        raise ProblemError(
            422,
            "invalid",
            f"condition {text[:100]!r} is not understood; expected such as trees=200, train.f1>=0.9",
        )
    name, comparison, value = match.groups()
    number = _number(value) if comparison else None
    if comparison and number is None and comparison not in ("=", "!="):
        raise ProblemError(
            422,
            "invalid",
            f"condition {text[:100]!r} compares with {value!r:.50}; expected a number after {comparison}",
        )
    return Condition(kind, name.strip(), comparison, value or "", number)


def _number(text: str) -> float | None:
    if text in ("true", "false"):
        return float(text == "true")
    try:
        found = float(text)
    except ValueError:
        return None
    return found if abs(found) < 1e300 else None
