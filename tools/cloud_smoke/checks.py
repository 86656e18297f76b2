"""The six checks. Each gives what was seen, and raises ``Differs`` with it where that is not as expected."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cloud_smoke import steps
from tools.cloud_smoke.dag import Planned

from lading.backends.base import FailureClass, JobHandle, JobState
from lading.backends.local import LocalBackend
from lading.errors import LadingError
from lading.execution import Outcome, Phase
from lading.execution.open_jobs import open_job_key
from lading.testing import Trial
from lading_runner.errors import DuplicateAttempt
from lading_runner.store import ArtifactStore, LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tools.cloud_smoke.desk import Desk

    from lading.backends.base import Observation
    from lading.lineage.event import LineageEvent

ROOT = Path(__file__).resolve().parents[2]
#: Backends whose platform knows a token: there one name is one job, always.
TOKENS = frozenset({"databricks"})


class Differs(LadingError):
    """What was seen is not what was expected."""


@dataclass(frozen=True)
class Check:
    name: str
    expected: str
    run: Callable[[Desk], str]


def success(desk: Desk) -> str:
    """Of a small DAG: Airflow's part of a step, its trigger too, and the value taken by another task."""
    planned = Planned(desk.check)
    trial = desk.trial(steps.answer, run_id=planned.run_id, run=desk.run)
    desk.litter.append(open_job_key(trial.task))  # of a DAG that was ended
    said = planned.run(desk)
    events = planned.events(desk)
    desk.litter += [event.key() for event in events]
    for event in events:
        if event.job:
            desk.link(event.job["id"], event.job.get("url"))
    if left := trial.backend().find(trial.name):
        desk.note(left)
    if [event.status for event in events] != ["succeeded"] * 2:
        raise Differs(_why(events, said))
    result = trial.result()
    assert result is not None  # noqa: S101  # of a success
    with tempfile.TemporaryDirectory() as folder:
        store = ArtifactStore(LocalStore(folder))
        local = Trial(lambda worker: LocalBackend(worker.run), store, steps.answer, trial.params).run()
    there, here = (one.outputs["return_value"].digest for one in (result, local))
    if there != here:
        raise Differs(f"the artifact is {there}, made here it is {here}")
    if "hello from the job ü 🚢" not in said:
        raise Differs("the value came, the log did not")
    return f"DAG succeeded, same digest as here, Python {result.environment['python']}"


def _why(events: Sequence[LineageEvent], said: str) -> str:
    """The DAG did not succeed."""
    errors = [event.error["message"] for event in events if event.error]
    return str(errors[0]) if errors else f"no task ended; last lines: {' | '.join(said.splitlines()[-3:])}"


def user_error(desk: Desk) -> str:
    error = f"no such customer in {desk.run}"
    seen, failure = _failure(desk.trial(steps.fail, text=error))
    if failure is not FailureClass.USER or f"LookupError: {error}" not in seen:
        raise Differs(seen)
    return seen


def out_of_memory(desk: Desk) -> str:
    seen, failure = _failure(desk.trial(steps.fill_memory, most_mib=desk.pace.most_mib))
    if failure is None:
        raise Differs(f"{desk.pace.most_mib} MiB were filled and nothing ended it; take a smaller machine")
    if failure is not FailureClass.OOM:
        raise Differs(seen)
    return seen


def cancel(desk: Desk) -> str:
    trial = desk.trial(steps.wait, seconds=desk.limit_s)
    worker = trial.worker()
    handle = worker.start().handle
    desk.until(lambda: trial.read("claim"), "the job to cancel did not begin")
    worker.cancel()
    if handle is None or not trial.ended:
        raise Differs("the cancelled attempt was not reported")
    desk.until(lambda: trial.over(handle), "the cancelled job did not end")
    job, result, outcome = trial.observe(handle), trial.result(), trial.ended[-1].verdict.outcome
    seen = f"attempt {outcome}, {_told(job)}"
    if outcome is not Outcome.CANCELLED or job.exit_code == 0 or (result and result.status == "succeeded"):
        raise Differs(seen)
    return seen


