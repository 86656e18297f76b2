"""How steps end, and what is left of them: each runs once, all of them at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from lading.backends.base import Capability, FailureClass
from lading.backends.local import LocalBackend
from lading.errors import ConfigError, JobLost, LadingError, StepFailed
from lading.resources import Resources
from lading.testing import steps
from lading.testing.bench import LONG, SECRET, Bench, worker_with_secrets
from lading.testing.trial import Trial
from lading_runner.store import ArtifactStore, LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lading_runner.contract import Result


@dataclass
class Run:
    """How one trial went."""

    trial: Trial
    result: Result | None = None
    error: LadingError | None = None

    @property
    def failure(self) -> FailureClass | None:
        return self.trial.ended[-1].verdict.failure

    def value(self) -> Any:
        assert self.result is not None, self.error
        return self.trial.value(self.result)


class RunContract(Bench):
    @pytest.fixture(scope="class")
    @classmethod
    def runs(cls, trials: Callable[..., Trial]) -> dict[str, Run]:
        """Plain runs, at once where the platform is another: by the name of what happens in them."""
        self = cls()
        started = {name: Run(trial) for name, trial in self._plain(trials).items()}
        if Capability.IN_PROCESS in self.capabilities():
            for run in started.values():
                _finish(run)
            return started
        with ThreadPoolExecutor(self.at_once) as pool:
            list(pool.map(_finish, started.values()))
        return started

    def _plain(self, trials: Callable[..., Trial]) -> dict[str, Trial]:
        odd = {"odd": steps.ODD, "lines": steps.LINES}
        env = {"env": steps.ODD} if self.takes_env(trials(steps.one).job()) else {}
        plain = {
            "report": trials(steps.report, params=odd, fields=env),
            "values": trials(steps.several_values, params={"seed": 7}),
            "nothing": trials(steps.nothing),
            "odd address": _at_an_odd_address(trials(steps.one)),
            "long ids": trials(steps.one, task=LONG),
            "raised": trials(steps.raise_lookup_error),
            "exit": trials(steps.call_exit),
            "no code": trials(steps.one, spec={"code": {"digest": "sha256:" + "0" * 64, "entry": "m:f"}}),
        }
        if Capability.IN_PROCESS in self.capabilities():
            return plain
        short = replace(plain["report"].policy, timeout_s=5.0)
        plain |= {
            "left": trials(steps.leave),
            "crash": trials(steps.crash),
            "other python": trials(steps.one, spec={"python": "==3.8.*"}),
            "secret": trials(
                steps.greet, params={"parts": [SECRET[:9], SECRET[9:]]}, lend=worker_with_secrets()
            ),
            "too long": trials(steps.wait, params={"seconds": 600}, fields={"timeout_s": 5.0}, policy=short),
        }
        if Capability.MEMORY in self.capabilities() and not self.has("exhaust_memory"):
            limited = {"resources": Resources(memory="64MiB")}
            plain["memory"] = trials(steps.fill_memory, fields=limited)
        return plain

    # What the job is given

    def test_the_environment_arrives_as_it_is(self, runs: dict[str, Run]) -> None:
        if not runs["report"].trial.request.get("env"):
            pytest.skip("the backend refuses env, so that nothing of it can be lost")
        assert runs["report"].value()["environment"] == steps.ODD

    def test_arguments_arrive_as_they_are(self, runs: dict[str, Run]) -> None:
        assert runs["report"].value()["odd"] == steps.ODD

    def test_the_address_of_the_spec_arrives_as_it_is(self, runs: dict[str, Run]) -> None:
        """On the job's command line, with the quotes, spaces and letters of the store's own name."""
        assert runs["odd address"].value() == 1

    def test_ids_of_200_characters_run(self, runs: dict[str, Run]) -> None:
        assert runs["long ids"].value() == 1

    # What comes of it

    def test_the_log_is_whole_and_in_order(self, runs: dict[str, Run]) -> None:
        assert runs["report"].trial.lines == steps.LINES

    def test_every_digest_is_the_one_of_a_local_run(self, runs: dict[str, Run], tmp_path: Path) -> None:
        here = Trial(
            lambda worker: LocalBackend(worker.run),
            ArtifactStore(LocalStore(f"{tmp_path}/store")),
            steps.several_values,
            params={"seed": 7},
        ).run()
        there = runs["values"].result
        assert there is not None, runs["values"].error
        assert {name: ref.digest for name, ref in there.outputs.items()} == {
            name: ref.digest for name, ref in here.outputs.items()
        }
        assert runs["values"].value()["large"] == ["x" * 1000] * 1000

    def test_what_a_step_returns_is_where_artifacts_lie(self, runs: dict[str, Run]) -> None:
        values, nothing = runs["values"].result, runs["nothing"].result
        assert values is not None, runs["values"].error
        assert nothing is not None, runs["nothing"].error
        assert runs["values"].trial.store.exists(values.outputs["return_value"].digest)
        assert nothing.outputs == {}
        assert runs["nothing"].trial.lines == ["nothing is returned"]

    def test_the_result_says_where_it_ran(self, runs: dict[str, Run]) -> None:
        result = runs["report"].result
        assert result is not None
        major, minor = runs["report"].value()["python"]
        assert result.environment["python"].startswith(f"{major}.{minor}.")
        assert result.environment["platform"]
        assert result.profile["peak_rss_bytes"] > 1 << 20
        assert result.ended >= result.started > ""

    # Classes of failure

    def test_an_exception_is_the_user_s(self, runs: dict[str, Run]) -> None:
        run = runs["raised"]
        assert isinstance(run.error, StepFailed), run.error
        assert str(run.error).startswith("LookupError: no such customer")
        assert run.failure is FailureClass.USER
        result = run.trial.result()
        assert result is not None
        assert "raise LookupError" in str((result.error or {})["traceback"])
        if Capability.DETACHED in self.capabilities():
            assert any("raise LookupError" in line for line in run.trial.lines), run.trial.lines

    def test_an_exit_of_the_step_is_the_user_s(self, runs: dict[str, Run]) -> None:
        assert isinstance(runs["exit"].error, StepFailed), runs["exit"].error
        assert "sys.exit(3)" in str(runs["exit"].error)

    def test_code_that_is_not_there_is_named(self, runs: dict[str, Run]) -> None:
        run = runs["no code"]
        assert run.result is None
        assert "0" * 64 in str(run.error)
        assert run.failure is not FailureClass.USER

    def test_another_python_than_asked_for_is_configuration(self, runs: dict[str, Run]) -> None:
        run = self._detached(runs, "other python")
        assert isinstance(run.error, ConfigError), run.error
        assert "3.8" in str(run.error)
        assert run.failure is FailureClass.CONFIG

    def test_a_crash_of_native_code_is_the_user_s(self, runs: dict[str, Run]) -> None:
        run = self._detached(runs, "crash")
        assert run.result is None
        assert run.failure is FailureClass.USER, run.error
        first = str(run.error).splitlines()[0]
        assert "SIGSEGV: native code" in first
        assert "faulthandler.enable()" in first

    def test_an_end_without_a_result_is_no_success(self, runs: dict[str, Run]) -> None:
        run = self._detached(runs, "left")
        assert isinstance(run.error, JobLost), run.error
        assert run.failure is FailureClass.INFRA
        assert run.trial.read("result.json") is None

    def test_a_job_past_its_time_is_ended(self, runs: dict[str, Run]) -> None:
        run = self._detached(runs, "too long")
        assert isinstance(run.error, JobLost), run.error
        assert run.failure is FailureClass.TIMEOUT

    def test_memory_that_runs_out_is_named(self, runs: dict[str, Run], trials: Callable[..., Trial]) -> None:
        if "memory" in runs:
            assert isinstance(runs["memory"].error, JobLost), runs["memory"].error
            assert runs["memory"].failure is FailureClass.OOM
            return
        self.need("exhaust_memory")
        trial = trials(steps.wait, params={"seconds": 600})
        handle = self.begun(trial)
        self.exhaust_memory(handle)
        assert self.verdict(trial, handle) is FailureClass.OOM

    def test_a_secret_is_masked_in_all_that_a_job_leaves(self, runs: dict[str, Run]) -> None:
        if not self.masks:
            pytest.skip("the backend hands no secret over, and says so by masks = False")
        run = self._detached(runs, "secret")
        assert isinstance(run.error, StepFailed), run.error
        assert "it is ***" in run.trial.lines
        kept = [stat.key for stat in run.trial.store.objects.list(run.trial.key)]
        assert len(kept) >= 3
        assert not [key for key in kept if SECRET.encode() in run.trial.store.objects.read(key)]
        shown = [*run.trial.lines, *run.trial.said, str(run.error), repr(run.trial.ended)]
        assert SECRET not in "\n".join(shown)

    def _detached(self, runs: dict[str, Run], name: str) -> Run:
        self.only_detached()
        return runs[name]


def _at_an_odd_address(trial: Trial) -> Trial:
    """Not percent-encoded, as nobody has to write the URL of a store."""
    trial.request = {**trial.request, "spec_uri": unquote(trial.job().spec_uri)}
    return trial


def _finish(run: Run) -> None:
    try:
        run.result = run.trial.run()
    except LadingError as e:
        run.error = e
