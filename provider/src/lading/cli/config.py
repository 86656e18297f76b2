"""``lading config``: every setting, its value without secrets, and where it comes from."""

from __future__ import annotations

import difflib
import json
import os
from typing import TYPE_CHECKING

from lading.catalogue import VARIABLE
from lading.cli.terminal import Terminal, quiet
from lading.config import OPTIONS, Settings, mask, variable
from lading.lineage.spans import Span, wrapped

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def read_settings() -> Settings:
    """Of this deployment, whatever Airflow prints while it is read."""
    with quiet():
        from lading import deployment

        return deployment.settings()


def unknown_variables() -> Iterator[str]:
    """Environment variables that look like settings and set nothing, each with the nearest one that would."""
    prefix = variable("")
    known = {variable(name) for name in OPTIONS}
    allowed = known | {name + suffix for name in known for suffix in ("_CMD", "_SECRET")}
    for name in sorted(os.environ):
        if name.startswith(prefix) and name not in allowed:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            yield f"{name} sets nothing" + (f"; did you mean {near[0]}?" if near else "")


def show(args: argparse.Namespace) -> int:
    settings = read_settings()
    unknown = list(unknown_variables())
    shown = {name: (mask(settings.value(name), name), settings.origins[name]) for name in OPTIONS}
    if os.environ.get(VARIABLE):
        note = f"environment variable {VARIABLE}; lading and notebooks look here, tasks do not"
        shown[VARIABLE] = (mask(os.environ[VARIABLE]), note)
    terminal = Terminal()
    if args.json:
        values = {name: {"value": value, "origin": origin} for name, (value, origin) in shown.items()}
        terminal.json({"settings": values, "unknown": unknown})
        return 1 if unknown else 0
    rows = [(Span(name, "name"), _text(value), Span(o, "dim")) for name, (value, o) in shown.items()]
    terminal.table(("setting", "value", "from"), rows, ("value", "from"))
    for text in unknown:
        terminal.lines(wrapped(text, terminal.width, (Span("✖ ", "bad"),)))
    return 1 if unknown else 0


def _text(value: object) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