def adopt_after_kill(desk: Desk) -> str:
    """The worker is a process of its own, and gets SIGKILL once its job has begun."""
    trial = desk.trial(steps.wait, seconds=desk.pace.step_s)
    first = _killed_worker(desk, trial)
    result = trial.run()
    value, ends = trial.value(result), [(end.attempt.generation, end.handle) for end in trial.ended]
    ids = [(generation, handle.id if handle else None) for generation, handle in ends]
    if value != "done" or ids != [(1, first.id)]:
        raise Differs(f"job {first.id} was there, but the next worker ended with {ids} and {value!r}")
    return f"the next worker joined job {first.id} and took its result"


def duplicate_submission(desk: Desk) -> str:
    trial = desk.trial(steps.answer, run=desk.run)
    made: dict[str, JobHandle] = {}
    for _ in range(2):  # two workers, of which neither knows what the other did
        handle = trial.submit()
        made[handle.id] = handle
        desk.note(handle)
    for handle in made.values():
        desk.until(lambda handle=handle: trial.over(handle), "the jobs did not end")
    seen = {number: trial.observe(handle) for number, handle in made.items()}
    codes = [job.exit_code for job in seen.values()]
    if codes == [0]:
        return "one job, which succeeded"
    told = f"{len(made)} jobs of one name: {'; '.join(_told(job) for job in seen.values())}"
    if len(made) == 1 or desk.place.target.backend in TOKENS or set(codes) != {0, DuplicateAttempt.exit_code}:
        raise Differs(told)
    return f"{told}: one worked, the other stood back"


def duplicate_expected(backend: str) -> str:
    return "one job" if backend in TOKENS else "one job, or a second that stands back (exit code 86)"


CHECKS = (
    Check("success", "a DAG whose value has the digest it has here", success),
    Check("user error", "class user, with the step's own error", user_error),
    Check("out of memory", "class oom", out_of_memory),
    Check("cancel", "attempt cancelled, job ended", cancel),
    Check("adopt after kill", "the next worker joins the job", adopt_after_kill),
    Check("duplicate submission", "one effect", duplicate_submission),
)


def _failure(trial: Trial) -> tuple[str, FailureClass | None]:
    """What is seen of a run that should fail, and its class; None: it did not fail."""
    try:
        trial.run()
    except LadingError as e:
        failure = trial.ended[-1].verdict.failure if trial.ended else None
        if failure is None:
            raise
        return f"{failure}: {e}", failure
    return "it succeeded", None


def _told(job: Observation) -> str:
    if job.state is JobState.LOST:
        return "the job is gone"
    code = "" if job.exit_code is None else f" with exit code {job.exit_code}"
    return f"the job {job.state}{code}" + (f" ({job.failure})" if job.failure else "")


def _killed_worker(desk: Desk, trial: Trial) -> JobHandle:
    """The job that it left behind."""
    given = {
        "target": desk.place.target.name,
        "run": desk.run,
        "folder": str(desk.folder),
        "pace": asdict(desk.pace),
        "limit_s": desk.left_s,
    }
    said = desk.folder / f"{desk.place.target.name}-worker.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tools.cloud_smoke.worker", json.dumps(given)],
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    try:
        desk.until(lambda: process.poll() is not None or _begun(trial), "the worker's job did not begin")
    finally:
        process.kill()
        code = process.wait()
    state = trial.state.load()
    if code != -signal.SIGKILL or state is None or state.handle is None:
        last = (said.read_text(errors="replace").strip().splitlines() or ["nothing"])[-1]
        raise Differs(f"the worker ended by itself with {code} before it was killed; it said: {last}")
    handle = JobHandle.from_json(state.handle)
    desk.note(handle)
    desk.say("its worker was killed while the job ran")
    return handle


def _begun(trial: Trial) -> bool:
    state = trial.state.load()
    return state is not None and state.phase is Phase.SUBMITTED and trial.read("claim") is not None
