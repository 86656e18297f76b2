"""Steps in the task process: what they may ask, what they cost, and whose process is whose."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fakes.attempts import TASK, Desk, FileState, request_for, write_result
from lading.backends.base import JobHandle, JobRequest, JobState
from lading.backends.local import LocalBackend, alive, this_process
from lading.errors import ConfigError, JobCancelled
from lading.execution import Outcome, Phase, Policy, attempt_folder, job_name
from lading.resources import GPU, Resources

if TYPE_CHECKING:
    from collections.abc import Iterator

JOB = request_for(TASK)
HELPER = "import sys; sys.path[:0] = sys.argv[1:2]; from lading.backends.local import this_process\n"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def other() -> Iterator[subprocess.Popen[str]]:
    """Another process, whose first line is its name."""
    source = str(Path(__file__).parents[2] / "provider/src")
    code = HELPER + "print(this_process(), flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", code, source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield child
    child.kill()
    child.communicate()


def name_of(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def runs(desk: Desk, effects: list[str], status: str = "succeeded") -> LocalBackend:
    def run(job: JobRequest) -> int:
        if not desk.objects.create(f"{job.folder}/claim", this_process().encode()):
            return 86
        effects.append(job.name)
        write_result(desk.objects, job, status)
        return 0

    return LocalBackend(run)


def test_a_step_in_place_costs_four_round_trips_and_no_search(desk: Desk) -> None:
    effects: list[str] = []
    state = FileState(desk.folder / "state.json")
    desk.worker(backend=runs(desk, effects), state=state).run()
    assert Counter(state.calls) == {"load": 2, "save": 2}
    assert effects == [job_name(TASK)]
    assert desk.time.slept == []


def test_a_step_whose_process_died_before_it_began_keeps_its_generation(desk: Desk) -> None:
    desk.put_state()
    effects: list[str] = []
    desk.worker(backend=runs(desk, effects)).run()
    assert effects == [job_name(TASK)]


def test_a_step_whose_process_died_in_it_begins_a_new_generation(
    desk: Desk, other: subprocess.Popen[str]
) -> None:
    claim = name_of(other)
    other.kill()  # and not reaped yet: a zombie is dead
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    desk.put_state()
    desk.objects.create(f"{attempt_folder(TASK)}/claim", claim.encode())
    effects: list[str] = []
    desk.worker(backend=runs(desk, effects), policy=Policy(infra_retries=0)).run()
    assert [(e.attempt.generation, e.verdict.outcome) for e in desk.ends] == [(1, "failed"), (2, "succeeded")]
    assert effects == [job_name(TASK.replace(generation=2))]


def test_a_step_that_another_process_still_runs_is_waited_for(
    desk: Desk, other: subprocess.Popen[str]
) -> None:
    desk.put_state()
    desk.objects.create(f"{attempt_folder(TASK)}/claim", name_of(other).encode())
    desk.objects.create(f"{attempt_folder(TASK)}/spec.json", b"")
    effects: list[str] = []
    worker = desk.worker(backend=runs(desk, effects))
    started = worker.start()
    assert started.handle is not None
    assert started.handle.id.split(":")[1] == str(other.pid)
    beats: list[int] = []

    def heartbeat() -> None:
        beats.append(1)
        if len(beats) == 3:
            other.communicate()  # it ends, and is gone

    worker._hooks = replace(worker._hooks, heartbeat=heartbeat)
    assert worker.wait(started).observation.state is JobState.LOST
    assert effects == []


def test_a_step_killed_in_place_is_no_success(desk: Desk) -> None:
    def run(job: JobRequest) -> int:
        desk.objects.create(f"{job.folder}/claim", this_process().encode())
        worker.cancel()  # from the handler of SIGTERM
        write_result(desk.objects, job, "succeeded")
        return 0

    worker = desk.worker(backend=LocalBackend(run))
    with pytest.raises(JobCancelled):
        worker.run()
    assert desk.state is not None
    assert (desk.state.phase, desk.state.outcome) == (Phase.FINAL, Outcome.CANCELLED)


def test_a_submission_asked_twice_runs_once(desk: Desk) -> None:
    calls: list[JobRequest] = []
    backend = LocalBackend(lambda job: calls.append(job) or 3)
    first, second = backend.submit(JOB), backend.submit(JOB)
    assert first == second == backend.find(JOB.name)
    assert len(calls) == 1
    assert backend.observe(first).exit_code == 3
    assert backend.find("another") is None
    assert list(backend.logs(first, None)) == []


def test_a_backend_without_a_run_function_says_where_it_comes_from() -> None:
    with pytest.raises(ConfigError, match=r"'train'.*StepOperator"):
        LocalBackend().submit(JOB)


@pytest.mark.parametrize(("field", "asked"), [
    ("resources.cpu", {"resources": Resources(cpu=2)}),
    ("resources.memory", {"resources": Resources(memory="4GiB")}),
    ("resources.gpu", {"resources": Resources(gpu=GPU())}),
    ("resources.spot", {"resources": Resources(spot=True)}),
    ("image", {"image": "python:3.12"}),
    ("requirements", {"requirements": ["x"]}),
    ("env", {"env": {"A": "1"}}),
    ("options", {"options": {"x": 1}}),
    ("python", {"python": "2.7"}),
])  # fmt: skip
def test_what_a_task_process_cannot_give_is_refused_by_name(field: str, asked: dict[str, Any]) -> None:
    [problem] = LocalBackend().validate(replace(JOB, **asked))
    assert problem.field == field
    assert "'train'" in problem.message
    assert "'local'" in problem.message
    assert field in problem.message
    assert "on=" in problem.cure


def test_what_a_task_process_has_is_accepted() -> None:
    major, minor, _ = platform.python_version_tuple()
    job = replace(JOB, python=f"{major}.{minor}", timeout_s=5)
    assert LocalBackend().validate(job) == []
    assert LocalBackend().render(job)["name"] == JOB.name


@pytest.mark.parametrize(
    "process", ["", "host", "elsewhere:1:2", "{host}:x:1", "{host}:{pid}:", "{host}:{pid}:1"]
)
def test_a_process_that_is_not_known_for_certain_is_dead(process: str) -> None:
    name = process.format(host=platform.node(), pid=os.getpid())
    assert not alive(name)
    assert LocalBackend().observe(JobHandle("local", name, "n")).state is JobState.LOST


def test_this_process_lives_but_is_never_a_job_to_wait_for() -> None:
    assert alive(this_process())
    assert LocalBackend().observe(JobHandle("local", this_process(), "n")).state is JobState.LOST
    LocalBackend().cancel(JobHandle("local", this_process(), "n"), 0)  # not itself


def test_another_task_process_is_ended_when_its_job_is_cancelled(other: subprocess.Popen[str]) -> None:
    handle = JobHandle("local", name_of(other), "n")
    assert LocalBackend().observe(handle).state is JobState.RUNNING
    LocalBackend().cancel(handle, 10)
    assert other.wait() == -signal.SIGTERM
    LocalBackend().cancel(handle, 10)  # again: nothing left


def test_a_task_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    source = str(Path(__file__).parents[2] / "provider/src")
    code = HELPER + (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(this_process(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        LocalBackend().cancel(JobHandle("local", name_of(child), "n"), 0.1)
        assert child.wait() == -signal.SIGKILL
