"""Write the table of ``[lading]`` options into ``docs/configuration.md``. ``make format`` runs it."""

from __future__ import annotations

import re
from pathlib import Path

from lading.config.options import OPTIONS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
_TABLE = re.compile(r"(<!-- options: [^\n]*-->\n).*(<!-- /options -->)", re.DOTALL)


def table() -> str:
    rows = ["| option | type | default | meaning | example |", "|---|---|---|---|---|"]
    for name, option in OPTIONS.items():
        default = "" if option.default is None else f"`{option.default}`"
        rows.append(f"| `{name}` | {option.type} | {default} | {option.description} | `{option.example}` |")
    return "\n".join(rows)


def with_table(page: str) -> str:
    return _TABLE.sub(lambda found: f"{found[1]}{table()}\n{found[2]}", page)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
