"""Graphs computed from lineage events: one run, what an artifact came from, what it went into. Pure."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lading.errors import LadingError
from lading.lineage.nodes import ArtifactKey, ArtifactNode, Edge, LineageGraph, RunGraph, StepKey, StepNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lading.lineage.event import LineageEvent
    from lading_runner.contract import ArtifactRef

LIMIT = 2000  # nodes


def run_graph(events: Iterable[LineageEvent], *, limit: int | None = LIMIT) -> RunGraph:
    """The graph of one run: each step's latest attempt, with the earlier ones kept in its node.

    :raises LadingError: no event, or events of more than one run
    """
    events = list(events)
    runs = sorted({(event.task.dag_id, event.task.run_id) for event in events})
    if len(runs) != 1:
        raise LadingError(
            f"events of {len(runs)} runs make no run graph; give those of one dag_id and run_id"
        )
    draft = _Draft(limit)
    latest = [StepNode(attempts[-1], tuple(attempts[:-1])) for attempts in attempts_of(events).values()]
    # Where the limit cuts, what failed stays.
    for node in sorted(latest, key=lambda node: node.event.status not in ("failed", "cancelled")):
        if draft.add_step(node):
            list(draft.follow(node, back=True))
            list(draft.follow(node, back=False))
    (dag_id, run_id), ended = runs[0], max(_time(event.time) for event in events)
    return RunGraph(
        **draft.fields(),
        dag_id=dag_id,
        run_id=run_id,
        status=_status([node.event.status for node in latest]),
        started=_text(min(_time(event.time) - timedelta(seconds=seconds(event)) for event in events)),
        ended=_text(ended),
    )


def ancestry(events: Iterable[LineageEvent], digest: str, *, limit: int | None = LIMIT) -> LineageGraph:
    """Everything that the artifacts with these bytes came from, across runs and DAGs."""
    return trace(History(events), digest, back=True, limit=limit)


def descendants(events: Iterable[LineageEvent], digest: str, *, limit: int | None = LIMIT) -> LineageGraph:
    """Everything that the artifacts with these bytes went into, across runs and DAGs."""
    return trace(History(events), digest, back=False, limit=limit)


def trace(history: History, digest: str, *, back: bool, limit: int | None = LIMIT) -> LineageGraph:
    """Breadth first, so that what a limit leaves out is what is farthest away."""
    draft = _Draft(limit)
    draft.roots = tuple(history.by_digest.get(digest, ()))
    queue = deque(root for root in draft.roots if draft.add_artifact(root, history.refs[root]))
    while queue:
        key = queue.popleft()
        for node in history.writers(key) if back else history.readers(key):
            if draft.add_step(node):
                queue.extend(draft.follow(node, back))
            draft.link(node, key, "wrote" if back else "read")
    return LineageGraph(**draft.fields())


def attempts_of(events: Iterable[LineageEvent]) -> dict[StepKey, list[LineageEvent]]:
    """The attempts of each step, oldest first."""
    found: dict[StepKey, dict[str, LineageEvent]] = defaultdict(dict)
    for event in events:
        found[StepKey.of(event.task)][event.id] = event

    def age(event: LineageEvent) -> tuple[int, int, datetime, str]:
        # A late report of an old attempt does not make it the newest.
        return event.task.try_number, event.task.generation, _time(event.time), event.id

    return {key: sorted(attempts.values(), key=age) for key, attempts in found.items()}


def seconds(event: LineageEvent) -> float:
    """How long the attempt itself took; its time in a queue is not counted."""
    parts = (event.timings.get(name, 0.0) for name in ("stage_in_s", "run_s", "stage_out_s"))
    return float(sum(part for part in parts if isinstance(part, (int, float)) and 0 <= part < 10**9))


class History:
    """Events of any number of runs, indexed by who wrote and who read which artifact."""

    def __init__(self, events: Iterable[LineageEvent]) -> None:
        self.steps: dict[str, StepNode] = {}  # by event id
        self.refs: dict[ArtifactKey, ArtifactRef] = {}
        self.by_digest: dict[str, list[ArtifactKey]] = defaultdict(list)
        self._writers: dict[ArtifactKey, list[StepNode]] = defaultdict(list)
        self._readers: dict[ArtifactKey, list[StepNode]] = defaultdict(list)
        self._outputs: dict[tuple[StepKey, str], list[ArtifactKey]] = defaultdict(list)
        for attempts in attempts_of(events).values():
            for n, event in enumerate(attempts):
                last = n == len(attempts) - 1
                self._add_outputs(StepNode(event, tuple(attempts[:n]) if last else (), not last))
        for node in self.steps.values():
            self._add_inputs(node)

    def writers(self, key: ArtifactKey) -> list[StepNode]:
        """The step that made the artifact: its newest attempt that made these bytes, if any is known."""
        return self._writers[key][-1:]

    def readers(self, key: ArtifactKey) -> list[StepNode]:
        """Steps that read it or an element of it; superseded attempts only if they left an output."""
        return [n for n in self._readers[key] if not n.superseded or n.event.outputs]

    def _add_outputs(self, node: StepNode) -> None:
        self.steps[node.event.id] = node
        for output in node.event.outputs:
            key = ArtifactKey.written(node.event, output)
            self._remember(key, output.artifact)
            self._writers[key].append(node)
            self._outputs[key.step, key.key].append(key)

    def _add_inputs(self, node: StepNode) -> None:
        for item in node.event.inputs:
            key = ArtifactKey.read(item)
            self._remember(key, item.artifact)
            self._read_by(key, node)
            if (whole := self._whole(key, node.event)) and whole != key:
                self._read_by(whole, node)
                if not self._writers[key]:
                    self._writers[key] = self._writers[whole]

    def _whole(self, key: ArtifactKey, reader: LineageEvent) -> ArtifactKey | None:
        """The output that ``key`` is an element of: the newest that the reader can have seen."""
        if key.element is None:
            return None
        outputs = self._outputs[key.step, key.key]
        seen = [o for o in outputs if _time(self._writers[o][0].event.time) <= _time(reader.time)]
        return next(reversed(seen or outputs), None)

    def _remember(self, key: ArtifactKey, ref: ArtifactRef) -> None:
        if key not in self.refs:
            self.refs[key] = ref
            self.by_digest[key.digest].append(key)

    def _read_by(self, key: ArtifactKey, node: StepNode) -> None:
        if not self._readers[key] or self._readers[key][-1] is not node:
            self._readers[key].append(node)


class _Draft:
    """A graph while it grows; says no beyond its limit."""

    def __init__(self, limit: int | None) -> None:
        self.limit, self.truncated = limit, False
        self.steps: dict[str, StepNode] = {}
        self.artifacts: dict[ArtifactKey, ArtifactNode] = {}
        self.edges: dict[Edge, None] = {}
        self.roots: tuple[ArtifactKey, ...] = ()

    def fields(self) -> dict[str, Any]:
        same: dict[str, list[ArtifactKey]] = defaultdict(list)
        for key in self.artifacts:
            same[key.digest].append(key)
        artifacts = {
            key: replace(node, identical=tuple(other for other in same[key.digest] if other != key))
            for key, node in self.artifacts.items()
        }
        edges = tuple(edge for edge in self.edges if edge.artifact in artifacts and edge.step in self.steps)
        return {
            "steps": self.steps,
            "artifacts": artifacts,
            "edges": edges,
            "truncated": self.truncated,
            "roots": self.roots,
        }

    def add_artifact(self, key: ArtifactKey, ref: ArtifactRef) -> bool:
        """Whether it is in the graph now."""
        if key not in self.artifacts and self._has_room():
            self.artifacts[key] = ArtifactNode(key, ref)
        return key in self.artifacts

    def add_step(self, node: StepNode) -> bool:
        """Whether it was not there before."""
        if node.id in self.steps or not self._has_room():
            return False
        self.steps[node.id] = node
        return True

    def link(self, node: StepNode, key: ArtifactKey, kind: str) -> None:
        """Join the step to ``key``, or to the list or dict that ``key`` is or has an element of."""
        for edge, _ in _edges(node):
            if edge.kind == kind and _touches(edge.artifact, key):
                self.edges[edge._replace(artifact=key)] = None

    def follow(self, node: StepNode, back: bool) -> Iterator[ArtifactKey]:
        """The artifacts beyond ``node`` that are new."""
        for edge, ref in _edges(node):
            if edge.kind != ("read" if back else "wrote"):
                continue
            new = edge.artifact not in self.artifacts
            if self.add_artifact(edge.artifact, ref):
                self.edges[edge] = None
                if new:
                    yield edge.artifact

    def _has_room(self) -> bool:
        room = self.limit is None or len(self.steps) + len(self.artifacts) < self.limit
        self.truncated = self.truncated or not room
        return room


def _edges(node: StepNode) -> Iterator[tuple[Edge, ArtifactRef]]:
    for item in node.event.inputs:
        yield Edge("read", node.id, ArtifactKey.read(item), item.param), item.artifact
    for output in node.event.outputs:
        yield Edge("wrote", node.id, ArtifactKey.written(node.event, output), output.name), output.artifact


def _touches(one: ArtifactKey, other: ArtifactKey) -> bool:
    """The same artifact, or one is an element of the other."""
    return one == other or (one[:2] == other[:2] and (one.element is None) != (other.element is None))


def _status(statuses: list[str]) -> str:
    for status in ("failed", "cancelled", "succeeded"):
        if status in statuses or (status == "succeeded" and "cached" in statuses):
            return status
    return "skipped"


def _time(time: str) -> datetime:
    return datetime.fromisoformat(time)


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
