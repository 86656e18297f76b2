"""``lading index status``, ``verify``, ``rebuild`` and ``migrate``: where Airflow's database is reachable."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lading.cli.terminal import Terminal, quiet
from lading.lineage.spans import Line, Span, clean

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from sqlalchemy.engine import Engine

    from lading_runner.store.base import ObjectStore

_SHOWN = 20
_TELL_EVERY_S = 2.0


def show_status(args: argparse.Namespace) -> int:
    from lading.lineage.index.upkeep import status

    with quiet():
        found = status(_index())
    terminal = Terminal()
    newest = None
    if found.newest_ms is not None:
        newest = datetime.fromtimestamp(found.newest_ms / 1000, UTC).isoformat(timespec="seconds")
    if args.json:
        terminal.json({**asdict(found), "newest": newest})
    else:
        counts = [
            (name, f"{getattr(found, name):,}") for name in ("events", "artifacts", "edges", "runs", "dags")
        ]
        rows = [*counts, ("newest event", newest or "none"), ("damaged", f"{len(found.damaged):,}")]
        _lines(terminal, *(f"{name:<13} {value}" for name, value in rows))
        _tell_damaged(terminal, found.damaged)
    return 1 if found.damaged else 0


def verify(args: argparse.Namespace) -> int:
    from lading.lineage.index.upkeep import verify as compare

    with quiet():
        engine, objects = _index(), _log(args)
        found = compare(engine, objects, _every(lambda done: f"{done:,} objects compared"))
    terminal = Terminal()
    if args.json:
        terminal.json({**asdict(found), "sound": found.sound})
    elif found.sound:
        _lines(terminal, f"the index says what the {found.checked:,} events of the log say")
    else:
        for name, keys in (("missing", found.missing), ("differing", found.differing)):
            _lines(terminal, *(f"{name}  {key}" for key in keys[:_SHOWN]))
        _tell_damaged(terminal, found.damaged)
        _lines(
            terminal,
            f"of {found.checked:,} objects: {len(found.missing):,} missing in the index, "
            f"{len(found.differing):,} differing, {len(found.damaged):,} damaged in the log; "
            f"{found.surplus:,} events of the index are no longer in the log",
            "missing ones come within minutes while an API server runs; all else: lading index rebuild",
        )
    return 0 if found.sound else 1


def rebuild(args: argparse.Namespace) -> int:
    from lading.lineage.index.upkeep import rebuild as make_anew

    with quiet():
        engine, objects = _index(), _log(args)
        found = make_anew(engine, objects, _every(lambda progress: f"{progress.listed:,} objects read"))
    terminal = Terminal()
    if args.json:
        terminal.json({"events": found.added, "damaged": found.damaged, "seconds": round(found.seconds, 1)})
    else:
        _lines(
            terminal, f"{found.added:,} events in {found.seconds:.1f} s, {found.damaged:,} damaged objects"
        )
    return 0


def migrate(args: argparse.Namespace) -> int:
    from lading import database
    from lading.lineage.index.tables import REVISION

    with quiet():
        before = database.migrate(args.to)
    now = args.to or REVISION
    terminal = Terminal()
    if args.json:
        terminal.json({"before": before, "now": now})
    else:
        _lines(terminal, f"tables of the lineage index: {before or 'none'} → {now}")
    return 0


def _index() -> Engine:
    from lading import database

    database.check_engine()
    return database.engine()


def _log(args: argparse.Namespace) -> ObjectStore:
    from lading.catalogue import open_artifacts

    return open_artifacts(args.store).objects


def _lines(terminal: Terminal, *lines: str) -> None:
    terminal.lines([Line((Span(clean(line)),)) for line in lines])


def _tell_damaged(terminal: Terminal, damaged: dict[str, str]) -> None:
    _lines(terminal, *(f"damaged  {key}: {reason}" for key, reason in list(damaged.items())[:_SHOWN]))
    if len(damaged) > _SHOWN:
        _lines(terminal, f"and {len(damaged) - _SHOWN:,} more; all of them with --json")


def _every(text: Callable[[Any], str]) -> Callable[[Any], None]:
    """Tells of work that takes long, on standard error."""
    last = time.monotonic()

    def tell(progress: Any) -> None:
        nonlocal last
        if time.monotonic() - last >= _TELL_EVERY_S:
            last = time.monotonic()
            print(f"… {text(progress)}", file=sys.stderr, flush=True)

    return tell
