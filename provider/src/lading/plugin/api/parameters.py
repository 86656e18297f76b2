"""What may stand in paths and queries. Everything else is answered with 422 before anything is read."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AwareDatetime, BeforeValidator

_KEY = r"^[\w.\-]+$"  # as Airflow's own keys; "~" would mean "any DAG" to Airflow
_LINE = r"^[^\x00-\x1f\x7f]*$"  # PostgreSQL's text holds no NUL
_UID = r"^[0-9a-f]{32}$"
_DAY = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")
MOST_NODES = 2000


def _with_a_day(value: Any) -> Any:
    """Pydantic would take a bare number for seconds since 1970."""
    if isinstance(value, str) and _DAY.match(value) is None:
        raise ValueError("expected RFC 3339 with an offset, such as 2026-11-20T12:00:00Z")
    return value


_Moment = Annotated[AwareDatetime, BeforeValidator(_with_a_day)]

DagId = Annotated[str, Path(pattern=_KEY, max_length=250)]
RunId = Annotated[str, Path(pattern=_LINE, min_length=1, max_length=250)]
TaskId = Annotated[str, Path(pattern=_KEY, max_length=250)]
MapIndex = Annotated[int, Query(ge=-1, le=2**31 - 1, description="-1: not mapped")]
ArtifactId = Annotated[str, Path(pattern=_UID)]
EventId = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="an attempt; default: the newest"
    ),
]
RunQuery = Annotated[str, Query(pattern=_LINE, min_length=1, max_length=250)]
Text = Annotated[str | None, Query(pattern=_LINE, min_length=1, max_length=200)]
Key = Annotated[str | None, Query(pattern=_KEY, max_length=250)]
DigestPrefix = Annotated[
    str | None,
    Query(pattern=r"^(sha256:)?[0-9a-fA-F]{4,64}$", description="first hexadecimal digits, 4 or more"),
]
Condition = Annotated[
    list[str] | None,
    Query(max_length=5, description="such as `trees=200`, `train.accuracy>=0.9`; more than one: all hold"),
]
Moment = Annotated[
    _Moment | None, Query(description="RFC 3339 with an offset, such as `2026-11-20T12:00:00Z`")
]
Moments = Annotated[list[_Moment] | None, Query(max_length=5, description="moments to count the hits since")]
Cursor = Annotated[
    str | None, Query(pattern=r"^[0-9a-zA-Z_\-]+$", max_length=400, description="`next` of the page before")
]
Limit = Annotated[int, Query(ge=1, le=200)]
Depth = Annotated[int, Query(ge=1, le=100, description="levels of steps")]
Nodes = Annotated[int, Query(ge=1, le=MOST_NODES, description="steps and artifacts together")]
