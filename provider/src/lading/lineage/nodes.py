"""What lineage graphs are made of: attempts of tasks, and outputs of theirs, never bare digests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lading.lineage.event import Input, LineageEvent, Output
    from lading_runner.contract import ArtifactRef, Attempt, Producer


@lru_cache(maxsize=4096)  # a graph names the same runs and tasks again and again
def _quoted(part: str) -> str:
    return quote(part, safe="", errors="surrogatepass")


class StepKey(NamedTuple):
    """A task instance."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int

    @classmethod
    def of(cls, task: Attempt | Producer) -> StepKey:
        return cls(task.dag_id, task.run_id, task.task_id, task.map_index)

    @property
    def id(self) -> str:
        return f"{_quoted(self.dag_id)}/{_quoted(self.run_id)}/{_quoted(self.task_id)}/{self.map_index}"


class ArtifactKey(NamedTuple):
    """One value that one step pushed. Two steps that make the same bytes have two, so have two attempts of
    one step that make different bytes."""

    step: StepKey
    key: str
    element: str | None
    digest: str

    @classmethod
    def written(cls, event: LineageEvent, output: Output) -> ArtifactKey:
        return cls(StepKey.of(event.task), output.name, None, output.artifact.digest)

    @classmethod
    def read(cls, item: Input) -> ArtifactKey:
        producer = item.producer
        return cls(StepKey.of(producer), producer.key, producer.element, item.artifact.digest)

    @property
    def id(self) -> str:
        # the digest as ``quote`` would have it, of which each is another
        name = _quoted(self.key + (self.element or ""))
        return f"{self.step.id}/{name}/{self.digest.replace(':', '%3A')}"


@dataclass(frozen=True)
class StepNode:
    event: LineageEvent
    earlier: tuple[LineageEvent, ...] = ()  # attempts before this one, oldest first
    superseded: bool = False  # there is a later attempt

    @property
    def key(self) -> StepKey:
        return StepKey.of(self.event.task)

    @property
    def id(self) -> str:
        return f"{self.key.id}@{self.event.id}" if self.superseded else self.key.id


@dataclass(frozen=True)
class ArtifactNode:
    key: ArtifactKey
    ref: ArtifactRef
    identical: tuple[ArtifactKey, ...] = ()  # other nodes of the same graph with the same bytes


class Edge(NamedTuple):
    """``wrote``: from the step to the artifact, under the XCom key ``name``; ``read``: the other way, as
    parameter ``name`` (None: pulled by hand)."""

    kind: str
    step: str  # StepNode.id
    artifact: ArtifactKey
    name: str | None


@dataclass(frozen=True, kw_only=True)
class LineageGraph:
    steps: Mapping[str, StepNode]  # by id
    artifacts: Mapping[ArtifactKey, ArtifactNode]
    edges: tuple[Edge, ...]
    truncated: bool = False  # the limit left nodes out
    roots: tuple[ArtifactKey, ...] = ()  # where a trace started

    def to_json(self) -> dict[str, Any]:
        return {
            "steps": [_step_json(node) for node in self.steps.values()],
            "artifacts": [_artifact_json(node) for node in self.artifacts.values()],
            "edges": [
                {"kind": e.kind, "step": e.step, "artifact": e.artifact.id, "name": e.name}
                for e in self.edges
            ],
            "roots": [key.id for key in self.roots],
            "truncated": self.truncated,
        }


@dataclass(frozen=True, kw_only=True)
class RunGraph(LineageGraph):
    dag_id: str
    run_id: str
    status: str  # "failed" if any step's last attempt failed, else "cancelled", else "succeeded"
    started: str  # RFC 3339, UTC: the first step that is known to have started
    ended: str  # the last step's end so far

    def to_json(self) -> dict[str, Any]:
        head = {
            "dag_id": self.dag_id,
            "run_id": self.run_id,
            "status": self.status,
            "started": self.started,
            "ended": self.ended,
        }
        return {**head, **super().to_json()}


def _step_json(node: StepNode) -> dict[str, Any]:
    return {
        "id": node.id,
        "event": node.event.to_json(),
        "earlier": [event.to_json() for event in node.earlier],
        "superseded": node.superseded,
    }


def _artifact_json(node: ArtifactNode) -> dict[str, Any]:
    key = node.key
    producer = {**key.step._asdict(), "key": key.key, "element": key.element}
    ref = {name: value for name, value in node.ref.to_json().items() if name != "producer"}
    return {
        "id": key.id,
        "artifact": ref,
        "producer": producer,
        "identical": [other.id for other in node.identical],
    }
