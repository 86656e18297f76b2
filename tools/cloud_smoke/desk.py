"""One check of one target: its task instance, the jobs it began, and how long it may take."""

from __future__ import annotations

import json
import math
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lading.backends import registry
from lading.backends.base import JobHandle, Worker
from lading.backends.databricks.settings import DatabricksSettings
from lading.backends.vertex.settings import VertexSettings
from lading.errors import LadingError
from lading.execution import AttemptState, Policy
from lading.testing import Trial
from lading_runner.contract import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lading.backends.base import Backend
    from lading.config import Target
    from lading_runner.store import ArtifactStore

DAG_ID = "lading_cloud_smoke"
# unless the target names one
CONNECTIONS = {"vertex": VertexSettings.connection, "databricks": DatabricksSettings.connection}


@dataclass(frozen=True)
class Pace:
    poll_min_s: float = 1.0
    poll_max_s: float = 5.0
    grace_s: float = 40.0  # for a job that was told to end
    settle_s: float = 10.0  # until an ended job's result is surely seen
    step_s: float = 20.0  # that a job goes on after its worker was killed
    most_mib: int = 64 << 10  # that a step fills before it is said that nothing limits it

    def within(self, limit_s: float) -> Pace:
        """With graces that leave half of ``limit_s`` for the jobs."""
        return replace(self, grace_s=min(self.grace_s, limit_s / 6))

    def work_s(self, limit_s: float) -> float:
        """What jobs have of ``limit_s``: the rest is for those who cancel them, for whoever has to be told
        to, and for the removal of what was made."""
        return limit_s - 3 * self.grace_s


class Late(LadingError):
    """The time limit of the whole run passed, or somebody interrupted it."""


@dataclass(frozen=True)
class Place:
    """A target on a real service, and the store of this Airflow."""

    target: Target
    store: ArtifactStore
    worker: Worker

    @property
    def connection(self) -> str:
        """Its id."""
        return self.target.connection or CONNECTIONS[self.target.backend]

    def backend(self, worker: Worker, keep: str = "all") -> Backend:
        """``keep``: which ended jobs stay in the list of Vertex AI."""
        target = self.target
        if target.backend == "vertex":
            target = replace(target, extra={**target.extra, "keep": keep})
        return registry.get(target.backend).configured(target, worker)

    def request(self, timeout_s: float) -> dict[str, Any]:
        """Fields of a job's request: what a step that says nothing itself gets from its target."""
        said = self.target
        return {
            "resources": said.resources,
            "image": said.image,
            "requirements": said.requirement_lines,
            "python": said.python,
            "env": said.env,
            "options": said.options,
            "timeout_s": timeout_s,
        }


@dataclass
class FileState:
    """An attempt's state in a file, so that it outlives a worker that is killed; ``note`` hears of jobs."""

    path: Path
    note: Callable[[JobHandle], None]

    def load(self) -> AttemptState | None:
        if not self.path.exists():
            return None
        return AttemptState.from_json(json.loads(self.path.read_text()))

    def save(self, state: AttemptState) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(state.to_json()))
        fresh.replace(self.path)
        if state.handle is not None:
            self.note(JobHandle.from_json(state.handle))


@dataclass
class Desk:
    place: Place
    check: str
    run: str
    folder: Path
    pace: Pace
    limit_s: float
    say: Callable[[str], None]
    begun: float = field(default_factory=time.monotonic)
    seconds: float | None = None  # that it took; None: not over
    handles: dict[str, JobHandle] = field(default_factory=dict)  # by id: what is to be ended and removed
    links: dict[str, str | None] = field(default_factory=dict)  # URLs of jobs by id, the oldest first
    trials: list[Trial] = field(default_factory=list)
    litter: list[str] = field(default_factory=list)  # keys in the store, beside the attempts
    removed_by: float = math.inf  # by ``time.monotonic``
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def left_s(self) -> float:
        return max(self.begun + self.limit_s - time.monotonic(), 1.0)

    def trial(self, function: Callable[..., Any], run_id: str | None = None, **params: Any) -> Trial:
        """``run_id``: not the one of the other checks."""
        pace = self.pace
        policy = Policy(
            poll_min_s=pace.poll_min_s,
            poll_max_s=pace.poll_max_s,
            grace_s=pace.grace_s,
            settle_s=pace.settle_s,
            timeout_s=self.left_s,
            transient_s=min(self.limit_s, pace.grace_s),
            infra_retries=0,
        )
        name = self.check.replace(" ", "_")
        state = self.folder / f"{self.run}-{name}.json"
        made = Trial(
            self.place.backend,
            self.place.store,
            function,
            params,
            request=self.place.request(self.limit_s),
            lend=self.place.worker,
            policy=policy,
            task=Attempt(DAG_ID, run_id or self.run, name),
            state=FileState(state, self.note),
        )
        self.trials.append(made)
        return made

    def note(self, handle: JobHandle) -> None:
        self.handles.setdefault(handle.id, handle)
        self.link(handle.id, handle.url)

    def link(self, job: str, url: str | None) -> None:
        if job not in self.links:
            self.links[job] = url
            self.say(f"job {job} {url or ''}".rstrip())

    def until(self, true: Callable[[], object], otherwise: str) -> None:
        """:raises Late: with ``otherwise``"""
        end = self.begun + self.limit_s
        while not true():
            if self.stopped.wait(min(self.pace.poll_min_s, 2.0)):
                raise Late(f"interrupted: {otherwise}")
            if time.monotonic() > end:
                raise Late(f"{otherwise} within {self.limit_s:.0f} s")

    def stop(self) -> None:
        """Ends its jobs, so that whoever waits for one sees it end."""
        self.stopped.set()
        for trial in self.trials:
            trial.worker().cancel()
        for handle in self.handles.values():
            self.place.backend(self.place.worker).cancel(handle, 1)

    def clean(self, keep: str) -> None:
        """Nothing of it runs any more, its attempts leave the store, and ended jobs the list as ``keep``
        says."""
        backend = self.place.backend(self.place.worker, keep)
        for trial in self.trials if not self.handles else ():  # a submission may have had no answer
            found = backend.find(trial.name)
            if found is not None:
                self.handles[found.id] = found
        for handle in self.handles.values():
            self._in_time()
            backend.cancel(handle, self.pace.grace_s)
        for handle in self.handles.values():
            self._gone(handle)
            self._in_time()
            backend.remove(handle, failed=keep != "never")
        objects = self.place.store.objects
        folders = [trial.key.rpartition("/")[0] for trial in self.trials]
        attempts = [stat.key for folder in folders for stat in objects.list(f"{folder}/")]
        for key in (*attempts, *self.litter):
            self._in_time()
            objects.delete(key)

    def _in_time(self) -> None:
        if time.monotonic() > self.removed_by:
            raise Late("the time limit passed before all was removed; look for what is left, and remove it")

    def _gone(self, handle: JobHandle) -> None:
        end = min(time.monotonic() + self.pace.grace_s, self.removed_by)
        while not self.trials[0].over(handle):
            if time.monotonic() > end:
                raise Late(f"job {handle.id} does not end: cancel it at {handle.url or 'its platform'}")
            time.sleep(self.pace.poll_min_s)
