"""ML steps for Airflow. Importing this imports no Airflow, no backend and no data library.

``from lading import step, Resources, GPU, log_metrics`` in a DAG file; ``open_store`` and ``lineage`` in a
notebook.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

if TYPE_CHECKING:
    from lading.decorators.step import step_task as step
    from lading.notebook import open_store
    from lading.operators.step import StepOperator
    from lading.resources import GPU, Resources
    from lading_runner.api import log_external_input, log_external_output, log_metrics

_EXPORTS = {
    "GPU": ("lading.resources", "GPU"),
    "Resources": ("lading.resources", "Resources"),
    "StepOperator": ("lading.operators.step", "StepOperator"),
    "log_external_input": ("lading_runner.api", "log_external_input"),
    "log_external_output": ("lading_runner.api", "log_external_output"),
    "log_metrics": ("lading_runner.api", "log_metrics"),
    "open_store": ("lading.notebook", "open_store"),
    "step": ("lading.decorators.step", "step_task"),
}

__all__ = [
    "GPU",
    "Resources",
    "StepOperator",
    "log_external_input",
    "log_external_output",
    "log_metrics",
    "open_store",
    "step",
]


def __getattr__(name: str) -> Any:
    if name == "lineage":  # a subpackage that can also be called
        return importlib.import_module("lading.lineage")
    try:
        module, attribute = _EXPORTS[name]
    except KeyError:
        raise AttributeError(f"module 'lading' has no attribute {name!r}") from None
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value
