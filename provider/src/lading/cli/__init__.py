"""The command ``lading``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 done · 1 a problem was found, or nothing was · 2 wrong usage."""
    from lading.cli.entry import run

    return run(argv)
