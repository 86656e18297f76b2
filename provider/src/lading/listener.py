"""Finishes the lineage of every task: marks when rendering ended, writes the events of tasks that are not
steps.

Listeners also run in the API server when a person sets a state by hand; there is no task then, and nothing
to do.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl

log = logging.getLogger("lading")


def _is_running_here(task_instance: Any) -> bool:
    return type(task_instance).__name__ == "RuntimeTaskInstance"


@hookimpl
def on_task_instance_running(previous_state: Any, task_instance: Any) -> None:
    if _is_running_here(task_instance):
        from lading.xcom.record import record_of

        record_of(task_instance).rendered = True


@hookimpl
def on_task_instance_success(previous_state: Any, task_instance: Any) -> None:
    _finish(task_instance, "succeeded", None)


@hookimpl
def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:
    _finish(task_instance, "failed", error)


@hookimpl
def on_task_instance_skipped(previous_state: Any, task_instance: Any) -> None:
    _finish(task_instance, "skipped", None)


def _finish(task_instance: Any, status: str, error: Any) -> None:
    if not _is_running_here(task_instance):
        return
    from lading import capture
    from lading.xcom.record import forget, record_of

    try:
        if not record_of(task_instance).recorded:
            capture.write(capture.foreign_event(task_instance, status, error))
    except Exception:  # lineage must never fail a task, whatever its arguments are
        log.warning("no lineage for %s.%s", task_instance.dag_id, task_instance.task_id, exc_info=True)
    finally:
        forget(task_instance)
