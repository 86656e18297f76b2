"""One artifact, and search."""

from __future__ import annotations

from typing import Any

from lading.plugin.api.models.common import ArtifactFacts, Metric, Model, StepFacts
from lading.plugin.api.models.graphs import GraphArtifact


class Consumer(Model):
    step: StepFacts
    param: str | None
    element: str | None = None


class Version(Model):
    """The same output of the same task in another run, or of another attempt."""

    artifact: ArtifactFacts
    metrics: list[Metric] = []
    same_bytes: bool
    """As the artifact that was asked for."""


class ArtifactPage(Model):
    artifact: GraphArtifact
    stored: bool | None
    """Its bytes are in the store under their own digest, so ``download`` can give them; that gives a value of
    ``artifact``, too. Null: see ``store_problem``."""
    preview: bool | None
    """``preview`` has something. Null: see ``store_problem``."""
    store_problem: str | None = None
    """Why the store could not be asked what it has, and what to do."""
    producer: StepFacts | None
    """The newest attempt that made these bytes; null: no event of it is known."""
    params: dict[str, Any] = {}
    """Of the producer."""
    metrics: list[Metric] = []
    consumers: list[Consumer]
    more_consumers: int = 0
    versions: list[Version]
    """Newest first, itself included; at most 100."""
    more_versions: int = 0
    failures: list[StepFacts] = []
    """Of the task that made it, in the newest 500 runs since the oldest of ``versions`` (all, where these are
    all): where its newest attempt failed, newest first; at most 100."""
    identical: list[ArtifactFacts] = []
    """Other outputs with the same bytes; at most 50."""
    more_identical: int = 0
    behind: bool = False


class Found(Model):
    artifact: ArtifactFacts
    metrics: list[Metric] = []
    params: dict[str, Any] = {}


class Search(Model):
    """Newest first."""

    items: list[Found]
    next: str | None = None
    """Give it as ``cursor`` to get what follows; null: that was all."""
    behind: bool = False


class Tally(Model):
    counts: dict[str, int]
    """Hits by choice; a choice without a hit is absent."""
    more: bool
    """There are more hits than were counted, so that each number is a least one."""


class Number(Model):
    count: int
    more: bool
    """There are more."""


class Counts(Model):
    """What each choice of a list would find, with everything else that was asked for."""

    types: Tally
    """Of any type, also where one was asked for."""
    dag_ids: Tally
    """Of any DAG, also where one was asked for."""
    since: list[Number] = []
    """Of any time, also where one was asked for: made since each moment of ``since``, in that order."""
    behind: bool = False


class Facets(Model):
    """What search can be narrowed to, each list at most 200."""

    dag_ids: list[str]
    types: list[str]
    metrics: list[str]
    params: list[str]
