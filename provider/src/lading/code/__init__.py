"""From a function to the code that a job runs."""

from __future__ import annotations

from lading.code.slicing import StepCode, image_code, slice_function

__all__ = ["StepCode", "image_code", "slice_function"]
