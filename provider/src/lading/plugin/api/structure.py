"""Tasks, groups and dependencies of a DAG, from the JSON that Airflow keeps of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Structure:
    tasks: dict[str, TaskShape] = field(default_factory=dict)  # in topological order
    groups: dict[str, str | None] = field(default_factory=dict)  # with their parents
    dependencies: list[tuple[str, str]] = field(default_factory=list)  # upstream, downstream


@dataclass(frozen=True)
class TaskShape:
    group: str | None
    mapped: bool
    operator: str | None


def structure_of(data: Any) -> Structure:
    """Of a serialized DAG; what is not as expected is left out."""
    dag = data.get("dag") if isinstance(data, dict) else None
    if not isinstance(dag, dict):
        return Structure()
    groups: dict[str, str | None] = {}
    members: dict[str, str | None] = {}
    mapped_groups: set[str] = set()
    _walk(dag.get("task_group"), None, groups, members, mapped_groups)
    found: dict[str, TaskShape] = {}
    downstream: dict[str, list[str]] = {}
    for task in dag.get("tasks") or ():
        facts = task.get("__var", task) if isinstance(task, dict) else {}
        task_id = facts.get("task_id")
        if not isinstance(task_id, str):
            continue
        group = members.get(task_id)
        mapped = bool(facts.get("_is_mapped")) or _within(group, mapped_groups, groups)
        found[task_id] = TaskShape(group, mapped, facts.get("_operator_name") or facts.get("task_type"))
        downstream[task_id] = [t for t in facts.get("downstream_task_ids") or () if isinstance(t, str)]
    edges = [(up, down) for up, downs in downstream.items() for down in downs if down in found]
    return Structure({name: found[name] for name in _in_order(found, edges)}, groups, edges)


def label(task_id: str, group: str | None) -> str:
    """Without the prefix of its group."""
    return task_id.removeprefix(f"{group}.") if group else task_id


def _walk(
    group: Any,
    name: str | None,
    groups: dict[str, str | None],
    members: dict[str, str | None],
    mapped: set[str],
) -> None:
    children = group.get("children") if isinstance(group, dict) else None
    for child, entry in (children or {}).items():
        kind, inner = entry if isinstance(entry, (list, tuple)) and len(entry) == 2 else (None, None)
        if kind == "operator":
            members[child] = name
        elif isinstance(inner, dict):
            groups[child] = name
            if inner.get("is_mapped"):
                mapped.add(child)
            _walk(inner, child, groups, members, mapped)


def _within(group: str | None, mapped: set[str], groups: dict[str, str | None]) -> bool:
    while group is not None:
        if group in mapped:
            return True
        group = groups.get(group)
    return False


def _in_order(tasks: dict[str, TaskShape], edges: list[tuple[str, str]]) -> list[str]:
    """Topological; of equals as the DAG has them. Tasks of a circle, which Airflow refuses, come last."""
    waits = dict.fromkeys(tasks, 0)
    after: dict[str, list[str]] = {}
    for up, down in edges:
        waits[down] += 1
        after.setdefault(up, []).append(down)
    ready = [name for name, count in waits.items() if count == 0]
    found: dict[str, None] = {}
    for name in ready:  # grows
        found[name] = None
        for down in after.get(name, ()):
            waits[down] -= 1
            if waits[down] == 0:
                ready.append(down)
    return [*found, *(name for name in tasks if name not in found)]
