"""What waits in the triggerer."""

from __future__ import annotations

from lading.triggers.job import DRAFT, LadingTrigger

__all__ = ["DRAFT", "LadingTrigger"]
