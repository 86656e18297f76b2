"""From the rounds of a row to its line in the table: medians, ratio, control, verdict. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.model import Kind, Row, Sample, Target, total

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Ending of a contestant's name in its second run of a round, which the control compares with the first.
AGAIN = "#again"

#: Where the median ratio of a contestant to itself must lie for the row to say anything.
CONTROL = (0.95, 1.05)

MET, MISSED, INCONCLUSIVE, NOT_MEASURED, SKIPPED = "met", "missed", "inconclusive", "not measured", "skipped"


@dataclass(frozen=True)
class Line:
    """One judged row; figures are medians over the rounds, ratios are medians of the ratios of each round.

    Figures are None where there are none: no peer, or not measured.
    """

    area: str
    case: str
    unit: str
    ours: float | None
    peer: float | None
    peer_name: str
    ratio: float | None
    target: str
    verdict: str
    control: float | None
    rounds: int


def judge(row: Row, rounds: Sequence[Mapping[str, Sample]]) -> Line:
    """:param rounds: by contestant's name, those of ``row.ours`` also by name + ``AGAIN``"""
    ours = [total(row.ours, samples) for samples in rounds]
    peer = [total(row.peer, samples) for samples in rounds] if row.peer else []
    control = median(
        divide(total(row.ours, samples, AGAIN), first) for samples, first in zip(rounds, ours, strict=True)
    )
    ratio = median(map(divide, ours, peer)) if peer else None
    return Line(
        area=row.area,
        case=row.case,
        unit=row.unit,
        ours=median(ours),
        peer=median(peer) if peer else None,
        peer_name=row.peer_name,
        ratio=ratio,
        target=spell(row.target, row.unit),
        verdict=verdict(_compared(row.target.kind, ours, peer), row.target.at_most, control),
        control=control,
        rounds=len(rounds),
    )


def not_measured(row: Row, verdict: str = NOT_MEASURED) -> Line:
    target = spell(row.target, row.unit)
    return Line(row.area, row.case, row.unit, None, None, row.peer_name, None, target, verdict, None, 0)


def verdict(value: float, at_most: float, control: float) -> str:
    """A control that strays voids the row, whatever the value; otherwise a miss is a miss."""
    if not CONTROL[0] <= control <= CONTROL[1]:
        return INCONCLUSIVE
    return MET if value <= at_most else MISSED


def divide(value: float, base: float) -> float:
    """``value / base`` where 0 to 0 is even."""
    if base == 0:
        return 1.0 if value == 0 else math.inf
    return value / base


def spell(target: Target, unit: str) -> str:
    number = f"{target.at_most:g}"
    if target.kind is Kind.RATIO:
        return f"<= {number}x"
    sign = "+" if target.kind is Kind.ADDED else ""
    return f"<= {sign}{number} {unit}".rstrip()


def _compared(kind: Kind, ours: Sequence[float], peer: Sequence[float]) -> float:
    if kind is Kind.OURS:
        return median(ours)
    pairs = zip(ours, peer, strict=True)
    if kind is Kind.ADDED:
        return median(mine - other for mine, other in pairs)
    return median(divide(mine, other) for mine, other in pairs)
