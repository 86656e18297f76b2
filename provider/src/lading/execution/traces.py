"""What a generation left behind: its job on the backend, its claim and its result in the store."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.backends.base import Backend, Capability, JobHandle
from lading.execution.decision import Found
from lading.execution.folder import AttemptFolder
from lading.execution.names import job_name
from lading.execution.state import AttemptState, Outcome, Phase
from lading.execution.waiting import Wait, over

if TYPE_CHECKING:
    from lading.execution.patience import Patience
    from lading.execution.records import Hooks
    from lading_runner.contract import Attempt, Result
    from lading_runner.store.base import ObjectStore


@dataclass(frozen=True)
class Traces:
    backend: Backend
    patience: Patience

    @property
    def in_process(self) -> bool:
        return Capability.IN_PROCESS in self.backend.capabilities

    def look(self, state: AttemptState | None, folder: AttemptFolder) -> tuple[Found, Result | None]:
        if state is None:
            return Found(earlier=self.patience.ask(folder.last_generation)), None
        result = self.patience.ask(folder.result)
        if result is not None or state.phase is Phase.FINAL:
            return Found(_outcome(result)), result
        job = self.job(folder)
        if job is not None:
            return Found(job=job), None
        if self.patience.ask(folder.claim) is None:
            return Found(), None
        result = self.settled_result(folder)  # the job may have ended between the first look and the second
        return Found(_outcome(result), claimed=True), result

    def job(self, folder: AttemptFolder) -> JobHandle | None:
        """The job under the generation's name; None: certainly absent."""
        return self.patience.ask(lambda: self._job(folder))

    def left_over(self, state: AttemptState, folder: AttemptFolder) -> JobHandle | None:
        """The job of a generation whose end nobody waited for."""
        if self.in_process:
            return None
        return JobHandle.from_json(state.handle) if state.handle else self.job(folder)

    def last_words(self, handle: JobHandle) -> str:
        """The last line of a runner that gave up before it could write a result: it says why."""

        def last() -> deque[str]:
            return deque((line for line in self.backend.logs(handle, None) if line.strip()), maxlen=1)

        return "".join(self.patience.ask(last))

    def settled_result(self, folder: AttemptFolder) -> Result | None:
        """Looked for some time, for stores that show late what the job wrote last."""
        results: list[Result | None] = []

        def there() -> bool:
            results.append(self.patience.ask(folder.result))
            return results[-1] is not None

        self.patience.until(there, 0 if self.in_process else self.patience.policy.settle_s)
        return results[-1]

    def _job(self, folder: AttemptFolder) -> JobHandle | None:
        name = job_name(folder.attempt)
        if not self.in_process:
            return self.backend.find(name)
        claim = folder.claim()  # a task process has no platform to ask: the claim says which process it is
        if claim is None:
            return None
        holder = JobHandle(self.backend.name, claim, name)
        return None if over(self.backend.observe(holder)) else holder


def waiting(
    *,
    attempt: Attempt,
    handle: JobHandle,
    backend: Backend,
    objects: ObjectStore,
    hooks: Hooks,
    patience: Patience,
) -> Wait:
    """The wait for the job of ``attempt``."""
    folder = AttemptFolder(objects, attempt)
    return Wait(backend, folder, lambda: Traces(backend, patience).job(folder), hooks, patience, handle)


def _outcome(result: Result | None) -> Outcome | None:
    return None if result is None else Outcome(result.status)
