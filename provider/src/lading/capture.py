"""From a finished task instance to its lineage event, without ever changing the task's state."""

from __future__ import annotations

import inspect
import json
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.context import KNOWN_CONTEXT_KEYS

from lading import deployment
from lading.lineage import event as lineage
from lading.lineage.log import append
from lading.xcom.attribution import attribute
from lading.xcom.record import TaskRecord, record_of
from lading.xcom.traced import Handle, TracedDict, TracedList
from lading_runner.contract import Attempt
from lading_runner.errors import RunnerError, SerializationError
from lading_runner.profile import environment_found
from lading_runner.serializers.json import to_jsonable

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger("lading")

_PARAM_CHARS = 500  # of one literal argument in an event
_ERROR_CHARS = 2000


def attempt_of(ti: Any, generation: int | None = None) -> Attempt:
    map_index = -1 if ti.map_index is None else ti.map_index
    return Attempt(ti.dag_id, ti.run_id, ti.task_id, map_index, ti.try_number, generation or ti.try_number)


def inputs_of(ti: Any) -> tuple[lineage.Input, ...]:
    return attribute(record_of(ti), ti.get_template_context())


def outputs_of(record: TaskRecord) -> tuple[lineage.Output, ...]:
    return tuple(lineage.Output(name, ref) for name, ref in record.pushes.items())


def literals(ti: Any, inputs: tuple[lineage.Input, ...]) -> dict[str, Any]:
    """Arguments that came from no artifact: as the task got them, masked, long ones cut."""
    bound = {i.param.split("[")[0].split(".")[0] for i in inputs if i.param}
    rendered = _rendered(ti.task)
    found = {k: _literal(v) for k, v in rendered.items() if k not in bound and k not in KNOWN_CONTEXT_KEYS}
    masked: dict[str, Any] = deployment.mask_json(found)
    return masked


def _rendered(task: Any) -> Mapping[str, Any]:
    """Parameters of a rendered operator by name."""
    fields = {name: getattr(task, name, None) for name in task.template_fields}
    call = {k: v for name in ("op_kwargs", "inputs") for k, v in (fields.pop(name, None) or {}).items()}
    function, args = getattr(task, "python_callable", None), fields.pop("op_args", None) or ()
    if callable(function) and args:
        try:
            call = {**inspect.signature(function).bind_partial(*args).arguments, **call}
        except TypeError:
            call = {**{f"args[{i}]": value for i, value in enumerate(args)}, **call}
    return {**call, **{name: value for name, value in fields.items() if value is not None}}


def _literal(value: Any) -> Any:
    if isinstance(value, (Handle, TracedList, TracedDict)):
        return str(value)
    try:
        data = to_jsonable(value)
        text = json.dumps(data)
    except (SerializationError, ValueError, TypeError):
        return f"<{type(value).__name__}>"
    if len(text) <= _PARAM_CHARS:
        return data
    return (
        f"<{type(value).__name__}, {len(text)} characters>"
        if not isinstance(value, str)
        else value[:_PARAM_CHARS] + "…"
    )


def bundle_of(ti: Any) -> dict[str, Any]:
    bundle = getattr(ti, "bundle_instance", None)
    return {"name": getattr(bundle, "name", None), "version": getattr(bundle, "version", None)}


def describe_error(error: BaseException | str | None, failure: str = "user") -> dict[str, Any] | None:
    if error is None:
        return None
    if isinstance(error, str):
        return {"type": "Error", "message": deployment.mask(error)[:_ERROR_CHARS], "class": failure}
    failure = error.failure if isinstance(error, RunnerError) else failure
    message = deployment.mask(str(error))[:_ERROR_CHARS]
    return {"type": type(error).__name__, "message": message, "class": failure}


def foreign_event(ti: Any, status: str, error: BaseException | str | None) -> lineage.LineageEvent:
    """The event of a task that is not a step."""
    record = record_of(ti)
    inputs = inputs_of(ti)
    function = getattr(ti.task, "python_callable", None)
    code: dict[str, Any] = {"bundle": bundle_of(ti)}
    if inspect.isfunction(function):
        code["entry"] = (
            f"{Path(function.__code__.co_filename).stem}:{function.__qualname__.rsplit('.', 1)[-1]}"
        )
    run_s = (ti.end_date - ti.start_date).total_seconds() if ti.end_date and ti.start_date else None
    return lineage.LineageEvent(
        id=lineage.uuid7(),
        time=lineage.now(),
        status=status,
        task=attempt_of(ti),
        operator=operator_name(ti.task),
        code=code,
        environment=environment_found(),
        params=literals(ti, inputs),
        inputs=inputs,
        outputs=outputs_of(record),
        timings={"run_s": run_s} if run_s is not None else {},
        error=describe_error(error),
    )


def operator_name(task: Any) -> str:
    return getattr(task, "custom_operator_name", None) or type(task).__name__


def write(event: lineage.LineageEvent) -> None:
    """Append within ``[lading] lineage_budget_s``; a failure is logged and changes nothing for the task."""
    failures: list[BaseException] = []
    thread = threading.Thread(target=_append, args=(event, failures), daemon=True)
    thread.start()
    budget = deployment.settings().lineage_budget_s
    thread.join(budget)
    if thread.is_alive():
        log.warning("lineage event %s was not stored within %s s; the store may be slow", event.id, budget)
    for failure in failures:
        log.warning("lineage event %s was not stored: %s", event.id, failure)


def _append(event: lineage.LineageEvent, failures: list[BaseException]) -> None:
    try:
        objects = deployment.store().objects
        if objects.stat(event.key()) is None:  # after a crash the end of an attempt is reported twice
            append(event, objects)
    except (RunnerError, OSError) as e:
        failures.append(e)
