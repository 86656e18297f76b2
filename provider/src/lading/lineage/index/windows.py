"""Where in the log the events of a stretch of time lie. Pure, but for the clock.

The id of an event begins with its time in milliseconds, 12 hexadecimal digits; its key is
``lineage/<day>/<id>.json``. A window is the time that its first seven digits leave open: 17.5 minutes.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from lading.lineage.log import ROOT

Window = int

_BITS = 20
_FEW = 16  # windows that are listed one by one; more are cheaper by the day
_MOST_DAYS = 92  # more are cheaper all at once
#: Clocks of workers may be ahead, and an event may reach the store a while after its id was made.
_GRACE = 1


def current(back_s: float = 0) -> Window:
    """The window of now, or of ``back_s`` ago."""
    return (time.time_ns() // 1_000_000 - round(back_s * 1000)) >> _BITS


def prefixes(through: Window, now: Window) -> list[str]:
    """Of the keys of events after ``through``, up to ``now``, with grace on both sides."""
    first, last = through - _GRACE + 1, max(now, through) + _GRACE
    if last - first < _FEW:
        found = [_prefixes(window) for window in range(first, last + 1)]
        return sorted({prefix for some in found for prefix in some})
    days = sorted({_day(window) for window in range(first, last + 1)} | {_day(last + 1)})
    return [f"{ROOT}{day}/" for day in days] if len(days) <= _MOST_DAYS else [ROOT]


def _prefixes(window: Window) -> set[str]:
    digits = f"{window:07x}"
    return {f"{ROOT}{day}/{digits}" for day in (_day(window), _day(window + 1))}


def _day(window: Window) -> str:
    """UTC, at the window's begin."""
    return datetime.fromtimestamp((window << _BITS) / 1000, UTC).date().isoformat()
