"""Where commands print: coloured on a terminal, plain text into a pipe, JSON alone with ``--json``."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, TextIO

from lading.lineage.spans import Line, Span, clean, coloured, columns, cut, pad, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_WIDEST = 160
_GAP = "  "
_NARROWEST = 6  # an elastic column keeps this much, as long as there is room


class Terminal:
    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        if hasattr(self._out, "reconfigure"):  # a terminal that cannot show a character gets its number
            self._out.reconfigure(errors="backslashreplace")
        self.colour = _wants_colour(self._out)
        self.width = min(max(shutil.get_terminal_size((100, 24)).columns, 40), _WIDEST)

    def lines(self, lines: Iterable[Line]) -> None:
        self._out.write((coloured if self.colour else plain)(lines, self.width) + "\n")

    def json(self, data: Any) -> None:
        # ASCII: nothing in it can steer a terminal
        self._out.write(json.dumps(data, indent=2, sort_keys=True) + "\n")

    def table(
        self, titles: Sequence[str], rows: Sequence[Sequence[Span | str]], elastic: Collection[str] = ()
    ) -> None:
        """Columns as wide as needed; where that is too much, the widest of the ``elastic`` ones are cut."""
        spans = [[cell if isinstance(cell, Span) else Span(cell) for cell in row] for row in rows]
        widths = [
            max(columns(clean(text)) for text in (title, *(row[n].text for row in spans)))
            for n, title in enumerate(titles)
        ]
        soft = [n for n, title in enumerate(titles) if title in elastic]
        while sum(widths) + len(_GAP) * (len(widths) - 1) > self.width and max(widths) > 1:
            found = [n for n in soft if widths[n] > _NARROWEST] or range(len(widths))
            widths[max(found, key=widths.__getitem__)] -= 1
        lines = [[Span(title, "dim") for title in titles], *spans]
        self.lines(_row(cells, widths) for cells in lines)


def quiet() -> contextlib.AbstractContextManager[object]:
    """While code runs that may print: what it says goes to standard error, and JSON stays clean."""
    return contextlib.redirect_stdout(sys.stderr)


def _row(cells: Sequence[Span], widths: Sequence[int]) -> Line:
    spans = []
    for cell, width in zip(cells, widths, strict=True):
        spans += [Span(cut(clean(cell.text), width), cell.style)]
        spans += [Span(pad("", width - columns(spans[-1].text)) + _GAP)]
    return Line(tuple(spans[:-1]))


def _wants_colour(out: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (out.isatty() and os.environ.get("TERM") != "dumb")
