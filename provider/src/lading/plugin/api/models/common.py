"""Parts of several answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Problem(Model):
    """RFC 9457. ``detail`` says what failed, what was expected and what to do."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    """``unauthenticated``, ``forbidden``, ``not_found``, ``invalid``, ``method_not_allowed``, ``no_preview``,
    ``not_stored``, ``index_missing``, ``index_newer``, ``index_unavailable``, ``store_unavailable``,
    ``artifact_missing``, ``artifact_corrupt``, ``internal``"""


class Truncated(Model):
    """There is more than the answer shows."""

    shown: int
    total: int | None = None
    """Null: how many there are was not counted."""


class Metric(Model):
    name: str
    value: Any
    """A JSON scalar, as the step logged it."""
    higher_is_better: bool | None = None


class ArtifactFacts(Model):
    """One value that one step pushed: an output of a step, or an element of one. Never a bare digest."""

    id: str
    """32 hexadecimal digits, the same after a rebuild of the index."""
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    name: str
    """XCom key: ``return_value``, ``model``."""
    element: str | None = None
    """Place inside the list or dict ``name``: ``[3]``, ``['left']``."""
    digest: str
    """``sha256:`` and 64 hexadecimal digits."""
    size: int
    """Bytes."""
    format: str
    type: str
    shape: str = ""
    """``1797×65``, ``8 items``; empty where the serializer did not say."""
    meta: dict[str, Any] = {}
    """What the serializer said: ``shape``, ``length``, ``columns``, …; never values."""
    pickle: bool = False
    """Its bytes are a pickle: reading them runs code."""
    made: str | None = None
    """When the step that made it ended, RFC 3339, UTC; null: no event of that step is known."""
    identical: int = 0
    """Other artifacts of this answer with the same digest."""


class StepFacts(Model):
    """One task instance, as its newest attempt left it; in a trace also an earlier one that left outputs."""

    id: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    label: str
    """``task_id`` without the prefix of its task group."""
    group: str | None = None
    """Id of its task group."""
    state: str | None = None
    """Airflow's state now: ``success``, ``failed``, ``running``, ``queued``, ``upstream_failed``, …; null:
    none yet, or the run is no longer in Airflow's database."""
    status: str | None = None
    """Of the newest event: ``succeeded``, ``failed``, ``skipped``, ``cancelled``, ``cached``; null: none."""
    operator: str | None = None
    """``@task.step``, ``@task``, or a class name."""
    target: str | None = None
    """Where the job ran: a target or backend; null: not a step."""
    started: str | None = None
    ended: str | None = None
    duration_s: float | None = None
    """Of the attempt itself, without queues."""
    try_number: int = 0
    attempts: int = 0
    """Events of this task instance."""
    cached: bool = False
    superseded: bool = False
    """There is a newer attempt."""
    error: str | None = None
    """First line of the error: ``ValueError: n_estimators must be positive``."""
    failure: str | None = None
    """``user``, ``config``, ``infra``, ``oom``, ``preempted``, ``capacity``, ``timeout``, ``cancelled``"""
    metrics: list[Metric] = []
    event_id: str | None = None


class ExternalFacts(Model):
    """Data outside of any store, named by the step."""

    id: str
    uri: str
    version: str | None = None


class Edge(Model):
    """``wrote``: step to artifact; ``read``: artifact to step; ``external_read``, ``external_wrote``: the
    same with external data."""

    kind: str
    step: str
    """``StepFacts.id``"""
    artifact: str
    """``ArtifactFacts.id`` or ``ExternalFacts.id``"""
    param: str | None = None
    """``rows``, ``models[3]``; of ``wrote`` the XCom key; null: pulled by hand."""
    element: str | None = None
    """What was read is this element of ``artifact``: ``[3]``."""
