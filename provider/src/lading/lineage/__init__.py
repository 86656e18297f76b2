"""Lineage: events, the log that keeps them, graphs computed from them.

Calling the package, ``lading.lineage(run="…")``, gives the lineage of a run; see ``lading.notebook.lineage``.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any


class _CallablePackage(types.ModuleType):
    """``lading.lineage`` names both this package and the function of the notebook API."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # By name, since the notebook API stands above this layer.
        return importlib.import_module("lading.notebook").lineage(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
