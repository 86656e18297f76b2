"""Where a page begins, as text for clients: opaque, but nothing that they may not know."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from lading.plugin.api.problems import ProblemError


def encode(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def decode(cursor: str | None, *types: type) -> tuple[Any, ...] | None:
    """:raises ProblemError: none that ``encode`` gave"""
    if cursor is None:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        parts = None
    fits = isinstance(parts, list) and [type(part) for part in parts] == list(types)
    if not fits or any(isinstance(part, int) and not 0 <= part < 2**63 for part in parts):
        raise ProblemError(
            422, "invalid", "cursor is damaged; give the value of `next`, or none to begin anew"
        )
    if any(isinstance(part, str) and ("\0" in part or not part.isprintable()) for part in parts):
        raise ProblemError(
            422, "invalid", "cursor is damaged; give the value of `next`, or none to begin anew"
        )
    return tuple(parts)
