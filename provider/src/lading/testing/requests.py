"""What a backend says offline, before anything is submitted."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lading.backends import registry
from lading.backends.base import Capability, Worker
from lading.resources import GPU, Resources
from lading.testing import steps
from lading.testing.bench import LONG, RESOURCES, SECRET, Bench, worker_with_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lading.backends.base import JobRequest
    from lading.testing.trial import Trial

#: Fields of a request beside its resources, with a value that every backend must use or refuse.
FIELDS: dict[str, Any] = {
    "image": "registry.example/other:1",
    "requirements": ("six==1.17.0",),
    "env": {"NAME_OF_THE_TEST": "value"},
}


class RequestContract(Bench):
    @pytest.fixture
    def trial(self, trials: Callable[..., Trial]) -> Trial:
        return trials(steps.one)

    @pytest.fixture
    def job(self, trial: Trial) -> JobRequest:
        return trial.job()

    # Who it is

    def test_it_is_found_by_its_name(self) -> None:
        backend = self.backend(Worker())
        assert registry.get(backend.name) is type(backend), "register it in the group lading.backends"

    def test_it_says_what_it_can_do(self) -> None:
        backend = self.backend(Worker())
        assert backend.capabilities <= frozenset(Capability)
        assert isinstance(backend.target_keys, frozenset)
        where = {Capability.DETACHED, Capability.IN_PROCESS} & backend.capabilities
        assert len(where) == 1, "a job either outlives its worker, or is the worker's own process"
        if Capability.DEFERRABLE in backend.capabilities:
            assert Capability.DETACHED in backend.capabilities

    def test_nothing_is_asked_of_the_platform_while_a_dag_is_parsed(
        self, job: JobRequest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(*_: object) -> None:
            raise AssertionError("a connection was opened while the DAG is parsed")

        monkeypatch.setattr(socket.socket, "connect", refused)
        monkeypatch.setattr(socket, "getaddrinfo", refused)
        backend = self.backend(Worker())
        assert backend.validate(job) == []
        assert backend.render(job)
        assert backend.store_view(job.store_root).root

    # What it refuses

    def test_a_plain_step_has_no_problem(self, job: JobRequest) -> None:
        assert self.backend(Worker()).validate(job) == []

    @pytest.mark.parametrize("resource", RESOURCES)
    def test_a_resource_changes_the_request_or_is_refused(self, job: JobRequest, resource: str) -> None:
        """It is never dropped."""
        asked = replace(job, resources=self.resources[resource])
        self._honoured_or_refused(job, asked, f"resources.{resource}", Capability(resource))

    @pytest.mark.parametrize("field", FIELDS)
    def test_a_field_changes_the_request_or_is_refused(self, job: JobRequest, field: str) -> None:
        known = Capability(field) if field in list(Capability) else None
        self._honoured_or_refused(job, replace(job, **{field: FIELDS[field]}), field, known)

    def test_a_time_limit_is_kept_by_the_platform_or_by_lading(self, job: JobRequest) -> None:
        assert self.backend(Worker()).validate(replace(job, timeout_s=3600.5)) == []

    def test_an_unknown_option_is_refused(self, job: JobRequest) -> None:
        found = self.backend(Worker()).validate(replace(job, options={"no_such_option": 1}))
        assert [problem for problem in found if "no_such_option" in f"{problem.field} {problem.message}"] or [
            problem for problem in found if problem.field == "options"
        ]

    def test_a_problem_says_what_and_what_to_do(self, job: JobRequest) -> None:
        every = Resources(
            cpu=1e6, memory="1TiB", gpu=GPU("no-such-gpu", 7), disk="1TiB", shm="1TiB", spot=True
        )
        problems = self.backend(Worker()).validate(
            replace(job, resources=every, options={"no_such_option": 1})
        )
        assert problems
        for problem in problems:
            assert problem.field
            assert problem.message.strip()
            assert problem.cure.strip()

    def test_validate_is_pure(self, job: JobRequest) -> None:
        asked = replace(job, resources=Resources(gpu=GPU("no-such-gpu")), options={"no_such_option": 1})
        backend = self.backend(Worker())
        assert backend.validate(asked) == backend.validate(asked) == self.backend(Worker()).validate(asked)

    # What it asks for

    def test_the_request_is_json_and_the_same_each_time(self, job: JobRequest) -> None:
        env = dict(steps.ODD) if self.takes_env(job) else {}
        asked = replace(job, env=env)
        turned = replace(job, env=_turned(env), labels=_turned(job.labels))
        rendered = [json.dumps(self.backend(Worker()).render(one), sort_keys=True) for one in (asked, turned)]
        assert rendered[0] == rendered[1]

    def test_the_request_of_another_generation_is_another(self, trial: Trial) -> None:
        backend = self.backend(Worker())
        first, second = (trial.job(trial.task.replace(generation=number)) for number in (1, 2))
        assert backend.render(first) != backend.render(second)

    def test_the_request_names_the_spec_and_the_job(self, job: JobRequest) -> None:
        rendered = json.dumps(self.backend(Worker()).render(job), ensure_ascii=False)
        assert job.name in rendered
        assert json.dumps(job.spec_uri, ensure_ascii=False)[1:-1] in rendered

    def test_no_secret_is_in_the_request(self, job: JobRequest) -> None:
        assert SECRET not in json.dumps(self.backend(worker_with_secrets()).render(job))

    @pytest.mark.parametrize("generation", [1, 999])
    def test_ids_of_200_characters_are_taken(self, trials: Callable[..., Trial], generation: int) -> None:
        trial = trials(steps.one, task=LONG.replace(generation=generation))
        backend = self.backend(Worker())
        assert backend.validate(trial.job()) == []
        assert json.dumps(backend.render(trial.job()))

    def test_the_job_sees_the_store_at_one_place(self, job: JobRequest) -> None:
        seen = [self.backend(Worker()).store_view(job.store_root) for _ in range(2)]
        assert seen[0] == seen[1]
        assert job.spec_uri.startswith(seen[0].root)

    def _honoured_or_refused(
        self, plain: JobRequest, asked: JobRequest, field: str, capability: Capability | None
    ) -> None:
        backend = self.backend(Worker())
        problems = backend.validate(asked)
        if problems:
            assert [problem for problem in problems if problem.field.startswith(field)], problems
            return
        assert capability is None or capability in backend.capabilities, f"{field} is no capability of it"
        assert backend.render(asked) != backend.render(plain), f"{field} is dropped"


def _turned(mapping: Mapping[str, str]) -> dict[str, str]:
    """The same in the other order."""
    return dict(reversed(list(mapping.items())))
