"""The register of jobs that run for a task: for whoever learns that the task is over when no worker waits.

A record is there from before the submission until the job is off its platform.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.errors import LadingError
from lading.execution.names import attempt_folder
from lading_runner.contract import Attempt, canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lading_runner.store.base import ObjectStore

_OPEN = "open/"


@dataclass(frozen=True)
class OpenJob:
    attempt: Attempt
    target: str  # by name: nothing in it is secret
    event: Mapping[str, Any]  # the lineage event if the task is killed

    def write(self, objects: ObjectStore) -> None:
        data = {"attempt": self.attempt.to_json(), "target": self.target, "event": dict(self.event)}
        objects.write(open_job_key(self.attempt), canonical_json(data))


def open_job_key(attempt: Attempt) -> str:
    return _OPEN + attempt_folder(attempt).partition("/")[2]


def open_job_keys(objects: ObjectStore) -> Iterator[str]:
    return (stat.key for stat in objects.list(_OPEN))


def read_open_job(objects: ObjectStore, key: str) -> OpenJob:
    """:raises KeyError: there is none any more
    :raises LadingError: it is damaged, or of a later release"""
    raw = objects.read(key)
    try:
        data = json.loads(raw)
        return OpenJob(Attempt.from_json(data["attempt"]), data["target"], data["event"])
    except (KeyError, TypeError, ValueError) as e:
        raise LadingError(
            f"{key} is no record of an open job: {raw[:200]!r}; expected attempt, target and event; "
            f"delete it if no such job runs"
        ) from e
