"""What is wrong with requirements, found offline while a DAG is parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading.backends.base import Problem
from lading.environment.request import resolve
from lading.errors import ConfigError

if TYPE_CHECKING:
    from lading.backends.base import JobRequest


def problems(job: JobRequest) -> list[Problem]:
    try:
        resolve(job.requirements, job.python)
    except ConfigError as e:
        message, _, cure = str(e).rpartition("; ")
        field = "python" if message.startswith("python=") else "requirements"
        return [Problem(field, f"step {job.task_id!r}: {message}", cure)]
    return []
