"""The rows, by area. Parts of contestants import what they measure inside their functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.cases import arrays, containers, frames, imports, operators, pods, runner, small_values, tasks

if TYPE_CHECKING:
    from benchmarks.model import Area

ALL = (
    frames.AREA,
    arrays.AREA,
    small_values.AREA,
    tasks.AREA,
    imports.AREA,
    runner.AREA,
    containers.AREA,
    operators.DOCKER,
    pods.AREA,
    operators.KUBERNETES,
)


def areas(only: str) -> list[Area]:
    """Areas with the rows whose area or case name contains ``only``."""
    chosen = []
    for area in ALL:
        rows = tuple(row for row in area.rows if only in area.name or only in row.case)
        if rows:
            chosen.append(replace(area, rows=rows))
    return chosen
