"""One value in a cell, one column of numbers in a picture."""

from __future__ import annotations

import math
from typing import Any, Dict, Optional

TEXT = 500  # characters of one string
BINS = 20


def cell(value: Any) -> Any:
    """A number, a string, a boolean or None (also for what JSON has no number for)."""
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", 0) == 0:
        value = item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else str(value)[:TEXT]  # what JavaScript keeps exactly
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return text(value)


def text(value: Any) -> str:
    shown = value if isinstance(value, str) else str(value)
    # half of a surrogate pair is no Unicode
    return shown[:TEXT].encode("utf-8", "replace").decode()


def histogram(numbers: Any) -> Optional[Dict[str, Any]]:
    """Of a NumPy array of finite numbers: ``{"edges": k + 1 numbers, "counts": k integers}``; None: too few
    to draw."""
    import numpy

    if numbers.size < 2 or numbers.min() == numbers.max():
        return None
    counts, edges = numpy.histogram(numbers, bins=BINS)
    if not numpy.isfinite(edges).all():
        return None
    return {"edges": edges.tolist(), "counts": counts.tolist()}
