"""Answers of the API for runs that are too large to be made in a test."""

from __future__ import annotations

from typing import Any

WHERE = {"dag_id": "large", "run_id": "r", "map_index": -1}
FRAME = {"digest": f"sha256:{'0' * 64}", "size": 10, "format": "arrow", "type": "pandas.DataFrame"}


def large_run(steps: int, width: int) -> dict[str, Any]:
    """A run of ``steps`` steps in columns of ``width``, with two artifacts each."""
    edges = [edge for n in range(steps) for edge in (*_wrote(n), *_read(n, width))]
    return {
        **WHERE,
        "state": "success",
        "started": None,
        "ended": None,
        "tasks": [_task(n) for n in range(steps)],
        "groups": [],
        "steps": [_step(n) for n in range(steps)],
        "artifacts": [_artifact(n, k) for n in range(steps) for k in range(2)],
        "externals": [],
        "edges": edges,
        "dependencies": [],
        "truncated": None,
        "behind": False,
    }


def _state(n: int) -> str:
    return "failed" if n % 211 == 210 else "success"


def _task(n: int) -> dict[str, Any]:
    names = {"task_id": f"step_{n}", "label": f"step_{n}", "group": None, "order": n}
    facts = {"mapped": False, "operator": "@task.step", "target": "local", "total": 1, "cached": 0}
    return {**names, **facts, "states": {_state(n): 1}, "duration_s": [1, 1], "metrics": []}


def _step(n: int) -> dict[str, Any]:
    names = {"id": f"{n:032x}", "task_id": f"step_{n}", "label": f"step_{n}", "target": "local"}
    return {**WHERE, **names, "state": _state(n), "status": "succeeded", "duration_s": 1.0, "metrics": []}


def _artifact(n: int, k: int) -> dict[str, Any]:
    names = {"id": _name(n, k), "task_id": f"step_{n}", "name": f"out_{k}", "element": None}
    shown = {"shape": "10×2", "meta": {}, "pickle": False, "value": None, "has_value": False, "metric": None}
    return {**WHERE, **names, **FRAME, **shown}


def _name(n: int, k: int) -> str:
    return f"{10**6 + 2 * n + k:032x}"


def _wrote(n: int) -> list[dict[str, Any]]:
    return [_edge("wrote", n, _name(n, k), f"out_{k}") for k in range(2)]


def _read(n: int, width: int) -> list[dict[str, Any]]:
    sources = {n - width, n - width - n % 2}
    return [_edge("read", n, _name(m, n % 2), "rows") for m in sorted(sources) if m >= 0]


def _edge(kind: str, n: int, artifact: str, param: str) -> dict[str, Any]:
    return {"kind": kind, "step": f"{n:032x}", "artifact": artifact, "param": param, "element": None}
