"""One call of a step's function: inputs in, value out, and a result that says what happened."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from lading_runner import api, staging
from lading_runner.contract import Result
from lading_runner.errors import RunnerError, Terminated
from lading_runner.failpoints import failpoint
from lading_runner.frozen import Frozen
from lading_runner.interrupts import Interrupted
from lading_runner.loading import load_function
from lading_runner.masks import NO_SECRETS, Masker, masked
from lading_runner.profile import Clock, Meter, environment_found, utc_now

if TYPE_CHECKING:
    from lading_runner.contract import ArtifactRef, Spec
    from lading_runner.store import ArtifactStore


class Outcome(Frozen):
    """``value`` is the live return value, ``exception`` what was raised, ``SystemExit`` included."""

    result: Result
    value: Any = None
    exception: Optional[BaseException] = None

    @property
    def traceback(self) -> Optional[TracebackType]:
        """Of ``exception``, without the frames that are ours."""
        return user_traceback(self.exception.__traceback__) if self.exception is not None else None


def execute(
    spec: Spec,
    store: ArtifactStore,
    *,
    function: Optional[Callable[..., Any]] = None,
    args: Optional[Sequence[Any]] = None,
    kwargs: Optional[Mapping[str, Any]] = None,
    masker: Masker = NO_SECRETS,
) -> Outcome:
    """Run the step of ``spec``; never raises, whatever the step does.

    A ``function`` is called with ``args`` and ``kwargs`` as they are; without one, code and inputs come from
    the store. ``masker`` knows the secrets that are to be in no text of the result.
    """
    run = _Run(spec, store, masker)
    exception: Optional[BaseException] = None
    with api.recording() as record:
        try:
            run.call(function, args or (), kwargs or {})
        except BaseException as e:  # noqa: BLE001  # whatever user code raises is the result of the step
            exception = e
    return Outcome(run.result(record, exception), run.value, exception)


class _Run:
    def __init__(self, spec: Spec, store: ArtifactStore, masker: Masker) -> None:
        self.spec = spec
        self.store = store
        self.masker = masker
        self.started = utc_now()
        self.clock = Clock()
        self.meter = Meter(store)
        self.value: Any = None
        self.outputs: Dict[str, ArtifactRef] = {}

    def call(
        self, function: Optional[Callable[..., Any]], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        if function is None:
            function = load_function(self.spec.code, self.store)
            args, kwargs = staging.stage_in(self.spec, self.store, function)
            if os.environ.get("LADING_SPARK"):
                from lading_runner.spark import with_session

                kwargs = with_session(function, args, kwargs)
        failpoint("runner.inputs.after")
        self.clock.lap("stage_in_s")
        failpoint("runner.call.before")
        try:
            self.value = staging.call(function, args, kwargs)
        finally:
            self.clock.lap("run_s")
        failpoint("runner.call.after")
        self.outputs = staging.stage_out(self.spec, self.store, self.value, self.masker)
        self.clock.lap("stage_out_s")
        failpoint("runner.outputs.after")

    def result(self, record: api.Record, exception: Optional[BaseException]) -> Result:
        mask = self.masker.text
        error = None if exception is None else masked(describe(exception), mask)
        status = "succeeded" if error is None else "cancelled" if error["class"] == "cancelled" else "failed"
        external = {"inputs": record.external_inputs, "outputs": record.external_outputs}
        return Result(
            attempt=self.spec.attempt,
            status=status,
            started=self.started,
            ended=utc_now(),
            outputs=self.outputs if error is None else {},
            error=error,
            environment=environment_found(),
            timings=self.clock.laps,
            profile=self.meter.read(),
            metrics=masked(record.metrics, mask),
            metrics_higher_is_better=masked(record.higher_is_better, mask),
            external=masked(external, mask),
        )


def describe(exception: BaseException) -> Dict[str, str]:
    """``Result.error``: type, message, traceback of the user's frames, failure class."""
    return {
        "type": _type_name(exception),
        "message": _message(exception),
        "traceback": "".join(_formatted(exception)),
        "class": failure_of(exception),
    }


def failure_of(exception: BaseException) -> str:
    if isinstance(exception, (RunnerError, Interrupted)):
        return exception.failure
    if isinstance(exception, KeyboardInterrupt):
        return "cancelled"
    if isinstance(exception, MemoryError):
        return "oom"
    if type(exception).__name__ == "AirflowTaskTimeout":  # raised in the call by execution_timeout
        return "timeout"
    return "user"


def exit_code(exception: Optional[BaseException]) -> int:
    """Of the runner's process."""
    if exception is None:
        return 0
    if isinstance(exception, (RunnerError, Interrupted)):
        return exception.exit_code
    return Terminated.exit_code if failure_of(exception) == "cancelled" else 1


def user_traceback(found: Optional[TracebackType]) -> Optional[TracebackType]:
    """``found`` without the frames of ``lading`` and ``lading_runner``."""
    kept = [tb for tb in _chain(found) if not _is_ours(tb.tb_frame.f_code.co_filename)]
    rebuilt: Optional[TracebackType] = None
    for tb in reversed(kept):
        rebuilt = TracebackType(rebuilt, tb.tb_frame, tb.tb_lasti, tb.tb_lineno)
    return rebuilt


def _chain(found: Optional[TracebackType]) -> Iterator[TracebackType]:
    while found is not None:
        yield found
        found = found.tb_next


def _type_name(exception: BaseException) -> str:
    kind = type(exception)
    return (
        kind.__qualname__
        if kind.__module__ in ("builtins", "__main__")
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _message(exception: BaseException) -> str:
    if isinstance(exception, SystemExit):
        return (
            f"the step called sys.exit({exception.code!r}), expected it to return a value; "
            f"return to succeed, raise an exception to fail"
        )
    try:
        return str(exception)
    except Exception as e:  # noqa: BLE001  # __str__ of a user's exception
        return f"<its message cannot be shown: {type(e).__name__}>"


def _formatted(exception: BaseException) -> List[str]:
    """As Python prints it, causes and contexts too, without our frames; "" where no frame is the user's."""
    import traceback

    try:
        whole = traceback.TracebackException(type(exception), exception, exception.__traceback__)
    except Exception:  # noqa: BLE001  # __str__ of a user's exception
        return []
    if user_traceback(exception.__traceback__) is None and isinstance(exception, RunnerError):
        return []
    seen: List[Any] = []
    queue: List[Any] = [whole]
    while queue:
        part = queue.pop()
        if part is None or part in seen:
            continue
        seen.append(part)
        frames = [frame for frame in part.stack if not _is_ours(frame.filename)]
        part.stack = traceback.StackSummary.from_list(frames)
        queue += [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ())]
    return list(whole.format())


def _roots() -> Tuple[str, ...]:
    beside = Path(__file__).parent.parent
    return tuple(f"{beside / package}{os.sep}" for package in ("lading", "lading_runner"))


_OURS = (*_roots(), "<frozen ", f"{Path(os.__file__).parent / 'importlib'}{os.sep}")


def _is_ours(filename: str) -> bool:
    return filename.startswith(_OURS)
