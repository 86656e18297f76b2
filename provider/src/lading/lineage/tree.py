"""The lineage of a run as a tree of text: steps in order, under each what it read (←) and wrote (→)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading.lineage import facts, folding
from lading.lineage.graph import seconds
from lading.lineage.log import moment
from lading.lineage.nodes import ArtifactKey, RunGraph, StepNode
from lading.lineage.spans import Line, Span, clean, columns, pad

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lading.lineage.event import LineageEvent, Output
    from lading.lineage.folding import Group, Reads

GLYPHS = {
    "succeeded": Span("✔", "ok"),
    "failed": Span("✖", "bad"),
    "cancelled": Span("■", "bad"),
    "skipped": Span("○", "dim"),
    "cached": Span("↺", "ok"),
}
_ERROR_LINES = 6
_NAME_COLUMNS, _SOURCE_COLUMNS = 20, 30  # at most
_LEGEND = (
    "← read   → wrote   right: SHA-256 of the bytes, shortened; follow one: lading lineage trace <digits>"
)


def run_tree(graph: RunGraph, *, store: str | None = None, expand: bool = False) -> list[Line]:
    """``expand``: every instance of a mapped task, every element of a list, by itself."""
    groups = folding.groups(graph, expand=expand)
    layout = _Layout(graph, groups, expand)
    lines = [*_header(graph, store), Line()]
    for n, group in enumerate(groups):
        last = n == len(groups) - 1
        stem, bar = ("└─ ", "   ") if last else ("├─ ", "│  ")
        lines.append(_head(group, stem))
        lines += [Line((Span(bar, "dim"), Span("  "), *line.left), line.right) for line in layout.body(group)]
        lines += [] if last else [Line((Span("│", "dim"),))]
    lines += [Line(), Line((Span(_LEGEND, "dim"),))]
    return lines


def status_spans(status: str) -> tuple[Span, Span]:
    glyph = GLYPHS.get(status, Span("?", "warn"))
    return glyph, Span(f" {status}", glyph.style)


def error_lines(event: LineageEvent) -> list[str]:
    """``ValueError: n_estimators must be positive``, one text per line of the message, six at most."""
    error = event.error or {}
    message = str(error.get("message") or "").strip()
    text = ": ".join(filter(None, (str(error.get("type") or ""), message))) or "no reason was recorded"
    found = text.splitlines()
    left_out = len(found) - _ERROR_LINES
    return found if left_out <= 0 else [*found[:_ERROR_LINES], f"… {left_out} more lines"]


def _header(graph: RunGraph, store: str | None) -> Iterator[Line]:
    tasks = {node.key.task_id for node in graph.steps.values()}
    steps = len(graph.steps)
    took = (moment(graph.ended) - moment(graph.started)).total_seconds()
    words = [
        f"{len(tasks)} task{'s' * (len(tasks) != 1)}",
        *([f"{steps} steps"] if steps != len(tasks) else []),
        f"{len(graph.artifacts)} artifacts",
        facts.duration(took),
        f"started {facts.when(graph.started)}",
    ]
    yield Line((Span(graph.dag_id, "title"), Span("  "), Span(graph.run_id, "title")))
    yield Line((*status_spans(graph.status), Span(" · " + " · ".join(words))))
    if store:
        yield Line((Span(f"store {store}", "dim"),))
    if graph.truncated:
        yield Line((Span("Too large: not every node is shown", "warn"),))


def _head(group: Group, stem: str) -> Line:
    event, key = group.first.event, group.first.key
    glyph = GLYPHS.get(event.status, Span("?", "warn"))
    name = [Span(facts.place(key.task_id, key.map_index), "name")]
    if len(group.nodes) > 1:
        indexes = [node.key.map_index for node in group.nodes]
        which = "" if indexes == list(range(len(indexes))) else f" {facts.index_range(indexes)}"
        name = [Span(key.task_id, "name"), Span(f" ×{len(group.nodes)}", "warn"), Span(which, "dim")]
    said = [] if event.status == "succeeded" else [Span(f"  {event.status}", glyph.style)]
    about = "  ".join(filter(None, (event.operator, facts.surroundings(event))))
    left = (Span(stem, "dim"), glyph, Span(" "), *name, *said, Span(f"  {about}", "dim"))
    return Line(left, _cost(group))


def _cost(group: Group) -> tuple[Span, ...]:
    times = [seconds(node.event) for node in group.nodes if node.event.timings]
    digests = {facts.short(node.event.code.get("digest")) for node in group.nodes}
    code = digests.pop() if len(digests) == 1 else "differs"
    took = facts.durations(times) if times else ""
    if code:
        return (Span(took), Span("  code ", "dim"), Span(f"{code:8}", "digest"))
    return (Span(took), Span(" " * 15)) if took else ()


class _Layout:
    """Column widths of one tree, and the lines under its steps."""

    def __init__(self, graph: RunGraph, groups: Sequence[Group], expand: bool) -> None:
        self._graph, self._expand = graph, expand
        self._reads = {group: folding.reads(group.nodes, expand=expand) for group in groups}
        all_reads = [read for reads in self._reads.values() for read in reads]
        names = [read.param for read in all_reads] + [n for g in groups for n in folding.writes(g.nodes)]
        self._name = min(max((columns(clean(name)) for name in names), default=0), _NAME_COLUMNS)
        self._source = min(
            max((columns(clean(read.source)) for read in all_reads), default=0), _SOURCE_COLUMNS
        )

    def body(self, group: Group) -> Iterator[Line]:
        yield from _external(group, "inputs", "⇐")
        for read in self._reads[group]:
            yield self._read(read)
        for name, outputs in folding.writes(group.nodes).items():
            yield self._write(group, name, outputs)
        yield from _external(group, "outputs", "⇒")
        if metrics := folding.metrics(group.nodes):
            yield Line((Span("metrics  ", "dim"), Span(" · ".join(metrics))))
        if cost := folding.cost(group.nodes):
            yield Line((Span("profile  ", "dim"), Span(" · ".join(cost), "dim")))
        for gpu in folding.gpus(group.nodes):
            yield Line((Span("gpu      ", "dim"), Span(gpu, "dim")))
        if len(group.nodes) == 1 and group.first.event.params:
            params = " · ".join(f"{k}={v!r}" for k, v in group.first.event.params.items())
            yield Line((Span("params   ", "dim"), Span(params)))
        for node in group.nodes:
            yield from _troubles(node, alone=len(group.nodes) == 1)

    def _read(self, read: Reads) -> Line:
        ref = read.inputs[0].artifact
        what = facts.kind(ref) if len(read.inputs) == 1 else several(ref.type, len(read.inputs))
        left = (
            Span("← ", "arrow"),
            Span(pad(read.param or "(pulled)", self._name), "" if read.param else "dim"),
            Span("  "),
            Span(pad(read.source, self._source)),
            Span(f"  {what}", "dim"),
        )
        return Line(left, digest_spans(read.digests))

    def _write(self, group: Group, name: str, outputs: Sequence[Output]) -> Line:
        ref = outputs[0].artifact
        total = sum(output.artifact.size for output in outputs)
        one = len(group.nodes) == 1
        what = facts.kind(ref) if one else several(ref.type, len(outputs))
        left = [
            Span("→ ", "arrow"),
            Span(pad(name, self._name)),
            Span(f"  {what} · {facts.size(total)}"),
        ]
        if any(facts.is_pickle(output.artifact) for output in outputs):
            left.append(Span(" · pickle", "warn"))
        if one and (twin := self._twin(group.first, outputs[0])):
            left.append(Span(f" · same bytes as {twin}", "dim"))
        return Line(tuple(left), digest_spans({output.artifact.digest for output in outputs}))

    def _twin(self, node: StepNode, output: Output) -> str:
        """An earlier step of the run whose output has the same bytes."""
        key = ArtifactKey.written(node.event, output)
        twins = self._graph.artifacts[key].identical if key in self._graph.artifacts else ()
        for twin in twins:
            maker = self._graph.steps.get(twin.step.id)
            if maker and twin.element is None and maker.event.time < node.event.time:
                name = facts.place(twin.step.task_id, twin.step.map_index)
                return name if twin.key == "return_value" else f"{name}.{twin.key}"
        return ""


def several(type_: str, count: int) -> str:
    """Many artifacts of one type."""
    return f"{count} × {type_}"


def digest_spans(digests: set[str]) -> tuple[Span, ...]:
    """The right column: one shortened digest, or how many there are."""
    if len(digests) == 1:
        return (Span(facts.short(next(iter(digests))), "digest"),)
    return (Span(f"{len(digests)} digests", "dim"),)


def _external(group: Group, side: str, arrow: str) -> Iterator[Line]:
    found: dict[str, str] = {}
    for node in group.nodes:
        items = node.event.external.get(side)
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict) and item.get("uri"):
                found[str(item["uri"])] = str(item.get("version") or "")
    for uri, version in found.items():
        yield Line(
            (Span(f"{arrow} ", "arrow"), Span(uri), Span(f"  version {version}" if version else "", "dim"))
        )


def _troubles(node: StepNode, *, alone: bool) -> Iterator[Line]:
    place = "" if alone else f"[{node.key.map_index}] "
    for earlier in node.earlier:
        what = f"{place}try {earlier.task.try_number} {earlier.status}"
        reason = f": {error_lines(earlier)[0]}" if earlier.error else ""
        yield Line((Span("↻ ", "warn"), Span(what, "warn"), Span(reason)))
    if node.event.status in ("failed", "cancelled") and (alone or node.event.error):
        first, *more = error_lines(node.event)
        yield Line((Span("error    ", "bad"), Span(f"{place}{first}")))
        for text in more:
            yield Line((Span("         "), Span(text)))
