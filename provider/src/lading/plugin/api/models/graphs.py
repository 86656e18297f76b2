"""Graphs: one run, and what an artifact came from or went into."""

from __future__ import annotations

from lading.plugin.api.models.common import ArtifactFacts as Artifact
from lading.plugin.api.models.common import Edge, ExternalFacts, Metric, Model, StepFacts, Truncated


class GraphArtifact(Artifact):
    value: object = None
    """The value itself, where it is small JSON that stands in its XCom row; see ``has_value``."""
    has_value: bool = False
    metric: Metric | None = None
    """The first metric of the step that made it."""


class TaskFacts(Model):
    """One task of the DAG: what a folded node shows. Always complete, also where ``steps`` is truncated."""

    task_id: str
    label: str
    group: str | None = None
    mapped: bool = False
    operator: str | None = None
    target: str | None = None
    order: int
    """Position in the DAG's topological order."""
    total: int
    """Task instances."""
    states: dict[str, int]
    """How many instances are in each state of Airflow (``none``: no state yet)."""
    cached: int = 0
    duration_s: tuple[float, float] | None = None
    """The shortest and the longest."""
    metrics: list[Metric] = []
    """Of a task that is not mapped."""


class GroupFacts(Model):
    """A task group."""

    id: str
    label: str
    parent: str | None = None


class Dependency(Model):
    """One task waits for another, says the DAG. ``observed``: an artifact went that way."""

    upstream: str
    downstream: str
    observed: bool


class RunGraph(Model):
    dag_id: str
    run_id: str
    state: str | None
    """Airflow's state of the run; null: no longer in its database."""
    started: str | None
    ended: str | None
    tasks: list[TaskFacts]
    groups: list[GroupFacts]
    steps: list[StepFacts]
    artifacts: list[GraphArtifact]
    """Made by steps of this run, and read by them: the latter may be of other runs and DAGs."""
    externals: list[ExternalFacts]
    edges: list[Edge]
    dependencies: list[Dependency]
    truncated: Truncated | None = None
    """Of ``steps`` and ``artifacts`` together."""
    behind: bool = False
    """Newer events exist that the index has not taken in yet; ask again soon."""


class TraceRun(Model):
    """A band: one run of one DAG."""

    dag_id: str
    run_id: str
    started: str | None
    state: str | None


class TraceGraph(Model):
    """Breadth first from ``root``: what is left out is what is farthest away."""

    root: str
    direction: str
    """``ancestry`` or ``descendants``"""
    depth: int
    """Levels of steps that were followed."""
    deeper: bool = False
    """There is more beyond ``depth``."""
    runs: list[TraceRun]
    steps: list[StepFacts]
    artifacts: list[Artifact]
    externals: list[ExternalFacts]
    edges: list[Edge]
    truncated: Truncated | None = None
    behind: bool = False
