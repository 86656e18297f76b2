"""What waits in the triggerer, and what ends a job whose task is over."""

from __future__ import annotations

from lading.triggers.ending import backend_of, end_job
from lading.triggers.job import LadingTrigger

__all__ = ["LadingTrigger", "backend_of", "end_job"]
