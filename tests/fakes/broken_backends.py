"""Backends with one fault each, for which the contract has to fail; ``test_contract_catches`` runs them."""

from __future__ import annotations

import subprocess
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import pytest

from lading.backends.base import JobState, Observation
from lading.backends.venv import VenvBackend
from lading.testing import BackendContract
from lading_testkit import failing_at

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any

    from lading.backends.base import JobHandle, JobRequest, Problem, Worker


class Broken(BackendContract):
    kind: type[VenvBackend]
    cache: Path
    patience_s = 3

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def environments(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        Broken.cache = tmp_path_factory.getbasetemp() / "environments"

    def backend(self, worker: Worker) -> VenvBackend:
        made = self.kind(self.cache, worker.log, worker.secrets, store_options=worker.store_options)
        made.worker = worker  # type: ignore[attr-defined]
        return made


class TestDrops(Broken):
    class kind(VenvBackend):
        def validate(self, job: JobRequest) -> list[Problem]:
            return []


class TestLeaks(Broken):
    class kind(VenvBackend):
        def render(self, job: JobRequest) -> Mapping[str, object]:
            return {**super().render(job), "mask": list(self.worker.secrets())}  # type: ignore[attr-defined]


class TestRolls(Broken):
    class kind(VenvBackend):
        def render(self, job: JobRequest) -> Mapping[str, object]:
            return {**super().render(job), "id": str(uuid.uuid4())}


class TestRepeats(Broken):
    class kind(VenvBackend):
        def submit(self, job: JobRequest) -> JobHandle:
            return super().submit(replace(job, name=uuid.uuid4().hex))


class TestForgets(Broken):
    class kind(VenvBackend):
        def find(self, name: str) -> JobHandle | None:
            return None


class TestHopes(Broken):
    class kind(VenvBackend):
        def observe(self, handle: JobHandle) -> Observation:
            seen = super().observe(handle)
            return Observation(JobState.ENDED, 0) if seen.state is JobState.LOST else seen


class TestBlind(Broken):
    class kind(VenvBackend):
        def observe(self, handle: JobHandle) -> Observation:
            return replace(super().observe(handle), exit_code=None)


class TestDeaf(Broken):
    class kind(VenvBackend):
        def cancel(self, handle: JobHandle, grace_s: float) -> None:
            return


class TestTrims(Broken):
    class kind(VenvBackend):
        def submit(self, job: JobRequest) -> JobHandle:
            return super().submit(replace(job, env={name: value.strip() for name, value in job.env.items()}))


class TestMutes(Broken):
    class kind(VenvBackend):
        def observe(self, handle: JobHandle) -> Observation:
            seen = super().observe(handle)
            return replace(seen, exit_code=seen.exit_code and None)


class TestMisquotes(Broken):
    """As in a line for a shell, between double quotes."""

    class kind(VenvBackend):
        def submit(self, job: JobRequest) -> JobHandle:
            argv = ["sh", "-c", f'printf %s "{job.spec_uri}"']
            heard = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
            return super().submit(replace(job, spec_uri=heard))


class TestOverlooks(Broken):
    """Finds what it was told of only."""

    class kind(VenvBackend):
        told: ClassVar[set[str]] = set()

        def submit(self, job: JobRequest) -> JobHandle:
            handle = super().submit(job)
            self.told.add(job.name)
            return handle

        def find(self, name: str) -> JobHandle | None:
            return super().find(name) if name in self.told else None

    def lose_answer(self) -> AbstractContextManager[None]:
        return failing_at("venv.start.after")


class TestTells(Broken):
    class kind(VenvBackend):
        def __init__(self, cache: Path, log: Any, secrets: Any, **more: Any) -> None:
            super().__init__(cache, log, tuple, **more)
