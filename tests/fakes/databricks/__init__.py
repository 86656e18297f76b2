"""A Databricks workspace on this machine: the REST API of runs and files, and a compute that runs them."""

from __future__ import annotations

from fakes.databricks.server import TOKEN, FakeDatabricks
from fakes.databricks.workspace import Fate, Fault

__all__ = ["TOKEN", "FakeDatabricks", "Fate", "Fault"]
