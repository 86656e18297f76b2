"""One task instance: all of its attempts."""

from __future__ import annotations

from typing import Any

from lading.plugin.api.models.common import ArtifactFacts, ExternalFacts, Metric, Model, StepFacts
from lading.plugin.api.models.graphs import GraphArtifact


class InputFacts(Model):
    param: str | None
    """``rows``, ``models[3].left``; null: pulled by hand or by Jinja."""
    artifact: ArtifactFacts


class CodeFacts(Model):
    digest: str | None = None
    entry: str | None = None
    """``module:function``"""
    bundle: dict[str, Any] = {}
    """``name`` and ``version`` of the DAG bundle."""
    git: dict[str, Any] = {}
    """``commit``, ``dirty``"""


class EnvironmentFacts(Model):
    digest: str | None = None
    python: str | None = None
    platform: str | None = None
    image: str | None = None
    versions: dict[str, str] = {}
    """Of the libraries that the attempt had loaded."""
    more: dict[str, Any] = {}


class Frame(Model):
    file: str
    line: int
    function: str
    text: str = ""
    library: bool = False
    """Of Python itself or an installed package."""


class ErrorFacts(Model):
    type: str
    message: str
    failure: str
    """``user``, ``config``, ``infra``, ``oom``, ``preempted``, ``capacity``, ``timeout``, ``cancelled``"""
    frames: list[Frame] = []
    """Outermost first; empty: the attempt left no traceback."""


class AttemptFacts(Model):
    """One event."""

    event_id: str
    time: str
    """When it ended, RFC 3339, UTC."""
    status: str
    try_number: int
    generation: int
    operator: str
    target: str | None = None
    job: dict[str, Any] = {}
    """``id``, ``url``"""
    duration_s: float
    timings: dict[str, float] = {}
    """Seconds: ``queued_s``, ``stage_in_s``, ``run_s``, ``stage_out_s``."""
    profile: dict[str, Any] = {}
    """``cpu_s``, ``peak_rss_bytes``, ``bytes_in``, ``bytes_out``, …"""
    requested: dict[str, Any] = {}
    """What the step asked for: ``cpu``, ``memory``, ``disk``, ``shm``, ``spot``, ``gpu``."""
    params: dict[str, Any] = {}
    metrics: list[Metric] = []
    code: CodeFacts
    environment: EnvironmentFacts
    inputs: list[InputFacts] = []
    outputs: list[GraphArtifact] = []
    external_inputs: list[ExternalFacts] = []
    external_outputs: list[ExternalFacts] = []
    error: ErrorFacts | None = None
    cache: dict[str, Any] | None = None
    log_path: str
    """Of Airflow's page with the log, relative to the base URL."""


class TaskInstanceFacts(Model):
    step: StepFacts
    attempts: list[AttemptFacts]
    """Newest first; empty: no event yet."""
    more_attempts: int = 0
    """Older ones that are left out."""
    log_path: str
    """Of Airflow's page of the task instance, relative to the base URL."""
    behind: bool = False


class CodeFile(Model):
    path: str
    text: str
    truncated: bool = False


class CodeListing(Model):
    """The source that an attempt ran."""

    digest: str
    entry: str | None
    files: list[CodeFile]
    truncated: bool = False
    """Some files are left out."""
