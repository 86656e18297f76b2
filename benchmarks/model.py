"""What is measured: contestants that run in fresh processes, and rows that compare their figures."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

#: Figures of one contestant in one round, by name: ``{"wall_s": 0.12, "cpu_s": 0.1}``.
Sample = dict[str, float]


@dataclass(frozen=True)
class Bench:
    """What a part of a contestant is given in its process."""

    folder: Path  # empty at the first part of a contestant, shared by its parts, removed after the last
    quick: bool

    def size(self, full: int) -> int:
        """``full`` bytes or items, or a small share of them in a quick run."""
        return max(full // 100, 1) if self.quick else full


@dataclass(frozen=True)
class Contestant:
    """``parts`` are functions ``module:name`` of one ``Bench`` that return a ``Sample``; each runs in a fresh
    process, in order, and their figures are joined."""

    name: str
    parts: tuple[str, ...]
    metadata_db: bool = False  # needs a migrated Airflow database in its folder, airflow.db


@dataclass(frozen=True)
class Term:
    """``weight`` times one figure of one contestant."""

    contestant: Contestant
    figure: str
    weight: float = 1.0


class Kind(Enum):
    RATIO = "ratio"  # ours / peer
    ADDED = "added"  # ours - peer
    OURS = "ours"  # ours alone; a peer is shown for comparison only


@dataclass(frozen=True)
class Target:
    kind: Kind
    at_most: float  # in the row's unit, or a factor


@dataclass(frozen=True)
class Row:
    """One line of the table; sums of terms are compared round by round."""

    area: str
    case: str
    unit: str  # "s" | "ms" | "MiB" | "" of the figures that the terms name
    ours: tuple[Term, ...]
    peer: tuple[Term, ...]
    target: Target
    peer_name: str = ""

    def contestants(self) -> set[Contestant]:
        return {term.contestant for term in (*self.ours, *self.peer)}


@dataclass(frozen=True)
class Area:
    """Rows whose contestants take turns within each round, so that a slow minute meets all of them."""

    name: str
    rows: tuple[Row, ...]
    absent: Callable[[], str] = str  # why nothing of it can be measured here; empty: it can


def total(terms: tuple[Term, ...], samples: Mapping[str, Sample], suffix: str = "") -> float:
    """The weighted sum; ``suffix`` picks the second run of each contestant, the control."""
    return sum(term.weight * samples[term.contestant.name + suffix][term.figure] for term in terms)
