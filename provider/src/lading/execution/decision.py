"""What a worker that finds an earlier state has to do: pure, and each choice with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from lading.execution.state import AttemptState, Outcome, Phase

if TYPE_CHECKING:
    from lading.backends.base import JobHandle


class Step(StrEnum):
    LOOK = "look"  # not decidable yet: look for result, job and claim, and decide again
    BEGIN = "begin"  # a new generation
    JOIN = "join"  # wait for the job that is there
    SUBMIT = "submit"  # the open generation again, under the same name
    COLLECT = "collect"  # the result is there


class Previous(StrEnum):
    """What has to be done with the generation before, first."""

    NOTHING = "nothing"  # reported long ago
    CANCEL = "cancel"
    REPORT_LOST = "report lost"
    REPORT_RESULT = "report result"


@dataclass(frozen=True)
class Found:
    """What is left of the open generation. ``job`` is looked for only where there is no result, ``claimed``
    only where there is no job, ``earlier`` only where there is no state."""

    result: Outcome | None = None
    job: JobHandle | None = None
    claimed: bool = False
    earlier: int = 0  # the last generation that the store knows of


@dataclass(frozen=True)
class Decision:
    step: Step
    generation: int
    reason: str
    previous: Previous = Previous.NOTHING
    job: JobHandle | None = None  # for JOIN


def decide(
    state: AttemptState | None, fingerprint: str, *, max_tries: int, found: Found | None = None
) -> Decision:
    """The next step; ``found`` is asked for by ``Step.LOOK``, and only then."""
    if state is None:
        return _without_state(found)
    if state.phase is Phase.FINAL:
        return _after_final(state, fingerprint, max_tries, found)
    return _while_open(state, fingerprint, found)


def _without_state(found: Found | None) -> Decision:
    """A first start, or a run that was deleted and made anew, or a state that expired."""
    if found is None:
        return Decision(Step.LOOK, 0, "generation 0: no state")
    new = found.earlier + 1
    if found.earlier == 0:
        return Decision(Step.BEGIN, new, "generation 1: nothing was started before")
    return Decision(Step.BEGIN, new, f"generation {new}: Airflow forgot the ones before, the store has them")


def _after_final(state: AttemptState, fingerprint: str, max_tries: int, found: Found | None) -> Decision:
    old = f"generation {state.generation}"
    if state.outcome is not Outcome.SUCCEEDED:
        return _begin(state, f"{old} {state.outcome or 'ended'} and the task runs again")
    if state.max_tries != max_tries:
        return _begin(state, f"{old} succeeded and the task was cleared")
    if state.fingerprint != fingerprint:
        return _begin(state, f"{old} succeeded, but code, inputs or resources changed since")
    if found is None:
        return Decision(Step.LOOK, state.generation, f"{old} succeeded")
    if found.result is not Outcome.SUCCEEDED:
        return _begin(state, f"{old} succeeded, but its result is no longer in the store")
    return Decision(
        Step.COLLECT,
        state.generation,
        f"{old} succeeded, but its worker died before Airflow heard of it: its result is taken",
    )


def _while_open(state: AttemptState, fingerprint: str, found: Found | None) -> Decision:
    old = f"generation {state.generation}"
    if state.outcome is Outcome.CANCELLED:
        return _begin(state, f"the cancellation of {old} is carried through first", Previous.CANCEL)
    if state.fingerprint != fingerprint:
        why = f"code, inputs or resources changed since {old}, which is cancelled first"
        return _begin(state, why, Previous.CANCEL)
    if found is None:
        return Decision(Step.LOOK, state.generation, f"{old} is open")
    return _adopt(state, found)


def _adopt(state: AttemptState, found: Found) -> Decision:
    old = f"generation {state.generation}"
    if found.result is Outcome.SUCCEEDED:
        return Decision(Step.COLLECT, state.generation, f"{old} succeeded while no worker watched")
    if found.result is not None:
        return _begin(state, f"{old} {found.result} while no worker watched", Previous.REPORT_RESULT)
    if found.job is not None:
        joined = Decision(Step.JOIN, state.generation, f"{old} has job {found.job.id}: it is joined")
        return replace(joined, job=found.job)
    if found.claimed:
        return _begin(state, f"the job of {old} died without a result", Previous.REPORT_LOST)
    return Decision(Step.SUBMIT, state.generation, f"{old} never reached its backend: submitted again")


def _begin(state: AttemptState, why: str, previous: Previous = Previous.NOTHING) -> Decision:
    new = state.generation + 1
    return Decision(Step.BEGIN, new, f"generation {new}: {why}", previous)
