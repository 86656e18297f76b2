"""The lineage event, version 1: one fact per finished attempt of any task. DESIGN section 6 has an
example."""

from __future__ import annotations

import os
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from lading_runner.contract import ArtifactRef, Attempt, Producer, Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMA = 1


class Input(Record):
    """One artifact read. ``param`` is a path such as ``frames[0].left``; None: pulled by hand or by Jinja."""

    param: str | None
    artifact: ArtifactRef
    producer: Producer

    _nested: ClassVar[Mapping[str, Any]] = {"artifact": ArtifactRef.from_json, "producer": Producer.from_json}


class Output(Record):
    """One artifact pushed, under an XCom key."""

    name: str
    artifact: ArtifactRef

    _nested: ClassVar[Mapping[str, Any]] = {"artifact": ArtifactRef.from_json}


def _inputs(data: Sequence[Any]) -> tuple[Input, ...]:
    return tuple(Input.from_json(item) for item in data)


def _outputs(data: Sequence[Any]) -> tuple[Output, ...]:
    return tuple(Output.from_json(item) for item in data)


class LineageEvent(Record):
    id: str  # UUID version 7: sorts by time
    time: str  # RFC 3339, UTC, when the attempt ended
    status: str  # "succeeded" | "failed" | "skipped" | "cancelled" | "cached"
    task: Attempt
    operator: str  # "@task.step", "@task", class name
    target: str | None = None
    job: Mapping[str, Any] = {}  # {"id", "url"}
    code: Mapping[str, Any] = {}  # {"digest", "entry", "bundle", "git"}
    environment: Mapping[str, Any] = {}  # {"digest", "python", "platform", "image"}
    params: Mapping[str, Any] = {}  # literal arguments, masked and capped
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    external: Mapping[str, Any] = {}  # {"inputs": [{"uri", "version"}], "outputs": []}
    metrics: Mapping[str, Any] = {}
    metrics_higher_is_better: Mapping[str, bool] = {}
    timings: Mapping[str, float] = {}  # seconds
    profile: Mapping[str, Any] = {}
    requested: Mapping[str, Any] | None = None  # of resources.Resources, what the step asked for
    cache: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None  # {"type", "message", "class"}
    schema: int = SCHEMA

    _nested: ClassVar[Mapping[str, Any]] = {"task": Attempt.from_json, "inputs": _inputs, "outputs": _outputs}

    def at(self, time: str) -> LineageEvent:
        """The same event, ended at ``time``."""
        return self.replace(time=time)

    def key(self) -> str:
        """Where the event lives in the store: under the day of its identifier."""
        seconds = int(self.id.replace("-", "")[:12], 16) / 1000
        return f"lineage/{datetime.fromtimestamp(seconds, UTC).date().isoformat()}/{self.id}.json"


def now() -> str:
    """RFC 3339, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def uuid7() -> str:
    """A time-ordered identifier, RFC 9562 section 5.7."""
    stamp = time.time_ns() // 1_000_000
    bits = (stamp << 80) | (0x7 << 76) | (int.from_bytes(os.urandom(2)) & 0xFFF) << 64
    bits |= (0b10 << 62) | (int.from_bytes(os.urandom(8)) & ((1 << 62) - 1))
    return str(uuid.UUID(int=bits))
