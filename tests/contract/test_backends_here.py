"""Backends whose jobs are processes of this machine pass the contract of all backends."""

from __future__ import annotations

import json
import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from counted import counting_runner, starts
from lading.backends.local import LocalBackend
from lading.backends.venv import VenvBackend
from lading.config import Target
from lading.testing import BackendContract
from lading_testkit import failing_at
from supervised import until

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from lading.backends.base import JobHandle, Worker


class TestLocal(BackendContract):
    def backend(self, worker: Worker) -> LocalBackend:
        return LocalBackend.configured(Target("local", "local"), worker)


class TestVenv(BackendContract):
    required = frozenset({"kill_job", "erase_job", "exhaust_memory", "lose_answer", "count_jobs"})
    cache: Path

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def environments(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        cls.cache = tmp_path_factory.mktemp("environments")

    def backend(self, worker: Worker) -> VenvBackend:
        runner = counting_runner(self.cache / "starts")
        return VenvBackend(self.cache, worker.log, worker.secrets, runner, store_options=worker.store_options)

    def kill_job(self, handle: JobHandle) -> None:
        os.kill(handle.extra["pid"], signal.SIGKILL)

    def erase_job(self, handle: JobHandle) -> None:
        shutil.rmtree(self._killed(handle))

    def exhaust_memory(self, handle: JobHandle) -> None:
        """A kill that the control group counts, which no test may have the kernel do on its own machine."""
        record = self._killed(handle) / "exit.json"
        record.write_text(json.dumps(json.loads(record.read_text()) | {"oom_kills": 1}))

    def lose_answer(self) -> AbstractContextManager[None]:
        return failing_at("venv.start.after")

    def count_jobs(self, name: str) -> int:
        return starts(self.cache / "starts", name)

    def _killed(self, handle: JobHandle) -> Path:
        """The folder of the job, whose launcher has noted its end."""
        self.kill_job(handle)
        folder = self.cache / "jobs" / handle.name
        until((folder / "exit.json").exists, "the end of the job was not noted")
        return folder
