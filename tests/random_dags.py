"""Random DAGs of every form in which a task can take inputs, and an oracle of what their lineage must be.

A DAG is a list of ``Node``; ``build`` makes the Airflow DAG of it, ``Oracle`` runs the same functions in
plain Python and says, for every task instance, which element of which output went into which parameter. The
oracle knows nothing of XComs: only the plan.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from airflow.sdk import DAG, task

from lading import step
from lading_runner.contract import canonical_json

if TYPE_CHECKING:
    import random

KINDS = ("scalar", "list", "dict", "array", "arrays", "dicts", "multi")
MAPPABLE = ("list", "dict", "arrays")
FORMS = (
    "positional",
    "keyword",
    "nested",
    "jinja",
    "pull",
    "expand",
    "cross",
    "zip",
    "concat",
    "map",
    "kwargs",
)


# --- what the tasks do: shared by DAG and oracle -------------------------------------------------------


def total(value: Any) -> int:
    """Every number in ``value``, added up; so that a wrong input changes the output."""
    if value is None:
        return 0
    if isinstance(value, str):
        return sum(int(digits) for digits in re.findall(r"\d+", value))
    if isinstance(value, Mapping):
        return sum(total(item) for item in value.values())
    if isinstance(value, np.ndarray):
        return int(value.sum())
    if isinstance(value, (int, float)):
        return int(value)
    return sum(total(item) for item in value)


def shape(kind: str, number: int) -> Any:
    """An output of ``kind`` that depends on ``number``."""
    n = number % 1009
    values = {
        "scalar": n,
        "list": [n, n + 1, n + 2],
        "dict": {"a": n, "b": n + 5},
        "array": np.arange(n % 7 + 1) + n,
        "arrays": [np.full(3, n), np.full(2, n + 1)],
        "dicts": [{"b": n, "c": n + 3}, {"b": n + 7, "c": 2}],
        "multi": {"a": n, "b": np.full(4, n)},
    }
    return values[kind]


def twice(value: Any) -> Any:
    return value * 2


# --- the plan ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """One output of an earlier node: whole (``key`` None: its return value) or a key of multiple outputs."""

    node: int
    key: str | None = None


@dataclass(frozen=True)
class Argument:
    param: str
    form: str
    sources: tuple[Source, ...]


@dataclass
class Node:
    name: str
    kind: str
    is_step: bool
    seed: int
    arguments: list[Argument] = field(default_factory=list)
    mapped: bool = False


def plan(rng: random.Random) -> list[Node]:
    nodes: list[Node] = []
    for i in range(rng.randint(4, 8)):
        kind = KINDS[i % len(KINDS)] if i < 2 else rng.choice(KINDS)
        node = Node(f"t{i}", kind, rng.random() < 0.6, rng.randrange(1000))
        if i >= 2:
            _take_inputs(node, nodes, rng)
        nodes.append(node)
    return nodes


def _take_inputs(node: Node, earlier: list[Node], rng: random.Random) -> None:
    params = ["a", "b", "c"]
    mapping = rng.random() < 0.5 and _mapping_argument(params, earlier, rng)
    if mapping:
        node.mapped, node.kind = True, rng.choice(("scalar", "array"))
        node.arguments.extend(mapping)
        taken = {p for a in mapping for p in ("b c" if a.form == "kwargs" else a.param).split()}
        params = [p for p in params if p not in taken]
    for param in params[: rng.randint(0 if mapping else 1, len(params))]:
        form = rng.choice(("keyword", "nested", "jinja", "pull") + (() if mapping else ("positional",)))
        sources = tuple(_source(earlier, rng) for _ in range(2 if form == "nested" else 1))
        node.arguments.append(Argument(param, form, sources))
    _positionals_first(node)


def _positionals_first(node: Node) -> None:
    """A positional argument needs every parameter before it to be positional too."""
    forms = {a.param: a for a in node.arguments}
    fixed, still = [], True
    for param in "abc":
        argument = forms.get(param)
        if argument is None:
            still = False
            continue
        if argument.form == "positional" and not still:
            argument = Argument(param, "keyword", argument.sources)
        still = still and argument.form == "positional"
        fixed.append(argument)
    node.arguments = [a for a in node.arguments if a.param not in "abc"] + fixed


def _source(earlier: list[Node], rng: random.Random, *, whole: bool = False) -> Source:
    index = rng.randrange(len(earlier))
    if earlier[index].kind == "multi" and not whole and rng.random() < 0.7:
        return Source(index, rng.choice("ab"))
    return Source(index)


def _mapping_argument(params: list[str], earlier: list[Node], rng: random.Random) -> list[Argument]:
    over = [i for i, n in enumerate(earlier) if n.mapped or n.kind in MAPPABLE]
    lists = [i for i in over if earlier[i].mapped or earlier[i].kind != "dict"]
    tables = [i for i, n in enumerate(earlier) if n.kind == "dicts" and not n.mapped]
    form = rng.choice(("expand", "cross", "zip", "concat", "map", "kwargs"))
    if form == "kwargs":
        return [Argument("b c", "kwargs", (Source(rng.choice(tables)),))] if tables else []
    if form == "expand" and over:
        return [Argument("b", "expand", (Source(rng.choice(over)),))]
    if form == "cross" and over:
        return [Argument(p, "expand", (Source(rng.choice(over)),)) for p in ("b", "c")]
    if form == "map" and lists:
        return [Argument("b", "map", (Source(rng.choice(lists)),))]
    if form in ("zip", "concat") and lists:
        return [Argument("b", form, (Source(rng.choice(lists)), Source(rng.choice(lists))))]
    return []


# --- the DAG -------------------------------------------------------------------------------------------


def build(dag_id: str, nodes: Sequence[Node]) -> DAG:
    with DAG(dag_id, schedule=None) as dag:
        outputs: list[Any] = []
        for node in nodes:
            outputs.append(_call(node, outputs, nodes))
    return dag


def _function(node: Node, nodes: Sequence[Node]) -> Any:
    kind, seed = node.kind, node.seed
    pulls = [_pull_words(a.sources[0], nodes) for a in node.arguments if a.form == "pull"]

    def work(a=None, b=None, c=None, *, ti=None):  # type: ignore[no-untyped-def]
        pulled = [ti.xcom_pull(task_ids=name, key=key) for name, key in pulls]
        return shape(kind, seed + total(a) + 2 * total(b) + 3 * total(c) + total(pulled))

    work.__name__ = node.name
    return work


def _pull_words(source: Source, nodes: Sequence[Node]) -> tuple[str, str]:
    return nodes[source.node].name, source.key or "return_value"


def _call(node: Node, outputs: list[Any], nodes: Sequence[Node]) -> Any:
    make = step if node.is_step else task
    decorated = make(task_id=node.name, multiple_outputs=node.kind == "multi")(_function(node, nodes))
    after = [outputs[s.node] for a in node.arguments if a.form in ("jinja", "pull") for s in a.sources]
    args = [_argument(a, outputs, nodes) for a in node.arguments if a.form == "positional"]
    kwargs = {
        a.param: _argument(a, outputs, nodes)
        for a in node.arguments
        if a.form in ("keyword", "nested", "jinja")
    }
    mapping = [a for a in node.arguments if a.form in ("expand", "zip", "concat", "map", "kwargs")]
    if not mapping:
        result = decorated(*args, **kwargs)
    elif mapping[0].form == "kwargs":
        result = decorated.partial(**kwargs).expand_kwargs(outputs[mapping[0].sources[0].node])
    else:
        result = decorated.partial(**kwargs).expand(**{a.param: _mapped(a, outputs) for a in mapping})
    for upstream in after:
        upstream >> result
    return result


def _argument(argument: Argument, outputs: list[Any], nodes: Sequence[Node]) -> Any:
    found = [outputs[s.node] if s.key is None else outputs[s.node][s.key] for s in argument.sources]
    if argument.form == "nested":
        return {"left": [found[0], 1], "right hand": {"deep": found[1]}}
    if argument.form == "jinja":
        name, key = _pull_words(argument.sources[0], nodes)
        return f"{{{{ ti.xcom_pull(task_ids='{name}', key='{key}') }}}}"
    return found[0]


def _mapped(argument: Argument, outputs: list[Any]) -> Any:
    legs = [outputs[s.node] for s in argument.sources]
    if argument.form == "zip":
        return legs[0].zip(legs[1])
    if argument.form == "concat":
        return legs[0].concat(legs[1])
    return legs[0].map(twice) if argument.form == "map" else legs[0]


# --- the oracle ----------------------------------------------------------------------------------------

#: param, task, map index, key, element, digest
Fact = tuple[str | None, str, int, str, str | None, str]


class Oracle:
    """Values and inputs of every task instance, computed from the plan alone. ``digest`` is given for
    arrays."""

    def __init__(self, nodes: Sequence[Node], array_digest: Any) -> None:
        self.nodes, self._array_digest = nodes, array_digest
        self.values: list[list[Any]] = []  # by node, by map index
        self.inputs: dict[tuple[str, int], set[Fact]] = {}
        for node in nodes:
            count = self._count(node)
            self.values.append([self._run(node, i if node.mapped else -1) for i in range(count)])

    def digest(self, value: Any) -> str:
        if isinstance(value, np.ndarray):
            return str(self._array_digest(value))
        return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()

    def _elements(self, source: Source) -> list[tuple[Any, Fact]]:
        """What a mapped task indexes in ``source``: each value with its fact, parameter still open."""
        node = self.nodes[source.node]
        if node.mapped:
            return [(v, self._fact(source, i, None, v)) for i, v in enumerate(self.values[source.node])]
        value = self.values[source.node][0]
        if isinstance(value, dict):
            return [((k, v), self._fact(source, -1, f"[{k!r}]", v)) for k, v in value.items()]
        return [(v, self._fact(source, -1, f"[{i}]", v)) for i, v in enumerate(value)]

    def _fact(self, source: Source, map_index: int, element: str | None, value: Any) -> Fact:
        digest = self.digest(value) if _has_digest(value) else ""
        return (None, self.nodes[source.node].name, map_index, source.key or "return_value", element, digest)

    def _count(self, node: Node) -> int:
        count = 1
        for a in node.arguments:
            if a.form in ("expand", "map", "kwargs"):
                count *= len(self._elements(a.sources[0]))
            elif a.form == "zip":
                count *= min(len(self._elements(s)) for s in a.sources)
            elif a.form == "concat":
                count *= sum(len(self._elements(s)) for s in a.sources)
        return count

    def _whole(self, source: Source, path: str | None) -> Iterator[tuple[Any, Fact]]:
        """All of an output: one fact, or one per instance of a mapped node."""
        node = self.nodes[source.node]
        for i, value in enumerate(self.values[source.node]):
            part = value if source.key is None else value[source.key]
            place = f"{path}[{i}]" if node.mapped and path is not None else path
            yield part, (place, *self._fact(source, i if node.mapped else -1, None, part)[1:])

    def _run(self, node: Node, map_index: int) -> Any:
        facts: set[Fact] = set()
        given: dict[str, Any] = {}
        pulled = []
        for a in node.arguments:
            if a.form in ("positional", "keyword", "nested", "jinja", "pull"):
                value = self._plain(a, facts)
                if a.form == "pull":
                    pulled.append(value)
                else:
                    given[a.param] = value
        self._mapping(node, map_index, given, facts)
        self.inputs[node.name, map_index] = facts
        number = node.seed + total(given.get("a")) + 2 * total(given.get("b")) + 3 * total(given.get("c"))
        return shape(node.kind, number + total(pulled))

    def _plain(self, argument: Argument, facts: set[Fact]) -> Any:
        paths: list[str | None] = [argument.param]
        if argument.form == "nested":
            paths = [f"{argument.param}.left[0]", f"{argument.param}['right hand'].deep"]
        elif argument.form in ("jinja", "pull"):
            paths = [None]
        values = []
        for source, path in zip(argument.sources, paths, strict=True):
            found = list(self._whole(source, path))
            facts.update(fact for _, fact in found)
            values.append([v for v, _ in found])
        if argument.form == "nested":
            return [values, 1]
        if argument.form == "jinja":
            inner = values[0] if self.nodes[argument.sources[0].node].mapped else values[0][0]
            return str(inner)
        return values

    def _mapping(self, node: Node, map_index: int, given: dict[str, Any], facts: set[Fact]) -> None:
        arguments = [a for a in node.arguments if a.form in ("expand", "zip", "concat", "map", "kwargs")]
        index = map_index
        for a in reversed(arguments):  # Airflow: the last argument varies fastest
            elements = [self._elements(s) for s in a.sources]
            length = {"zip": min, "concat": sum}.get(a.form, max)(len(e) for e in elements)
            here, index = index % length, index // length
            self._one(a, elements, here, given, facts)

    def _one(self, a: Argument, elements: list[Any], i: int, given: dict[str, Any], facts: set[Fact]) -> None:
        if a.form == "zip":
            given[a.param] = [leg[i][0] for leg in elements]
            facts.update((f"{a.param}[{j}]", *leg[i][1][1:]) for j, leg in enumerate(elements))
        elif a.form == "kwargs":
            value, fact = elements[0][i]
            given.update(value)
            for key, item in value.items():
                facts.add((key, *fact[1:4], f"{fact[4]}[{key!r}]", self.digest(item)))
        else:
            value, fact = [pair for leg in elements for pair in leg][i]
            given[a.param] = twice(value) if a.form == "map" else value
            place = f"{a.param}[1]" if isinstance(value, tuple) else a.param
            facts.add((place, *fact[1:]))


def _has_digest(value: Any) -> bool:
    """Lists and dicts that hold arrays are stored as collections; the test compares their elements'
    digests."""
    if isinstance(value, dict):
        return all(_has_digest(v) and not isinstance(v, np.ndarray) for v in value.values())
    if isinstance(value, list):
        return all(_has_digest(v) and not isinstance(v, np.ndarray) for v in value)
    return True
