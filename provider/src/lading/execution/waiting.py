"""Waiting for one job in the worker: polls, live log lines, duplicates, the deadline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lading.backends.base import Backend, FailureClass, JobHandle, JobState, Observation
from lading.errors import TransientError
from lading_runner.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from lading.execution.folder import AttemptFolder
    from lading.execution.patience import Patience
    from lading.execution.records import Hooks

DUPLICATE = 86  # exit code of a runner that found the claim taken


def observe_once(backend: Backend, handle: JobHandle) -> Observation:
    """One poll, for triggers.

    :raises TransientError: no answer; ask again
    """
    return backend.observe(handle)


def over(observation: Observation) -> bool:
    return observation.state in (JobState.ENDED, JobState.LOST)


@dataclass
class LogTail:
    """Lines of the numbered chunks that the runner writes, each once."""

    folder: AttemptFolder
    on_log: Callable[[str], None]
    _seen: set[str] = field(default_factory=set)
    _rest: str = ""

    def pump(self) -> None:
        prefix = f"{self.folder.key}/log/"
        new = [s.key for s in self.folder.objects.list(prefix) if s.key not in self._seen]
        for key in sorted(new, key=lambda k: (len(k), k)):  # 10 after 9, padded or not
            *lines, self._rest = (self._rest + self.folder.objects.read(key).decode(errors="replace")).split(
                "\n"
            )
            self._seen.add(key)
            for line in lines:
                self.on_log(line)

    def end(self, native: Callable[[], None]) -> None:
        """The rest; ``native`` is called where the runner never wrote a line."""
        self.pump()
        if self._rest:
            self.on_log(self._rest)
            self._rest = ""
        if not self._seen:
            native()


@dataclass
class Wait:
    """One wait for one generation; ``find`` gives the job that lives under the generation's name."""

    backend: Backend
    folder: AttemptFolder
    find: Callable[[], JobHandle | None]
    hooks: Hooks
    patience: Patience
    _duplicate_since: float | None = None

    def until_over(self, handle: JobHandle, deadline: float | None) -> Observation:
        """The last observation; one that is not ``over`` and of class timeout where the deadline passed."""
        tail = LogTail(self.folder, self.hooks.on_log)
        pauses = self.patience.pauses()
        while True:
            self.hooks.heartbeat()
            handle, observation = self._poll(handle)
            if over(observation):
                break
            self._log(tail.pump)
            pause = next(pauses)
            left = pause if deadline is None else deadline - self.patience.clock.now()
            if left <= 0:
                observation = Observation(observation.state, failure=FailureClass.TIMEOUT)
                break
            self.patience.clock.sleep(min(pause, left))
        self._log(lambda: tail.end(lambda: self._native_log(handle)))
        return observation

    def _poll(self, handle: JobHandle) -> tuple[JobHandle, Observation]:
        observation = self.patience.ask(lambda: observe_once(self.backend, handle))
        if observation.state is not JobState.ENDED or observation.exit_code != DUPLICATE:
            return handle, observation
        return self._poll_holder(handle, observation)

    def _poll_holder(self, handle: JobHandle, duplicate: Observation) -> tuple[JobHandle, Observation]:
        """``handle`` is a duplicate: whoever holds the claim does the work, and is waited for."""
        if self.patience.ask(self.folder.result) is not None:
            return handle, duplicate
        holder = self.patience.ask(self.find)
        if holder is None:
            return handle, Observation(JobState.LOST, reason="the holder of the claim is gone")
        if holder.id != handle.id:
            return holder, self.patience.ask(lambda: observe_once(self.backend, holder))
        now = self.patience.clock.now()
        self._duplicate_since = self._duplicate_since or now
        if now - self._duplicate_since < self.patience.policy.duplicate_s:
            return handle, Observation(
                JobState.RUNNING, reason="a duplicate; the holder of the claim is waited for"
            )
        return handle, Observation(
            JobState.LOST,
            DUPLICATE,
            f"a duplicate of {self.patience.ask(self.folder.claim)}, which left no result",
        )

    def _native_log(self, handle: JobHandle) -> None:
        for line in self.backend.logs(handle, None):
            self.hooks.on_log(line)

    def _log(self, read: Callable[[], None]) -> None:
        try:
            read()
        except (TransientError, StoreUnavailable) as e:  # a log that cannot be read is no failure of the job
            self.hooks.say(f"the job's log could not be read: {e}")
