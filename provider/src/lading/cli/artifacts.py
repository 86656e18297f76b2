"""``lading artifacts list``, ``show`` and ``get``."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading.cli.lineage import catalogue, damaged, warn
from lading.cli.terminal import Terminal
from lading.errors import LookupFailed
from lading.lineage import facts
from lading.lineage.spans import Line, Span, clean
from lading.lineage.tree import status_spans

if TYPE_CHECKING:
    import argparse

    from lading.catalogue import Catalogue, Entry
    from lading.lineage.nodes import ArtifactKey, StepNode

_TITLES = ("digest", "type", "shape", "size", "from", "dag", "run", "when (UTC)")
_ELASTIC = ("type", "from", "dag", "run")


def show_list(args: argparse.Namespace) -> int:
    found = catalogue(args)
    entries = found.entries(args.dag, args.run, args.type)
    terminal = Terminal()
    if args.json:
        shown = [_entry_json(entry) for entry in entries[: args.limit]]
        terminal.json({"artifacts": shown, "total": len(entries), "damaged": damaged(found)})
    elif entries:
        terminal.table(_TITLES, [_row(entry) for entry in entries[: args.limit]], _ELASTIC)
        if len(entries) > args.limit:
            note = f"{args.limit} of {len(entries)}; more with --limit, fewer with --dag, --run, --type"
            terminal.lines([Line((Span(note, "dim"),))])
    warn(found)
    if not entries and not args.json:
        raise LookupFailed(f"no such artifact is told of in {found.artifacts.root}; see lading doctor")
    return 0 if entries else 1


def show(args: argparse.Namespace) -> int:
    found = catalogue(args)
    digest = found.resolve(args.digest)
    data = _facts(found, digest)
    terminal = Terminal()
    if args.json:
        terminal.json({**data, "damaged": damaged(found)})
    else:
        terminal.lines(_fact_lines(found, digest, data))
    warn(found)
    return 0


def get(args: argparse.Namespace) -> int:
    found = catalogue(args)
    digest = found.resolve(args.digest)
    data = found.get_bytes(digest)
    if args.output and args.output != "-":
        _write(Path(args.output), data, replace=args.force)
        if args.json:
            Terminal().json({"digest": digest, "size": len(data), "output": args.output})
        return 0
    if sys.stdout.isatty() and not _is_text(data):
        raise LookupFailed(
            f"{digest} is binary ({len(data)} bytes) and standard output is a terminal; "
            f"give a file with -o FILE, or a pipe"
        )
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    return 0


def _row(entry: Entry) -> list[Span | str]:
    ref, step = entry.ref, entry.key.step
    warning = "pickle! " if facts.is_pickle(ref) else ""
    return [
        Span(facts.short(ref.digest), "digest"),
        warning + ref.type,
        facts.shape(ref),
        facts.size(ref.size),
        Span(_made(entry.key), "name"),
        step.dag_id,
        step.run_id,
        Span(facts.when(entry.event.time)[:16], "dim"),
    ]


def _made(key: ArtifactKey) -> str:
    name = facts.place(key.step.task_id, key.step.map_index)
    return (
        name if (key.key, key.element) == ("return_value", None) else f"{name}.{key.key}{key.element or ''}"
    )


def _entry_json(entry: Entry) -> dict[str, Any]:
    ref = {name: value for name, value in entry.ref.to_json().items() if name != "producer"}
    producer = {**entry.key.step._asdict(), "key": entry.key.key, "element": entry.key.element}
    return {"artifact": ref, "producer": producer, "time": entry.event.time, "status": entry.event.status}


def _facts(found: Catalogue, digest: str) -> dict[str, Any]:
    ref = found.ref(digest)
    stat = found.artifacts.exists(digest)
    return {
        "digest": digest,
        "in_store": stat,
        "artifact": None if ref is None else {k: v for k, v in ref.to_json().items() if k != "producer"},
        "producers": [_producer_json(key, node) for key, node in found.producers(digest)],
        "consumers": [_step_json(node) for node in found.consumers(digest)],
    }


def _producer_json(key: ArtifactKey, node: StepNode | None) -> dict[str, Any]:
    made = {**key.step._asdict(), "key": key.key, "element": key.element}
    return {**made, "time": node.event.time if node else None, "status": node.event.status if node else None}


def _step_json(node: StepNode) -> dict[str, Any]:
    return {**node.key._asdict(), "time": node.event.time, "status": node.event.status}


def _fact_lines(found: Catalogue, digest: str, data: dict[str, Any]) -> list[Line]:
    ref = found.ref(digest)
    lines = [Line((Span(digest, "digest"),))]
    if ref is None:
        lines += [_fact("known by", "its bytes alone: no lineage event speaks of it")]
    else:
        lines += [_fact("type", facts.kind(ref)), _fact("size", f"{facts.size(ref.size)} ({ref.size} bytes)")]
        lines += [_fact("format", ref.format, "warn" if facts.is_pickle(ref) else "")]
        lines += [_fact(name, str(value)) for name, value in ref.meta.items() if name != "shape"]
    lines += [_fact("in store", "yes" if data["in_store"] else "no", "" if data["in_store"] else "warn")]
    for key, node in found.producers(digest):
        when = facts.when(node.event.time) if node else "no event of that step is in the log"
        lines += [_fact("made by", f"{_made(key)}  {key.step.dag_id} {key.step.run_id}  {when}")]
    for node in found.consumers(digest):
        name = facts.place(node.key.task_id, node.key.map_index)
        where = f"{name}  {node.key.dag_id} {node.key.run_id}  {facts.when(node.event.time)}"
        lines += [Line((*_label("read by"), status_spans(node.event.status)[0], Span(f" {where}")))]
    return lines


def _fact(label: str, text: str, style: str = "") -> Line:
    return Line((*_label(label), Span(text, style)))


def _label(label: str) -> tuple[Span, ...]:
    return (Span(f"{label:10}", "dim"),)


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return all(clean(line) == line for line in text.replace("\t", " ").split("\n"))


def _write(path: Path, data: bytes, *, replace: bool) -> None:
    if path.exists() and not replace:
        raise LookupFailed(f"{str(path)!r} is there already; give another -o FILE, or --force to replace it")
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(data)
        Path(file.name).chmod(0o666 & ~_umask())
        Path(file.name).replace(path)
    except OSError as e:
        raise LookupFailed(
            f"cannot write {str(path)!r}: {e.strerror}; give a file in a folder that you may write"
        ) from e


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
