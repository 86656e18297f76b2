"""``lading render``: the exact request that each step of a DAG file would submit; nothing is submitted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading.backends import registry
from lading.backends.base import Worker
from lading.cli.terminal import Terminal, quiet
from lading.errors import LookupFailed
from lading.lineage.spans import Line, Span
from lading_runner.contract import Attempt

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping


def show(args: argparse.Namespace) -> int:
    """:raises LookupFailed: the file has no such step, or is no DAG file"""
    path = Path(args.file)
    with quiet():
        found = list(_requests(path, args.task))
    if not found:
        wanted = f"step {args.task!r}" if args.task else "step"
        raise LookupFailed(f"{path} has no {wanted}; expected a DAG file with @task.step or StepOperator")
    terminal = Terminal()
    if args.json:
        terminal.json({"requests": found})
        return 0
    for number, item in enumerate(found):
        head = f"{item['dag_id']}.{item['task_id']}"
        where = f"  target {item['target']}, backend {item['backend']}"
        lines = [Line()] if number else []
        lines.append(Line((Span(head, "title"), Span(where, "dim"))))
        lines += [
            Line((Span(f"  {text}"),))
            for text in json.dumps(item["request"], indent=2, default=str).splitlines()
        ]
        terminal.lines(lines)
    return 0


def _requests(path: Path, task_id: str | None) -> Iterator[dict[str, Any]]:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(path), bundle_path=path.parent, bundle_name="dags-folder")
    if bag.import_errors:
        (error, *_) = bag.import_errors.values()
        raise LookupFailed(
            f"{path} cannot be parsed: {error.strip().splitlines()[-1]}; correct it, then try again"
        )
    for dag_id, dag in sorted(bag.dags.items()):
        for operator in dag.tasks:
            if _is_step(operator) and task_id in (None, operator.task_id):
                yield _request(dag_id, operator)


def _is_step(operator: Any) -> bool:
    kind = getattr(operator, "operator_class", type(operator))
    return bool(getattr(kind, "is_lading_step", False))


def _request(dag_id: str, operator: Any) -> dict[str, Any]:
    from lading import deployment
    from lading.operators.options import StepOptions, target_of
    from lading.operators.request import job_request

    mapped = operator.partial_kwargs if operator.is_mapped else None
    step = operator.step if mapped is None else StepOptions.of(operator.task_id, **_step_arguments(mapped))
    target = target_of(step)
    backend = registry.get(target.backend).configured(target, Worker())
    request = job_request(
        Attempt(dag_id, "<run_id>", operator.task_id),
        target,
        backend,
        store_root=deployment.store().root,
        requirements=target.requirement_lines,
        timeout_s=operator.execution_timeout.total_seconds() if operator.execution_timeout else None,
    )
    return {
        "dag_id": dag_id,
        "task_id": operator.task_id,
        "target": target.name,
        "backend": target.backend,
        "request": backend.render(request),
    }


def _step_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    from lading.operators.options import ARGUMENTS

    return {name: value for name, value in given.items() if name in ARGUMENTS}
