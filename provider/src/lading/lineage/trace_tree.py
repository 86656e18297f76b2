"""What an artifact came from, and what it went into, as two trees of text."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lading.lineage import facts, folding
from lading.lineage.nodes import ArtifactKey, LineageGraph, StepNode
from lading.lineage.spans import Line, Span
from lading.lineage.tree import GLYPHS, digest_spans, several

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lading.lineage.event import Output


def trace_tree(
    digest: str, back: LineageGraph, forward: LineageGraph, *, depth: int | None = None
) -> list[Line]:
    """``depth``: levels of steps to show; None: all. Both graphs are traced from ``digest``."""
    roots = [back.artifacts[root].ref for root in back.roots[:1]]
    lines = [
        *(Line((Span(f"{facts.kind(r)} · {facts.size(r.size)} · {r.format}", "title"),)) for r in roots),
        Line((Span(digest, "digest"),)),
        Line(),
        Line((Span("Came from", "title"), *_count(back))),
        *_Ancestry(back, depth).lines(),
        Line(),
        Line((Span("Went into", "title"), *_count(forward))),
        *_Descendants(forward, depth).lines(),
    ]
    if back.truncated or forward.truncated:
        lines += [Line(), Line((Span("Too large: the farthest nodes are left out", "warn"),))]
    return lines


def _count(graph: LineageGraph) -> tuple[Span, ...]:
    steps, runs = len(graph.steps), len({node.key[:2] for node in graph.steps.values()})
    said = f"  {steps} step{'s' * (steps != 1)} of {runs} run{'s' * (runs != 1)}"
    return (Span(said, "dim"),) if steps else ()


def _branches(count: int, bar: str) -> Iterator[tuple[str, str]]:
    """For each of ``count`` children: what stands before it, and before its own children."""
    for n in range(count):
        last = n == count - 1
        yield bar + ("└─ " if last else "├─ "), bar + ("   " if last else "│  ")


def _deeper(bar: str, there_is_more: bool) -> Iterator[Line]:
    if there_is_more:
        yield Line((Span(f"{bar}└─ … more: raise --depth", "dim"),))


class _Ancestry:
    """Walks from artifacts to the inputs of the steps that made them."""

    def __init__(self, graph: LineageGraph, depth: int | None) -> None:
        self._graph, self._depth = graph, depth
        self._maker = {edge.artifact: graph.steps[edge.step] for edge in graph.edges if edge.kind == "wrote"}
        self._seen: set[ArtifactKey] = set()

    def lines(self) -> Iterator[Line]:
        if not self._graph.roots:
            yield Line((Span("└─ nothing that is in the log", "dim"),))
        for root, (stem, bar) in zip(self._graph.roots, _branches(len(self._graph.roots), ""), strict=True):
            maker = self._maker.get(root)
            where = f"{facts.place(root.step.task_id, root.step.map_index)}.{root.key}{root.element or ''}"
            if maker is None:
                note = f"  {root.step.dag_id} {root.step.run_id}: no event of that step is in the log"
                yield Line((Span(stem, "dim"), Span("? ", "warn"), Span(where, "name"), Span(note, "dim")))
                continue
            yield Line((Span(stem, "dim"), *_step_spans([maker], where), _home(maker)), _code(maker))
            yield from self._inputs([maker], bar, 1)

    def _inputs(self, makers: Sequence[StepNode], bar: str, level: int) -> Iterator[Line]:
        found = folding.reads(makers, expand=False)
        if self._depth is not None and level > self._depth:
            yield from _deeper(bar, bool(found))
            return
        for read, (stem, below) in zip(found, _branches(len(found), bar), strict=True):
            keys = [ArtifactKey.read(item) for item in read.inputs]
            known = all(key in self._seen for key in keys)
            self._seen.update(keys)
            ref, count = read.inputs[0].artifact, len(read.inputs)
            what = facts.kind(ref) if count == 1 else several(ref.type, count)
            upstream = _distinct(self._maker[key] for key in keys if key in self._maker)
            above = known and any(node.event.inputs for node in upstream)
            spans = [
                Span(stem, "dim"),
                Span("← ", "arrow"),
                Span(f"{read.param or '(pulled)'}  "),
                Span(read.source, "name"),
                Span("  (see above)" if above else "", "dim"),
                Span(f"  {what}", "dim"),
            ]
            yield Line(tuple(spans), digest_spans(read.digests))
            if not known and upstream:
                yield from self._inputs(upstream, below, level + 1)


class _Descendants:
    """Walks from artifacts to the steps that read them, and on to what those wrote."""

    def __init__(self, graph: LineageGraph, depth: int | None) -> None:
        self._graph, self._depth = graph, depth
        self._readers: dict[ArtifactKey, list[tuple[StepNode, str]]] = defaultdict(list)
        for edge in graph.edges:
            if edge.kind == "read":
                self._readers[edge.artifact].append((graph.steps[edge.step], edge.name or "(pulled)"))
        self._seen: set[str] = set()

    def lines(self) -> Iterator[Line]:
        found = list(self._below(self._graph.roots, "", 1, None))
        return iter(found or [Line((Span("└─ nothing that is in the log", "dim"),))])

    def _below(
        self, keys: Iterable[ArtifactKey], bar: str, level: int, home: tuple[str, str] | None
    ) -> Iterator[Line]:
        tasks: dict[tuple[str, ...], list[tuple[StepNode, str]]] = defaultdict(list)
        for key in keys:
            for node, param in self._readers[key]:
                tasks[(*node.key[:3], node.event.status, str(node.superseded))].append((node, param))
        if self._depth is not None and level > self._depth:
            yield from _deeper(bar, bool(tasks))
            return
        for pairs, (stem, below) in zip(tasks.values(), _branches(len(tasks), bar), strict=True):
            nodes = _distinct(node for node, _ in pairs)
            fresh = [node for node in nodes if node.id not in self._seen]
            self._seen.update(node.id for node in nodes)
            params = ", ".join(dict.fromkeys(folding.without_indexes(param) for _, param in pairs))
            spans = [Span(stem, "dim"), *_step_spans(nodes), Span(f" reads {params}", "dim")]
            outputs = [output for node in nodes for output in node.event.outputs]
            spans += [Span("  → ", "arrow"), Span(_summary(outputs))] if outputs else []
            spans += [] if fresh else [Span("  (see above)", "dim")]
            spans += [] if nodes[0].key[:2] == home else [_home(nodes[0])]
            right = digest_spans({o.artifact.digest for o in outputs}) if outputs else ()
            yield Line(tuple(spans), right)
            written = [ArtifactKey.written(n.event, o) for n in fresh for o in n.event.outputs]
            yield from self._below(written, below, level + 1, nodes[0].key[:2])


def _distinct(nodes: Iterable[StepNode]) -> list[StepNode]:
    return list({node.id: node for node in nodes}.values())


def _step_spans(nodes: Sequence[StepNode], name: str = "") -> tuple[Span, ...]:
    first = nodes[0]
    glyph = GLYPHS.get(first.event.status, Span("?", "warn"))
    one = len(nodes) == 1
    name = name or (facts.place(first.key.task_id, first.key.map_index) if one else first.key.task_id)
    note = f" (try {first.event.task.try_number}, replaced since)" if first.superseded else ""
    many = "" if one else f" ×{len(nodes)}"
    return glyph, Span(" "), Span(name, "name"), Span(many, "warn"), Span(note, "warn")


def _summary(outputs: Sequence[Output]) -> str:
    if len(outputs) == 1:
        return facts.kind(outputs[0].artifact)
    types = list(dict.fromkeys(output.artifact.type for output in outputs))
    return several(types[0], len(outputs)) if len(types) == 1 else ", ".join(types)


def _home(node: StepNode) -> Span:
    return Span(f"  {node.key.dag_id} {node.key.run_id}", "dim")


def _code(node: StepNode) -> tuple[Span, ...]:
    code = facts.short(node.event.code.get("digest"))
    return (Span("code ", "dim"), Span(code, "digest")) if code else ()
