"""Runs of a DAG, and two of them compared."""

from __future__ import annotations

from typing import Any

from lading.plugin.api.models.common import ArtifactFacts, Model


class Column(Model):
    key: str
    """``task_id.name``; key into ``RunRow.params`` or ``.metrics``."""
    task_id: str
    name: str
    higher_is_better: bool | None = None
    varies: bool
    """Differs among the runs of this answer."""


class Cell(Model):
    """``count`` > 1: a mapped task, then ``low`` and ``high`` are the ends where values are numbers."""

    value: Any = None
    count: int = 1
    low: float | None = None
    high: float | None = None


class RunRow(Model):
    run_id: str
    state: str | None
    """Airflow's; null: the run is no longer in its database."""
    status: str
    """By the events: ``failed`` if any step's last attempt failed, else ``cancelled``, else ``succeeded``, or
    ``skipped``."""
    logical_date: str | None = None
    started: str | None
    ended: str | None
    duration_s: float | None
    steps: int
    """Task instances with an event."""
    failed: int
    cached: int
    params: dict[str, Cell]
    metrics: dict[str, Cell]
    code: dict[str, str]
    """Code digest by task."""


class RunTable(Model):
    dag_id: str
    runs: list[RunRow]
    """Newest first."""
    params: list[Column]
    metrics: list[Column]
    next: str | None = None
    behind: bool = False


class Change(Model):
    name: str
    a: Any = None
    b: Any = None
    only_in: str | None = None
    """``a`` or ``b``"""


class MetricChange(Model):
    name: str
    a: Any = None
    b: Any = None
    delta: float | None = None
    """b − a, where both are numbers."""
    higher_is_better: bool | None = None
    better: str | None = None
    """``a``, ``b``, ``same``; null: no direction was declared, or one is missing."""


class ArtifactChange(Model):
    """An input (``name``: its parameter) or output (``name``: its XCom key); null where it is absent."""

    name: str
    a: ArtifactFacts | None = None
    b: ArtifactFacts | None = None
    same: bool


class TaskChange(Model):
    task_id: str
    map_index: int
    only_in: str | None = None
    """``a`` or ``b``: the other run has no event of it."""
    same: bool
    """Nothing below differs."""
    status: Change | None = None
    code: Change | None = None
    """Digests; null: the same, or not known on both sides."""
    environment: list[Change] = []
    """``python``, ``platform``, ``image``, ``digest`` and ``package:<name>``."""
    params: list[Change] = []
    inputs: list[ArtifactChange] = []
    """All of them, the same ones too."""
    metrics: list[MetricChange] = []
    """All of them."""
    outputs: list[ArtifactChange] = []
    duration_s: MetricChange | None = None


class Differences(Model):
    """Numbers of tasks in which something differs."""

    tasks: int
    code: int
    environment: int
    params: int
    inputs: int
    metrics: int
    outputs: int
    better_a: int
    """Metrics on which run a is better, by their declared direction."""
    better_b: int


class ComparedRun(Model):
    run_id: str
    state: str | None
    started: str | None
    ended: str | None


class Comparison(Model):
    dag_id: str
    a: ComparedRun
    b: ComparedRun
    differences: Differences
    tasks: list[TaskChange]
    truncated: int = 0
    """Task instances that are left out, those without a difference first."""
    behind: bool = False


class IndexStatus(Model):
    """What the index holds, of DAGs that the user may read."""

    ready: bool
    events: int
    artifacts: int
    newest: str | None
    """Time of the newest event."""
    behind: bool
    problem: str | None = None
    """Why the index cannot be brought up to date; shown as ``damaged`` is."""
    damaged: int | None = None
    """Objects of the log that hold no event; null: shown only to users who may read connections."""
    damaged_keys: list[Change] | None = None
    """``name``: the key, ``a``: the reason; at most 100."""
