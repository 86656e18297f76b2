"""Jobs as a backend starts them: the runner's zip, a spec in a store, a real process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.code.archive import archive, digest_of
from lading.code.runner_zip import runner_archive
from lading_runner.contract import Attempt, Result, Spec
from lading_runner.store import ArtifactStore, open_object_store

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "attempts/churn/manual__1/train/-1/1"
ATTEMPT = Attempt("churn", "manual__1", "train")


@dataclass
class Job:
    """One attempt whose step is the function ``run`` of ``code``."""

    root: Path
    spec: Spec
    runner: Path

    @property
    def store(self) -> ArtifactStore:
        return ArtifactStore(open_object_store(f"file://{self.root}"))

    @property
    def folder(self) -> Path:
        return self.root / FOLDER

    @property
    def argv(self) -> list[str]:
        return ["-I", "-S", str(self.runner), "--spec", str(self.folder / "spec.json")]

    def start(
        self, python: str = sys.executable, fds: tuple[int, ...] = (), site: bool = False, **env: str
    ) -> subprocess.Popen[bytes]:
        """``site``: what is installed with ``python`` can be imported."""
        argv = [arg for arg in self.argv if arg != "-S" or not site]
        whole = {"PATH": os.environ["PATH"], "HOME": str(self.root), **env}
        return subprocess.Popen(
            [python, *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=whole, pass_fds=fds
        )

    def run(
        self, python: str = sys.executable, fds: tuple[int, ...] = (), site: bool = False, **env: str
    ) -> Ended:
        process = self.start(python, fds, site, **env)
        output, _ = process.communicate(timeout=60)
        return Ended(process.returncode, output.decode(errors="replace"), self.result())

    def result(self) -> Result | None:
        path = self.folder / "result.json"
        return Result.loads(path.read_bytes()) if path.exists() else None

    def log(self) -> str:
        chunks = sorted((self.folder / "log").iterdir())
        return b"".join(chunk.read_bytes() for chunk in chunks).decode()

    def change(self, **fields: Any) -> None:
        """Write another spec."""
        self.spec = self.spec.replace(**fields)
        self.write(self.spec.dumps())

    def write(self, spec: bytes) -> None:
        (self.folder / "spec.json").write_bytes(spec)


@dataclass(frozen=True)
class Ended:
    code: int
    output: str
    result: Result | None

    @property
    def error(self) -> dict[str, Any]:
        assert self.result is not None, self.output
        assert self.result.error is not None
        return dict(self.result.error)


def job(root: Path, code: str, **fields: Any) -> Job:
    zipped = archive({"churn.py": textwrap.dedent(code).encode()})
    store = ArtifactStore(open_object_store(f"file://{root / 'store'}"))
    store.put_bytes(zipped)
    runner = root / "runner.pyz"
    runner.write_bytes(runner_archive()[0])
    spec = Spec(
        attempt=ATTEMPT,
        code={"digest": digest_of(zipped), "entry": "churn:run"},
        store=f"file://{root / 'store'}",
        folder=FOLDER,
        **fields,
    )
    made = Job(root / "store", spec, runner)
    made.folder.mkdir(parents=True)
    made.write(spec.dumps())
    return made
