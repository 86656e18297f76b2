"""A job's requirements: locked here, installed in its container before the step begins."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lading import environment
from lading.environment import Place
from lading.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lading.backends.base import JobRequest
    from lading.environment import Lock, Log

_PLATFORM = "linux-x86_64"  # of every machine in the table


def lock_of(job: JobRequest, cache: Path, log: Log) -> Lock:
    """:raises ConfigError: the requirements cannot be resolved, or their index wants a password"""
    asked = environment.with_driver(environment.resolve(job.requirements, job.python), job.spec_uri)
    lock = environment.lock_for(asked, Place(str(job.python), _PLATFORM), cache, log)
    if any(urlsplit(word).password for line in (*lock.options, *lock.lines) for word in _words(line)):
        raise ConfigError(
            "the requirements name a package index with a password, and a lock for Vertex AI lies in the "
            "artifact store, which whoever may read artifacts can read; put the packages into the image, or "
            "use an index that knows the job's service account"
        )
    return lock


def _words(line: str) -> Iterator[str]:
    for word in line.replace("=", " ").split():
        if "://" in word:
            yield word
