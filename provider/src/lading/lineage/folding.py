"""Puts what belongs together on one line: instances of a mapped task, elements of a list."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.lineage import facts
from lading.lineage.facts import index_range, number, source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lading.lineage.event import Input, Output
    from lading.lineage.nodes import RunGraph, StepNode

_FEW = 2  # this many inputs of one kind are shown one by one
_INDEX = re.compile(r"\[\d+\]")
_SHOWN_FAILURES = 20


@dataclass(frozen=True, eq=False)
class Group:
    """Steps of one task that are told in one block, by map index."""

    nodes: tuple[StepNode, ...]

    @property
    def first(self) -> StepNode:
        return self.nodes[0]


@dataclass(frozen=True)
class Reads:
    """One or more inputs of the same parameter from the same task and key."""

    param: str
    source: str
    inputs: tuple[Input, ...]  # distinct by digest and producer

    @property
    def digests(self) -> set[str]:
        return {item.artifact.digest for item in self.inputs}


def groups(graph: RunGraph, *, expand: bool) -> list[Group]:
    """In topological order of tasks; ``expand``: every step by itself. What failed is always by itself."""
    tasks: dict[str, list[StepNode]] = defaultdict(list)
    for node in graph.steps.values():
        tasks[node.key.task_id].append(node)
    found = []
    for task_id in order(tasks):
        nodes = sorted(tasks[task_id], key=lambda node: node.key.map_index)
        apart = [n for n in nodes if expand or n.event.status in ("failed", "cancelled")]
        for status in ("succeeded", "cached", "skipped"):
            together = tuple(n for n in nodes if n.event.status == status and not expand)
            found += [Group(together)] if together else []
        kept = apart if expand else apart[:_SHOWN_FAILURES]
        found += [Group((node,)) for node in kept]
        found += [Group(tuple(apart[len(kept) :]))] if len(apart) > len(kept) else []
    return found


def order(tasks: Mapping[str, Sequence[StepNode]]) -> list[str]:
    """Task ids, each after those that it reads from; of equals the one that ended first."""
    needs = {task_id: _upstream(nodes) & set(tasks) - {task_id} for task_id, nodes in tasks.items()}
    ended = {task_id: min(node.event.time for node in nodes) for task_id, nodes in tasks.items()}
    found: list[str] = []
    while needs:
        ready = [task_id for task_id, upstream in needs.items() if not upstream & set(needs)]
        # Events of hostile hands may go round in a circle: then the earliest goes first.
        chosen = min(ready or needs, key=lambda task_id: (ended[task_id], task_id))
        found.append(chosen)
        del needs[chosen]
    return found


def _upstream(nodes: Iterable[StepNode]) -> set[str]:
    return {
        item.producer.task_id
        for node in nodes
        for item in node.event.inputs
        if (item.producer.dag_id, item.producer.run_id) == (node.key.dag_id, node.key.run_id)
    }


def reads(nodes: Sequence[StepNode], *, expand: bool) -> list[Reads]:
    """The inputs of the steps, those that differ only by indexes together where they are many."""
    home = nodes[0].key[:2]
    alike: dict[tuple[str, ...], dict[tuple[object, ...], Input]] = defaultdict(dict)
    for item in (item for node in nodes for item in node.event.inputs):
        producer = item.producer
        who = (producer.dag_id, producer.run_id, producer.task_id, producer.key)
        exact = (producer.map_index, producer.element, item.artifact.digest)
        param = without_indexes(item.param or "")
        alike[param, *who].setdefault((item.param if len(nodes) == 1 else "", *exact), item)
    found = []
    for (param, *_), distinct in alike.items():
        items = tuple(distinct.values())
        if len(items) == 1 or (len(nodes) == 1 and (expand or len(items) <= _FEW)):
            found += [Reads(item.param or "", source(item.producer, home=home), (item,)) for item in items]
        else:
            found.append(Reads(param, _folded_source(items, home), items))
    return found


def _folded_source(items: Sequence[Input], home: tuple[str, str]) -> str:
    producer = items[0].producer
    name = producer.task_id
    if producer.map_index >= 0:
        name += index_range(item.producer.map_index for item in items)
    elements = [item.producer.element for item in items]
    if producer.key != "return_value" or any(elements):
        name += f".{producer.key}"
    if any(elements):
        places = [int(e[1:-1]) for e in elements if e and re.fullmatch(r"\[\d{1,9}\]", e)]
        name += index_range(places) if len(places) == len(elements) else "[…]"
    if (producer.dag_id, producer.run_id) == home:
        return name
    return f"{name} of {producer.dag_id} {producer.run_id}"


def without_indexes(param: str) -> str:
    """``models[…]`` of ``models[3]``."""
    return _INDEX.sub("[…]", param)


def writes(nodes: Iterable[StepNode]) -> dict[str, list[Output]]:
    """Outputs by name."""
    found: dict[str, list[Output]] = defaultdict(list)
    for node in nodes:
        for output in node.event.outputs:
            found[output.name].append(output)
    return found


def cost(nodes: Sequence[StepNode]) -> list[str]:
    """``cpu 18.2 s``, ``peak memory 774.4 MiB``, ``read …``, ``wrote …``; of several steps the
    highest peak."""
    profiles = [node.event.profile for node in nodes]
    found = []
    if seconds := _numbers(profiles, "cpu_s"):
        found.append(f"cpu {facts.durations(seconds)}")
    if peaks := _numbers(profiles, "peak_rss_bytes"):
        found.append(f"peak memory {facts.size(int(max(peaks)))}")
    for name, word in (("bytes_in", "read"), ("bytes_out", "wrote")):
        if total := sum(_numbers(profiles, name)):
            found.append(f"{word} {facts.size(int(total))}")
    return found


def gpus(nodes: Sequence[StepNode]) -> list[str]:
    """``NVIDIA L4 · peak 12.0 GiB of 22.5 GiB · 83% busy``, by name of the device, the most of several."""
    by_name: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for node in nodes:
        devices = node.event.profile.get("gpu")
        for device in devices if isinstance(devices, list) else []:
            if isinstance(device, dict):
                by_name[str(device.get("name"))].append(device)
    found = []
    for name, devices in by_name.items():
        peak, whole, busy = (
            max(_numbers(devices, field), default=0)
            for field in ("peak_memory_bytes", "memory_bytes", "utilization_mean")
        )
        memory = f"peak {facts.size(int(peak))} of {facts.size(int(whole))}"
        found.append(f"{name} · {memory} · {busy:.0%} busy")
    return found


def _numbers(profiles: Iterable[Mapping[str, Any]], name: str) -> list[float]:
    found = (profile.get(name) for profile in profiles)
    return [value for value in found if isinstance(value, (int, float))]


def metrics(nodes: Sequence[StepNode]) -> list[str]:
    """``accuracy 0.94 … 0.981 ↑ (best at [5])``; the arrow says which way is better, if the step said so."""
    found = []
    for name in dict.fromkeys(name for node in nodes for name in node.event.metrics):
        values = [(node.event.metrics[name], node) for node in nodes if name in node.event.metrics]
        better = nodes[0].event.metrics_higher_is_better.get(name)
        arrow = "" if better is None else " ↑" if better else " ↓"
        numbers = [(v, node) for v, node in values if isinstance(v, (int, float))]
        if len(values) == 1 or len(numbers) < len(values):
            found.append(f"{name} {number(values[0][0])}{arrow}" + (" …" if len(values) > 1 else ""))
            continue
        low, high = (pick(numbers, key=lambda pair: pair[0]) for pick in (min, max))
        best = (high if better else low)[1].key.map_index
        text = f"{name} {number(low[0])} … {number(high[0])}{arrow}"
        found.append(text if better is None else f"{text} (best at [{best}])")
    return found
