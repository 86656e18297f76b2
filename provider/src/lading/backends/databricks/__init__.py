"""One-time runs of a Databricks workspace."""

from __future__ import annotations

from lading.backends.databricks.backend import DatabricksBackend

__all__ = ["DatabricksBackend"]
