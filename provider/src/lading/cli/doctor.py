"""``lading doctor``: tries what steps need, says what it saw, names the cure of what fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading.cli import checks, probe
from lading.cli.checks import Check
from lading.cli.config import read_settings
from lading.cli.terminal import Terminal
from lading.errors import LadingError
from lading.lineage.spans import Line, Span, columns, wrapped
from lading_runner.errors import RunnerError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

_GLYPHS = {True: Span("✔", "ok"), False: Span("✖", "bad"), None: Span("·", "dim")}


def show(args: argparse.Namespace) -> int:
    found = list(_all(args))
    failed = [check for check in found if check.ok is False]
    terminal = Terminal()
    if args.json:
        terminal.json({"ok": not failed, "checks": [vars(check) for check in found]})
    else:
        terminal.lines(_lines(found, failed, terminal.width))
    return 1 if failed else 0


def _all(args: argparse.Namespace) -> Iterator[Check]:
    yield from _tried("Airflow", "installation", checks.installation)
    yield from _tried("Airflow", "configuration", checks.airflow)
    yield from _tried("store", "address", lambda: checks.store(args.store))
    try:
        settings = read_settings()
    except (LadingError, ImportError) as e:
        yield Check("settings", "[lading]", False, str(e), "correct it where the message says")
    else:
        yield from checks.settings(settings)
        yield from _tried("environments", "folder", lambda: checks.environments(settings))
        targets = list(_tried("targets", args.target or "all", lambda: checks.targets(settings, args.target)))
        yield from targets
        area = f"target {args.target}"
        if args.target and any(check.ok is False for check in targets):
            yield Check(area, "job", None, "not tried: correct the target first")
        elif args.target:
            yield from _tried(area, "job", lambda: probe.target(settings, args.target))
    yield from checks.libraries()


def _tried(area: str, name: str, check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """What ``check`` yields, up to its error, which becomes a failed check."""
    try:
        yield from check()
    except (LadingError, RunnerError, ImportError, OSError) as e:
        yield Check(area, name, False, f"{type(e).__name__}: {e}", "do what the message says")


def _lines(found: Sequence[Check], failed: Sequence[Check], width: int) -> Iterator[Line]:
    names = max(columns(check.name) for check in found)
    area = ""
    for check in found:
        if check.area != area:
            yield from [Line()] if area else []
            yield Line((Span(check.area, "title"),))
            area = check.area
        head = (Span("  "), _GLYPHS[check.ok], Span(f" {check.name:{names}}  "))
        yield from wrapped(check.detail, width, head, "dim" if check.ok is None else "")
        if check.ok is False:
            arrow = (Span(" " * (names + 6)), Span("→ ", "arrow"))
            yield from wrapped(check.cure or "see the message", width, arrow)
    yield Line()
    if failed:
        yield Line((Span(f"✖ {len(failed)} of {len(found)} checks failed", "bad"),))
    else:
        yield Line((Span("✔ everything that was tried works", "ok"),))
