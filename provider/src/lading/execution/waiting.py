"""Waiting for one job, in the worker or in a trigger: polls, live log lines, duplicates, the deadline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lading.backends.base import Backend, FailureClass, JobHandle, JobState, Observation
from lading.errors import LadingError, TransientError
from lading.execution.state import Outcome
from lading.execution.verdict import judge
from lading_runner.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from lading.execution.folder import AttemptFolder
    from lading.execution.patience import Patience
    from lading.execution.records import Hooks

DUPLICATE = 86  # exit code of a runner that found the claim taken


def over(observation: Observation) -> bool:
    return observation.state in (JobState.ENDED, JobState.LOST)


def late(observation: Observation) -> Observation:
    """``observation`` of a job that ran past its deadline."""
    return Observation(observation.state, failure=FailureClass.TIMEOUT)


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
    """One wait for one generation: for ``handle``, or whoever holds the claim, which ``find`` gives."""

    backend: Backend
    folder: AttemptFolder
    find: Callable[[], JobHandle | None]
    hooks: Hooks
    patience: Patience
    handle: JobHandle
    _duplicate_since: float | None = None
    _heard: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._tail = LogTail(self.folder, self.hooks.on_log)

    def until_over(self, deadline: float | None) -> Observation:
        """The last observation; one that is not ``over`` and of class timeout where the deadline passed."""
        pauses = self.patience.pauses()
        while True:
            self.hooks.heartbeat()
            observation = self.look()
            left = self.left(next(pauses), deadline)
            if over(observation) or left <= 0:
                break
            self.patience.clock.sleep(left)
        self.end()
        return observation if over(observation) else late(observation)

    def look(self) -> Observation:
        """Of this moment, after the lines that the job printed until then were passed on."""
        observation = self._poll()
        if not over(observation):
            self._log(self._tail.pump)
        if observation.state is JobState.QUEUED:
            self._say_new(observation.reason)
        return observation

    def left(self, pause: float, deadline: float | None) -> float:
        """Seconds until the next look; zero and less: there is no time for one."""
        return pause if deadline is None else min(pause, deadline - self.patience.clock.now())

    def end(self) -> None:
        """Pass on the rest of what the job printed."""
        self._log(lambda: self._tail.end(self._native_log))

    def remove(self, observation: Observation) -> bool:
        """Whether the job, which succeeded and left its result, is off its platform now. Everything else is
        for ``AttemptRunner.finish`` to remove."""
        try:
            result = self.patience.ask(self.folder.result)
            verdict = judge(self.folder.attempt, result, observation)
            if verdict.outcome is not Outcome.SUCCEEDED or not over(observation):
                return False
            self.backend.remove(self.handle, failed=False)
        except (LadingError, OSError):
            return False
        return True

    def _say_new(self, reason: str) -> None:
        """What the platform says of a job that waits, each line once."""
        for line in reason.splitlines():
            if line not in self._heard:
                self._heard.add(line)
                self.hooks.say(line)

    def _poll(self) -> Observation:
        observation = self.patience.ask(lambda: self.backend.observe(self.handle))
        if observation.state is not JobState.ENDED or observation.exit_code != DUPLICATE:
            return observation
        return self._poll_holder(observation)

    def _poll_holder(self, duplicate: Observation) -> Observation:
        """The job is a duplicate: whoever holds the claim does the work, and is waited for."""
        if self.patience.ask(self.folder.result) is not None:
            return duplicate
        holder = self.patience.ask(self.find)
        if holder is None:
            return Observation(JobState.LOST, reason="the holder of the claim is gone")
        if holder.id != self.handle.id:
            self.handle = holder
            return self.patience.ask(lambda: self.backend.observe(holder))
        now = self.patience.clock.now()
        self._duplicate_since = self._duplicate_since or now
        if now - self._duplicate_since < self.patience.policy.duplicate_s:
            return Observation(JobState.RUNNING, reason="a duplicate; the holder of the claim is waited for")
        return Observation(
            JobState.LOST,
            DUPLICATE,
            f"a duplicate of {self.patience.ask(self.folder.claim)}, which left no result",
        )

    def _native_log(self) -> None:
        for line in self.backend.logs(self.handle, None):
            self.hooks.on_log(line)

    def _log(self, read: Callable[[], None]) -> None:
        try:
            read()
        except (TransientError, StoreUnavailable) as e:  # a log that cannot be read is no failure of the job
            self.hooks.say(f"the job's log could not be read: {e}")
