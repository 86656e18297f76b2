"""The table as text and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.judge import Line

HEADER = ("area", "case", "ours", "peer", "ratio", "target", "verdict", "control")
RIGHT_ALIGNED = {"ours", "ratio", "control"}


def render(lines: Sequence[Line]) -> str:
    """A Markdown table whose columns also line up in a terminal."""
    cells = [HEADER, *map(_cells, lines)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(HEADER))]
    rule = ["-" * (w - 1) + ":" if HEADER[i] in RIGHT_ALIGNED else "-" * w for i, w in enumerate(widths)]
    return "\n".join(_join(row, widths) for row in (cells[0], tuple(rule), *cells[1:]))


def to_json(lines: Sequence[Line]) -> list[dict[str, object]]:
    """The lines as JSON objects; a ratio to nothing is null."""
    return [
        {k: None if isinstance(v, float) and math.isinf(v) else v for k, v in asdict(line).items()}
        for line in lines
    ]


def figure(value: float, unit: str) -> str:
    """Three digits that count, and the unit."""
    if unit == "":
        return f"{value:g}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:.{digits}f} {unit}"


def _cells(line: Line) -> tuple[str, ...]:
    return (
        line.area,
        line.case,
        "" if line.ours is None else figure(line.ours, line.unit),
        "" if line.peer is None else f"{figure(line.peer, line.unit)} {line.peer_name}",
        "" if line.ratio is None else f"{line.ratio:.3g}x",
        line.target,
        line.verdict,
        "" if line.control is None else f"{line.control:.3f}",
    )


def _join(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if name in RIGHT_ALIGNED else cell.ljust(width)
        for name, cell, width in zip(HEADER, row, widths, strict=True)
    ]
    return "| " + " | ".join(padded) + " |"
