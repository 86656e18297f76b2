"""The process of a job: claim, run, commit. ``python runner.pyz --spec <URL or path of spec.json>``."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence

from lading_runner.contract import Result, Spec
from lading_runner.errors import ContractError, DuplicateAttempt, RunnerError
from lading_runner.failpoints import failpoint
from lading_runner.handover import handed_over
from lading_runner.interrupts import Interrupted, Interrupts
from lading_runner.masks import Masker

if TYPE_CHECKING:
    from lading_runner.invoke import Outcome
    from lading_runner.store import ArtifactStore, ObjectStore

USAGE = "usage: python runner.pyz --spec <URL or path of spec.json>   (or LADING_SPEC=<URL or path>)"


def main(argv: Sequence[str]) -> int:
    """Exit code, see ``lading_runner.errors``."""
    given = handed_over()
    masker = Masker(given.secrets)
    try:
        if os.environ.get("LADING_PACKAGES"):
            from lading_runner.packages import use_packages

            use_packages(os.environ["LADING_PACKAGES"])
        return _run(_address(argv), given.store_options, masker)
    except (RunnerError, Interrupted) as e:
        _say(masker.text(str(e)))
        return e.exit_code


def _address(argv: Sequence[str]) -> str:
    given: Optional[str] = os.environ.get("LADING_SPEC")
    if len(argv) == 2 and argv[0] == "--spec":
        given = argv[1]
    elif argv:
        raise ContractError(f"arguments {list(argv)!r} are not understood; {USAGE}")
    if not given:
        raise ContractError(f"no spec was named; {USAGE}")
    return given


def _run(address: str, store_options: Mapping[str, Any], masker: Masker) -> int:
    spec = _read_spec(address, store_options)
    if spec.python:
        from lading_runner.python_version import check_python

        check_python(spec.python)
    store = _open_store(spec, store_options)
    interrupts = Interrupts(spec.deadline)
    restarted = _claim(store.objects, spec.folder)
    return _Job(spec, store, masker, interrupts).run(restarted)


def _open_store(spec: Spec, options: Mapping[str, Any]) -> ArtifactStore:
    from lading_runner.store import ArtifactStore, LocalStore, open_object_store

    objects = open_object_store(spec.store, options)
    if spec.outbox and isinstance(objects, LocalStore):
        from lading_runner.store.outbox import Outbox

        objects = Outbox(objects, spec.folder)
    return ArtifactStore(objects)


def _read_spec(address: str, options: Mapping[str, Any]) -> Spec:
    from lading_runner.store import open_object_store

    url = address if "://" in address else str(Path(address).absolute())
    folder, _, name = url.rpartition("/")
    try:
        raw = open_object_store(folder, options).read(name)
    except KeyError as e:
        raise ContractError(
            f"there is no spec at {address!r}, expected what the worker wrote; "
            f"check that the job sees the store under the target's store="
        ) from e
    return Spec.loads(raw)


def job_id() -> str:
    """The platform's own id of this job: ``LADING_JOB_ID``, else ``host:pid:start`` of this process."""
    import socket

    given = os.environ.get("LADING_JOB_ID")
    return given or f"{socket.gethostname()}:{os.getpid()}:{_start_ticks()}"


def _start_ticks() -> str:
    try:
        return Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()[19].decode()
    except FileNotFoundError:  # macOS
        return "0"


def _claim(objects: ObjectStore, folder: str) -> bool:
    """Whether this job had the claim already, in a process that was restarted.

    :raises DuplicateAttempt: another job has it
    """
    key, own = f"{folder}/claim", job_id()
    failpoint("runner.claim.before")
    won = objects.create(key, own.encode())
    failpoint("runner.claim.after")
    if won:
        return False
    holder = objects.read(key).decode()
    if holder != own:
        raise DuplicateAttempt(f"attempt {folder} belongs to job {holder}, this is {own}; nothing was done")
    return True


class _Job:
    def __init__(self, spec: Spec, store: ArtifactStore, masker: Masker, interrupts: Interrupts) -> None:
        from lading_runner.logs import LogTee

        self._spec = spec
        self._store = store
        self._masker = masker
        self._interrupts = interrupts
        self._log = LogTee(store.objects, spec.folder, masker)
        self._commit_lock = threading.Lock()

    def run(self, restarted: bool) -> int:
        from lading_runner.invoke import exit_code

        outcome = self._outcome(restarted)
        error = outcome.result.error
        if error is not None:
            _say(str(error["traceback"] or error["message"]))
        self._log.stop()
        self._commit(outcome.result)
        return exit_code(outcome.exception)

    def _outcome(self, restarted: bool) -> Outcome:
        from lading_runner.invoke import Outcome, execute

        try:
            self._log.start(restarted)
            self._interrupts.watch(self._force)
            outcome = execute(self._spec, self._store, masker=self._masker)
            self._interrupts.settle()
        except Interrupted as e:  # between the lines of ours
            self._interrupts.settle()
            outcome = Outcome(self._interrupted(e), exception=e)
        return outcome

    def _interrupted(self, cause: Interrupted) -> Result:
        from lading_runner.profile import utc_now

        error = {"type": "Interrupted", "message": str(cause), "traceback": "", "class": cause.failure}
        status = "cancelled" if cause.failure == "cancelled" else "failed"
        return Result(self._spec.attempt, status, started=utc_now(), ended=utc_now(), error=error)

    def _force(self, cause: Interrupted) -> None:
        """The step holds out against its interrupt: commit without it and leave."""
        self._commit(self._interrupted(cause))
        self._log.stop(1.0)
        os._exit(cause.exit_code)

    def _commit(self, result: Result) -> None:
        """Only the first result counts."""
        with self._commit_lock:
            failpoint("runner.result.before")
            self._store.objects.create(f"{self._spec.folder}/result.json", result.dumps())
            failpoint("runner.result.after")


def _say(text: str) -> None:
    """To stderr, also when the step replaced or closed ``sys.stderr``."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os.write(2, text.rstrip("\n").encode(errors="backslashreplace") + b"\n")
