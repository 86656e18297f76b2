"""What a step says about where and how it runs, and the check of it while the DAG is parsed."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.context import KNOWN_CONTEXT_KEYS

from lading import config, deployment
from lading.backends import registry
from lading.backends.base import Backend, Capability, Problem, Worker
from lading.errors import ConfigError, UnsupportedResource
from lading.operators.request import job_request
from lading.resources import Resources
from lading_runner.contract import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Context keys whose values are plain data, so that a job elsewhere can have them.
PLAIN_CONTEXT = frozenset(
    {
        "ds",
        "ds_nodash",
        "ts",
        "ts_nodash",
        "run_id",
        "params",
        "logical_date",
        "data_interval_start",
        "data_interval_end",
    }
)


@dataclass(frozen=True)
class StepOptions:
    """Step arguments; None: as the target or ``[lading]`` says."""

    on: str | None = None
    image: str | None = None
    requirements: Sequence[str] | str | None = None
    python: str | None = None
    resources: Resources | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    code: str = "source"  # or "image": ``module:function`` is importable where the job runs
    allow_pickle: bool | None = None
    infra_retries: int | None = None
    deferrable: bool | None = None

    @classmethod
    def of(cls, task_id: str, **given: Any) -> StepOptions:
        """From the arguments of a step, ``resources`` under either of its names.

        :raises ConfigError: ``code`` or ``resources`` is not understood
        """
        other = given.pop("step_resources", None)  # a name that BaseOperator does not have
        asked = other if other is not None else given.pop("resources", None)
        given.pop("resources", None)
        if given.get("code", "source") not in ("source", "image"):
            raise ConfigError(
                f"step {task_id!r}: code={given['code']!r} is unknown; write code='source' or code='image'"
            )
        for name in ("env", "options"):
            given[name] = dict(given.get(name) or {})
        return cls(**given, resources=Resources.of(asked) if asked is not None else None)


ARGUMENTS = frozenset({field.name for field in fields(StepOptions)} | {"step_resources"})


def target_of(step: StepOptions) -> config.Target:
    """The target with the step's own arguments laid over it.

    :raises UnknownTarget: neither a target nor a backend has the name
    """
    settings = deployment.settings()
    target = config.resolve_target(settings, step.on, registry.names(), registry.target_keys)
    return config.merge(target, step_arguments(step))


def step_arguments(step: StepOptions) -> dict[str, Any]:
    asked = {name: getattr(step, name) for name in ("image", "requirements", "python", "resources")}
    return {name: v for name, v in asked.items() if v is not None} | {
        name: v for name in ("env", "options") if (v := getattr(step, name))
    }


def check(task_id: str, step: StepOptions, function: Callable[..., Any] | str, dag_id: str = "") -> None:
    """Everything that can be known to be wrong before anything runs. Offline; called while the DAG is parsed.

    :raises ConfigError: naming step, backend, field and cure, for every problem at once
    """
    target = target_of(step)
    backend = registry.get(target.backend)
    if backend.name == "local" and step == StepOptions(on=step.on):
        return
    instance = backend.configured(target, Worker())
    request = job_request(
        Attempt(dag_id, "", task_id),
        target,
        instance,
        store_root=_known_store(),
        requirements=target.requirement_lines,
    )
    problems = [*instance.validate(request), *_context_problems(function, backend)]
    if problems:
        lines = [
            f"step {task_id!r} on target {target.name!r}, backend {backend.name!r}: {p.field}: {p.message}; "
            f"{p.cure}"
            for p in problems
        ]
        kind = UnsupportedResource if any(p.field.startswith("resources") for p in problems) else ConfigError
        raise kind("\n".join(lines))


def _known_store() -> str:
    """The URL of the store; empty where a connection has it, which is not read while a DAG is parsed."""
    settings = deployment.settings()
    return settings.store if settings.store_connection is None else ""


def _context_problems(function: Callable[..., Any] | str, backend: type[Backend]) -> list[Problem]:
    if isinstance(function, str) or Capability.IN_PROCESS in backend.capabilities:
        return []
    objects = KNOWN_CONTEXT_KEYS - PLAIN_CONTEXT
    return [
        Problem(
            f"parameter {name!r}",
            "an Airflow object cannot leave the worker",
            f"take {', '.join(sorted(PLAIN_CONTEXT))} instead, or run the step with on='local'",
        )
        for name in inspect.signature(function).parameters
        if name in objects
    ]
