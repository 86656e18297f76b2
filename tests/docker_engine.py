"""The Docker engine that tests run on, and attempts on it without an Airflow around them."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import docker
from benchmarks.cases.containers import IMAGE, absent

from lading.backends.base import Worker
from lading.backends.docker import DockerBackend
from lading.config import Target
from lading.execution import Policy
from lading.testing import Trial
from lading_runner.store import ArtifactStore, LocalStore
from lading_testkit import require_service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

POLICY = Policy(poll_min_s=0.05, poll_max_s=0.3, settle_s=0.3, grace_s=5, backoff_s=0.01)


@cache
def api() -> Any:
    return docker.APIClient(version="auto")


def require() -> None:
    """Skip, or fail where it is required, unless an engine answers and has the image."""
    reason = absent()
    require_service("docker", not reason, reason)


class Desk(Trial):
    """One task instance of a function of the test's, in a container, with its store in ``folder``."""

    def __init__(
        self,
        folder: Path,
        function: Callable[..., Any],
        params: Mapping[str, Any] | None = None,
        *,
        target: Mapping[str, Any] | None = None,
        lend: Worker | None = None,
        policy: Policy = POLICY,
        **request: Any,
    ) -> None:
        keys = Target("docker", "docker", extra=target or {})
        super().__init__(
            lambda worker: DockerBackend.configured(keys, worker),
            ArtifactStore(LocalStore(str(folder / "store"))),
            function,
            params or {},
            {"image": IMAGE, **request},
            lend=lend or Worker(),
            policy=policy,
        )

    def containers(self) -> list[dict[str, Any]]:
        """Those of this task instance that are there now, ended ones too."""
        label = f"lading.run_id={self.task.run_id}"
        found: list[dict[str, Any]] = api().containers(all=True, filters={"label": label})
        return found

    def created(self) -> list[str]:
        """Ids of all containers that were ever created for this task instance."""
        return created(self.task.run_id)


def created(run_id: str) -> list[str]:
    """Ids of the containers that were created for a run, lately: an engine keeps its last 256 events."""
    found = api().events(
        since=0,
        until=time.time(),
        filters={"event": "create", "type": "container", "label": f"lading.run_id={run_id}"},
    )
    return [json.loads(line)["Actor"]["ID"] for line in found]
