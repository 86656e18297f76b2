"""``LadingTrigger``: waits for one job, shows its log, cancels it when the task is killed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from lading import deployment
from lading.errors import LadingError, TransientError
from lading.execution import (
    Clock,
    Hooks,
    Patience,
    Policy,
    Started,
    Wait,
    late,
    over,
    waiting,
)
from lading.triggers.ending import backend_of, end_job
from lading_runner.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from lading.backends.base import Observation


class LadingTrigger(BaseTrigger):
    """One wait for one job of any backend; everything that is slow happens in threads.

    Its only event is ``{"started", "observation", "removed"}``; ``removed`` says that the job, whose result
    is safe, is off its platform, so that the worker needs no client of it. Or it is ``{"started",
    "silent": message}`` where it cannot see the job: platform or store gave no answer for ten minutes, or
    the triggerer is set up otherwise than the workers. Nothing in it is secret: the triggerer's own
    configuration has the target.
    """

    def __init__(
        self, target: str, started: Mapping[str, Any], poll_interval_s: float, grace_s: float
    ) -> None:
        super().__init__()
        self.target, self.started = target, dict(started)
        self.poll_interval_s, self.grace_s = poll_interval_s, grace_s
        self._wait: Wait | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        given = {
            "target": self.target,
            "started": self.started,
            "poll_interval_s": self.poll_interval_s,
            "grace_s": self.grace_s,
        }
        return "lading.triggers.LadingTrigger", given

    async def run(self) -> AsyncIterator[TriggerEvent]:
        try:
            wait = await self._opened()
            observation = await self._until_over(wait)
            removed = await asyncio.to_thread(wait.remove, observation)
        except (
            LadingError,
            RunnerError,
        ) as e:  # raised, it would end the task at once
            yield TriggerEvent({"started": self.started, "silent": str(e)})
            return
        started = {**self.started, "handle": wait.handle.to_json()}  # of whoever holds the claim
        yield TriggerEvent({"started": started, "observation": observation.to_json(), "removed": removed})

    async def on_kill(self) -> None:
        """Airflow calls it when a user fails, clears or deletes the deferred task."""
        wait = await self._opened()
        await asyncio.to_thread(self._cancel, wait)

    async def _until_over(self, wait: Wait) -> Observation:
        deadline = self.started["deadline"]
        answered = time.monotonic()
        for pause in wait.patience.pauses():
            try:
                observation = await asyncio.to_thread(wait.look)
            except TransientError:
                if time.monotonic() - answered > Policy.transient_s:
                    raise
                await asyncio.sleep(pause)
                continue
            answered = time.monotonic()
            left = wait.left(pause, deadline)
            if over(observation) or left <= 0:
                break
            await asyncio.sleep(left)
        await asyncio.to_thread(wait.end)
        return observation if over(observation) else late(observation)

    async def _opened(self) -> Wait:
        if self._wait is None:
            self._wait = await sync_to_async(self._open, thread_sensitive=False)()
        return self._wait

    def _open(self) -> Wait:
        backend = backend_of(self.target)
        started = Started.from_json(self.started)
        if started.handle is None:
            raise ValueError(f"the trigger of {started.attempt} has no job to wait for; clear the task")
        # silence is answered here, where it takes no thread
        patience = Patience(Policy(poll_max_s=self.poll_interval_s, transient_s=0), Clock())
        hooks = Hooks(on_attempt_end=lambda ended: None, on_log=self._log_line, say=self._log_line)
        return waiting(
            attempt=started.attempt,
            handle=started.handle,
            backend=backend,
            objects=deployment.store().objects,
            hooks=hooks,
            patience=patience,
        )

    def _log_line(self, line: str) -> None:
        self.log.info("%s", line)

    def _cancel(self, wait: Wait) -> None:
        end_job(wait.backend, wait.handle, wait.folder, self.grace_s, ended=wait.end)
