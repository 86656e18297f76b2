"""How long to wait, and for whom: time, backoff, and asking a silent platform or store again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from lading.errors import TransientError
from lading_runner.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

_WORTH_SAYING_S = 3.0


@dataclass(frozen=True)
class Policy:
    """Seconds and counts of an attempt's patience."""

    timeout_s: float | None = None  # from the start of this try; None: for ever
    infra_retries: int = 3
    poll_min_s: float = 0.1
    poll_max_s: float = 10.0
    transient_s: float = 600.0  # how long a silent platform or store is asked again
    settle_s: float = 10.0  # how long an ended job's result and outputs are looked for
    grace_s: float = 30.0  # between asking a job to end and forcing it
    gone_s: float = 300.0  # from then on, how long another generation waits for a job to be gone
    duplicate_s: float = 3600.0  # how long a duplicate waits for the claim's holder
    backoff_s: float = 10.0  # before the first resubmission; doubles


@dataclass(frozen=True)
class Clock:
    now: Callable[[], float] = time.time  # POSIX seconds: deadlines are shared between hosts
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Patience:
    policy: Policy
    clock: Clock
    say: Callable[[str], None] = lambda sentence: None  # why it waits, once for each time

    def pauses(self) -> Iterator[float]:
        """Seconds between polls, without end: about a sixth of the time that passed until then."""
        pause = self.policy.poll_min_s
        while True:
            yield pause
            pause = min(pause * 1.2, self.policy.poll_max_s)

    def ask(self, call: Callable[[], T]) -> T:
        """What ``call`` gives, called again while the other side is silent.

        :raises TransientError: silent for ``transient_s``
        """
        pauses, begun, said = self.pauses(), self.clock.now(), False
        while True:
            try:
                return call()
            except (TransientError, StoreUnavailable) as e:
                waited = self.clock.now() - begun
                if waited >= self.policy.transient_s:
                    raise TransientError(
                        f"{e}; asked again for {waited:.0f} s; "
                        f"a job that was submitted keeps running and is joined by the task's next try"
                    ) from e
                if waited >= _WORTH_SAYING_S and not said:
                    self.say(f"{e}; asked again for up to {self.policy.transient_s:.0f} s")
                    said = True
            self.clock.sleep(next(pauses))

    def until(self, done: Callable[[], bool], within_s: float, otherwise: str = "") -> bool:
        """Whether ``done`` came true in time. ``otherwise``: what is said of it where that takes long."""
        pauses, begun = self.pauses(), self.clock.now()
        while not done():
            waited = self.clock.now() - begun
            if waited >= within_s:
                return False
            if waited >= _WORTH_SAYING_S and otherwise:
                self.say(f"{otherwise}; waited for up to {within_s:.0f} s")
                otherwise = ""
            self.clock.sleep(next(pauses))
        return True
