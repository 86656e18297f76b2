"""``lading targets``: where steps can run, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.backends import registry
from lading.backends.base import Capability, JobRequest, Worker
from lading.cli.config import read_settings
from lading.cli.terminal import Terminal
from lading.config import Settings, Target, resolve_target
from lading.errors import LadingError
from lading.lineage.spans import Span, wrapped

if TYPE_CHECKING:
    import argparse


@dataclass(frozen=True)
class Row:
    name: str
    backend: str
    image: str
    origin: str
    is_default: bool
    problem: str  # empty: none


def show(args: argparse.Namespace) -> int:
    rows = examine(read_settings())
    terminal = Terminal()
    if args.json:
        terminal.json({"targets": [vars(row) for row in rows]})
    else:
        terminal.table(
            ("target", "backend", "image", "from", ""), [_cells(row) for row in rows], ("image", "from")
        )
        for row in rows:
            if row.problem:
                terminal.lines(wrapped(row.problem, terminal.width, (Span("✖ ", "bad"),)))
    return 1 if any(row.problem for row in rows) else 0


def examine(settings: Settings) -> list[Row]:
    """Every target and every installed backend, offline."""
    return [examine_one(settings, name) for name in sorted({*settings.targets, *registry.names()})]


def examine_one(settings: Settings, name: str) -> Row:
    entry = settings.targets.get(name)
    origin = entry.source if entry else "backend, without defaults of its own"
    written = str(entry.keys.get("backend", "")) if entry else ""
    is_default = name == settings.default_target
    try:
        target = resolve_target(settings, name, registry.names(), registry.target_keys)
        problems = _problems(target, settings) if entry or is_default else ""  # nobody configured the others
    except LadingError as e:
        return Row(name, written or name, "", origin, is_default, str(e))
    return Row(name, target.backend, target.image or "", origin, is_default, problems)


def _problems(target: Target, settings: Settings) -> str:
    """What its backend finds wrong with the target, offline; an image may still be the step's to name."""
    backend = registry.get(target.backend)
    job = JobRequest(
        name="0" * 40,
        dag_id="",
        task_id="…",
        spec_uri="",
        # what a connection says is known to the worker alone
        store_root=settings.store if settings.store_connection is None else "",
        folder="",
        resources=target.resources,
        image=target.image or ("…" if Capability.IMAGE in backend.capabilities else None),
        requirements=target.requirement_lines,
        python=target.python,
        env=target.env,
        options=target.options,
    )
    found = backend.configured(target, Worker()).validate(job)
    return "\n".join(f"{problem.field}: {problem.message}; {problem.cure}" for problem in found)


def _cells(row: Row) -> list[Span | str]:
    mark = Span("✖", "bad") if row.problem else Span("default", "ok") if row.is_default else Span("")
    return [Span(row.name, "name"), row.backend, row.image or "–", Span(row.origin, "dim"), mark]
