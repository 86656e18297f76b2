"""Contracts that backends and stores of any package can prove themselves by, in pytest.

Inherit ``BackendContract`` or ``StoreContract`` in a test class, say what is under test, and pytest finds the
tests: see docs/backends.md. Nothing of the product imports this package, so that only tests need pytest.
"""

from __future__ import annotations

import pytest

# before they are imported: so that a failed assert says what it compared
pytest.register_assert_rewrite(
    *(f"{__name__}.{module}" for module in ("bench", "jobs", "requests", "runs", "store"))
)

from lading.testing.backend import BackendContract  # noqa: E402
from lading.testing.store import StoreContract  # noqa: E402
from lading.testing.trial import Trial  # noqa: E402

__all__ = ["BackendContract", "StoreContract", "Trial"]
