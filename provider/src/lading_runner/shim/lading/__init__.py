"""``lading`` as a job has it: what a step may call while it runs, and markers that a module may hold.

The runner brings this along, so that an environment without Airflow runs steps. First-party modules that
define steps can be imported: there a step is its function.
"""

from __future__ import annotations

from lading_runner.api import log_external_input, log_external_output, log_metrics

__all__ = ["GPU", "Resources", "log_external_input", "log_external_output", "log_metrics", "step"]


def step(function=None, **settings):  # type: ignore[no-untyped-def]  # the real one is typed
    return function if function is not None else lambda found: found


class Resources:
    def __init__(self, **settings: object) -> None:
        self.settings = settings


class GPU(Resources):
    def __init__(self, type: object = None, count: int = 1) -> None:
        super().__init__(type=type, count=count)


def __getattr__(name: str) -> object:
    raise AttributeError(
        f"lading.{name} is not there in a job, expected one of {', '.join(__all__)}; "
        f"use it in the DAG file outside of the step"
    )
