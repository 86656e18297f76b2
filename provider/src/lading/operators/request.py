"""From an attempt and its target to the request that a backend gets."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from lading.backends.base import JobRequest
from lading.execution import attempt_folder, job_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lading.backends.base import Backend
    from lading.config import Target
    from lading_runner.contract import Attempt


def job_request(
    attempt: Attempt,
    target: Target,
    backend: Backend,
    *,
    store_root: str,
    requirements: Sequence[str] = (),
    timeout_s: float | None = None,
) -> JobRequest:
    """Pure. ``store_root``: the store as the worker sees it; empty: not known yet."""
    folder = attempt_folder(attempt)
    return JobRequest(
        name=job_name(attempt),
        dag_id=attempt.dag_id,
        task_id=attempt.task_id,
        spec_uri=f"{backend.store_view(store_root).root}/{quote(folder)}/spec.json",
        store_root=store_root,
        folder=folder,
        resources=target.resources,
        image=target.image,
        requirements=requirements,
        python=target.python,
        env=target.env,
        labels={
            "dag_id": attempt.dag_id,
            "run_id": attempt.run_id,
            "task_id": attempt.task_id,
            "map_index": str(attempt.map_index),
            "generation": str(attempt.generation),
        },
        options=target.options,
        timeout_s=timeout_s,
    )
