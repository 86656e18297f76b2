"""The backend of docs/backends.md, as somebody else's package: found by its entry point, and proven."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from lading.backends import registry
from lading.config import Target
from lading.testing import BackendContract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lading.backends.base import Backend, JobHandle, Worker

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture(autouse=True, scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """As ``pip install`` leaves it."""
    site = tmp_path_factory.mktemp("site")
    info = site / "acme_ssh-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-ssh\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lading.backends]\nssh = ssh_backend:SshBackend\n")
    shutil.copy(EXAMPLES / "ssh_backend.py", site)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        registry._places.cache_clear()
        yield
    registry._places.cache_clear()
    sys.modules.pop("ssh_backend", None)


def test_it_is_short() -> None:
    lines = (EXAMPLES / "ssh_backend.py").read_text().splitlines()
    assert 50 < len(lines) <= 120


@pytest.mark.slow
class TestSsh(BackendContract):
    """The shell of this machine stands in for that of another: what ssh starts there is the same."""

    required = frozenset({"kill_job", "erase_job", "lose_answer", "silence", "count_jobs"})
    shell: ClassVar[tuple[str, ...]] = ("sh", "-c")
    folder: Path
    python: Path  # notes each of its starts

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def machine(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        cls.folder = tmp_path_factory.mktemp("jobs")
        cls.python = tmp_path_factory.mktemp("bin") / "python"
        starts = shlex.quote(f"{cls.python}.starts")
        cls.python.write_text(f'#!/bin/sh\necho "$NAME" >> {starts}\nexec {sys.executable} "$@"\n')
        cls.python.chmod(0o700)

    def backend(self, worker: Worker) -> Backend:
        extra = {"folder": str(self.folder), "interpreter": str(self.python)}
        made: Any = registry.get("ssh").configured(Target("ssh", "ssh", extra=extra), worker)
        made._shell = self.shell
        return made

    def kill_job(self, handle: JobHandle) -> None:
        os.killpg(int((self.folder / handle.name / "pid").read_text()), signal.SIGKILL)

    def erase_job(self, handle: JobHandle) -> None:
        self.kill_job(handle)
        shutil.rmtree(self.folder / handle.name)

    @contextmanager
    def lose_answer(self) -> Iterator[None]:
        """The connection breaks when all is done."""
        with self._shell('sh -c "$0"; exit 255'):
            yield

    @contextmanager
    def silence(self) -> Iterator[None]:
        with self._shell("exit 255"):
            yield

    def count_jobs(self, name: str) -> int:
        return Path(f"{self.python}.starts").read_text().splitlines().count(name)

    @contextmanager
    def _shell(self, program: str) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(self), "shell", ("sh", "-c", program))
            yield
