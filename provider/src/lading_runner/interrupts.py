"""SIGTERM and the deadline, raised in the step's code."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Callable, Optional

from lading_runner.errors import ContractError, Terminated

if TYPE_CHECKING:
    from types import FrameType

#: For the step to come to its end after an interrupt; platforms kill after 10 to 30 s.
UNWIND_S = 5.0


class Interrupted(BaseException):
    """Raised in the step from outside; no ``except Exception`` holds it up. ``failure``: its class."""

    exit_code = Terminated.exit_code

    def __init__(self, message: str, failure: str) -> None:
        super().__init__(message)
        self.failure = failure
        if failure != Terminated.failure:
            self.exit_code = 1


class Interrupts:
    """From when it is made until ``settle``, SIGTERM raises ``Interrupted`` in the main thread, once."""

    def __init__(self, deadline: Optional[str]) -> None:
        """:raises ContractError: the deadline is not RFC 3339"""
        self._seconds = None if deadline is None else _seconds_until(deadline)
        self._cause = Interrupted("the job got SIGTERM and interrupted its step", Terminated.failure)
        self._late = Interrupted(f"the step ran past its deadline, {deadline}; give it more time", "timeout")
        self._fired = threading.Event()
        self._settled = threading.Event()
        self._owner = os.getpid()
        signal.signal(signal.SIGTERM, self._on_signal)

    def watch(self, force: Callable[[Interrupted], None]) -> None:
        """Enforce the deadline; where the step holds out against an interrupt, call ``force`` in a thread."""
        threading.Thread(target=self._watch, args=(force,), name="lading-watch", daemon=True).start()

    def settle(self) -> None:
        """The step is over: what comes now is too late to change its result."""
        self._settled.set()

    def _watch(self, force: Callable[[Interrupted], None]) -> None:
        if not self._fired.wait(self._seconds) and not self._settled.is_set():
            self._cause = self._late
            os.kill(self._owner, signal.SIGTERM)
        if not self._settled.wait(UNWIND_S):
            force(self._cause)

    def _on_signal(self, number: int, frame: Optional[FrameType]) -> None:
        if os.getpid() != self._owner:  # a forked child of the step: signals mean to it what they always mean
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        elif not self._fired.is_set() and not self._settled.is_set():
            self._fired.set()
            raise self._cause


def _seconds_until(deadline: str) -> float:
    from datetime import datetime, timezone

    try:
        end = datetime.fromisoformat(deadline.replace("Z", "+00:00"))
        return max(0.0, (end - datetime.now(timezone.utc)).total_seconds())
    except (ValueError, TypeError) as e:
        raise ContractError(
            f"deadline {deadline!r} is not understood, expected RFC 3339, such as 2026-11-20T12:00:00Z; "
            f"give worker and job the same release of airflow-provider-lading"
        ) from e
