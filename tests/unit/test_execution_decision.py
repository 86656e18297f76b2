"""What a worker does with the state it finds: the whole table."""

from __future__ import annotations

import itertools

import pytest

from lading.backends.base import JobHandle
from lading.execution.decision import Found, Previous, Step, decide
from lading.execution.state import AttemptState, Outcome, Phase

JOB = JobHandle("fake", "id", "name")
SAME, OTHER = "same", "other"


def state(phase: Phase, outcome: Outcome | None = None) -> AttemptState:
    return AttemptState(3, phase, SAME, outcome=outcome, max_tries=2)


FINAL = [
    (Outcome.SUCCEEDED, 2, SAME, Found(Outcome.SUCCEEDED), Step.COLLECT, 3),  # the worker died after it
    (Outcome.SUCCEEDED, 2, SAME, Found(), Step.BEGIN, 4),  # its result was deleted
    (Outcome.SUCCEEDED, 2, SAME, Found(Outcome.FAILED), Step.BEGIN, 4),
    (Outcome.SUCCEEDED, 2, SAME, None, Step.LOOK, 3),
    (Outcome.SUCCEEDED, 2, OTHER, None, Step.BEGIN, 4),
    (Outcome.SUCCEEDED, 5, SAME, None, Step.BEGIN, 4),  # cleared
    (Outcome.FAILED, 2, SAME, None, Step.BEGIN, 4),  # the task's own retry
    (Outcome.FAILED, 5, SAME, None, Step.BEGIN, 4),
    (Outcome.CANCELLED, 2, SAME, None, Step.BEGIN, 4),
    (Outcome.CANCELLED, 5, OTHER, None, Step.BEGIN, 4),
    (None, 2, SAME, None, Step.BEGIN, 4),
]

OPEN = [
    (None, SAME, None, Step.LOOK, 3, Previous.NOTHING),
    (None, SAME, Found(Outcome.SUCCEEDED), Step.COLLECT, 3, Previous.NOTHING),
    (None, SAME, Found(Outcome.FAILED), Step.BEGIN, 4, Previous.REPORT_RESULT),
    (None, SAME, Found(Outcome.CANCELLED), Step.BEGIN, 4, Previous.REPORT_RESULT),
    (None, SAME, Found(job=JOB), Step.JOIN, 3, Previous.NOTHING),
    (None, SAME, Found(claimed=True), Step.BEGIN, 4, Previous.REPORT_LOST),
    (None, SAME, Found(), Step.SUBMIT, 3, Previous.NOTHING),
    (None, OTHER, None, Step.BEGIN, 4, Previous.CANCEL),
    (Outcome.CANCELLED, SAME, None, Step.BEGIN, 4, Previous.CANCEL),
]


def test_a_task_without_state_begins_generation_one() -> None:
    assert decide(None, SAME, max_tries=0).step is Step.LOOK
    decision = decide(None, SAME, max_tries=0, found=Found())
    assert (decision.step, decision.generation, decision.previous) == (Step.BEGIN, 1, Previous.NOTHING)


def test_a_task_whose_state_is_gone_never_enters_an_old_generation_again() -> None:
    decision = decide(None, SAME, max_tries=0, found=Found(earlier=11))
    assert (decision.step, decision.generation) == (Step.BEGIN, 12)


@pytest.mark.parametrize(("outcome", "max_tries", "fingerprint", "found", "step", "generation"), FINAL)
def test_after_a_final_generation(
    outcome: Outcome | None,
    max_tries: int,
    fingerprint: str,
    found: Found | None,
    step: Step,
    generation: int,
) -> None:
    decision = decide(state(Phase.FINAL, outcome), fingerprint, max_tries=max_tries, found=found)
    assert (decision.step, decision.generation) == (step, generation)
    assert decision.previous is Previous.NOTHING


@pytest.mark.parametrize("phase", [Phase.SUBMITTING, Phase.SUBMITTED])
@pytest.mark.parametrize(("outcome", "fingerprint", "found", "step", "generation", "previous"), OPEN)
def test_with_an_open_generation(
    phase: Phase,
    outcome: Outcome | None,
    fingerprint: str,
    found: Found | None,
    step: Step,
    generation: int,
    previous: Previous,
) -> None:
    decision = decide(state(phase, outcome), fingerprint, max_tries=9, found=found)
    assert (decision.step, decision.generation, decision.previous) == (step, generation, previous)
    assert decision.job == (found.job if found and step is Step.JOIN else None)


def test_every_decision_names_its_generation_and_says_why() -> None:
    tries = itertools.product(
        Phase, [*Outcome, None], [SAME, OTHER], [2, 3], [None, Found(), Found(claimed=True)]
    )
    reasons = {
        decide(state(phase, outcome), fingerprint, max_tries=n, found=found).reason
        for phase, outcome, fingerprint, n, found in tries
    }
    assert all("generation 3" in reason or "generation 4" in reason for reason in reasons)
    assert len(reasons) >= 9


def test_no_state_ever_goes_back_a_generation() -> None:
    for phase, outcome, found in itertools.product(Phase, [*Outcome, None], [None, Found(), Found(job=JOB)]):
        assert decide(state(phase, outcome), SAME, max_tries=2, found=found).generation in (3, 4)
