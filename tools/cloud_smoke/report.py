"""What is told: progress while jobs run, and in the end a row per check."""

from __future__ import annotations

import sys
import textwrap
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lading.lineage.spans import clean, columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_TITLES = ("target", "check", "expected", "seen", "seconds", "", "job")
_WIDEST = {"seen": 70}


@dataclass(frozen=True)
class Row:
    target: str
    backend: str
    check: str
    expected: str
    seen: str
    ok: bool
    seconds: float
    jobs: tuple[str, ...]
    url: str | None  # of the first job


@dataclass
class Progress:
    """Lines on standard error, each with the seconds since the start."""

    began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, text: str) -> None:
        with self._lock:
            print(f"{time.monotonic() - self.began:5.0f} s  {clean(text)}", file=sys.stderr, flush=True)

    def of(self, target: str, check: str) -> Callable[[str], None]:
        return lambda text: self.say(f"{target}, {check}: {text}")


def as_json(rows: Sequence[Row], left: Sequence[str], facts: dict[str, Any]) -> dict[str, Any]:
    ok = all(row.ok for row in rows) and not left
    return {**facts, "ok": ok, "checks": [asdict(row) for row in rows], "left_behind": list(left)}


def table(rows: Sequence[Row], left: Sequence[str]) -> str:
    """The last column, a link, is never cut."""
    cells = [_TITLES, *map(_cells, rows)]
    widths = [max(columns(row[n]) for row in cells) for n in range(len(_TITLES))]
    lines = ["  ".join(_padded(row, widths)).rstrip() for row in cells]
    failed = sum(not row.ok for row in rows)
    end = f"{failed} of {len(rows)} checks failed" if failed else f"all {len(rows)} checks passed"
    return "\n".join([*lines, "", *(f"left behind: {clean(text)}" for text in left), end])


def _cells(row: Row) -> tuple[str, ...]:
    seen = textwrap.shorten(clean(row.seen), _WIDEST["seen"], placeholder=" …")
    mark = "passed" if row.ok else "FAILED"
    return row.target, row.check, row.expected, seen, f"{row.seconds:.1f}", mark, row.url or "-"


def _padded(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    for text, width in zip(row, widths, strict=True):
        yield text + " " * (width - columns(text))
