"""``@task.step``, also exported as ``lading.step`` with its types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

import attr
from airflow.sdk.bases.decorator import DecoratedOperator, _TaskDecorator, determine_kwargs

from lading.operators.options import ARGUMENTS, StepOptions, check
from lading.operators.step import StepBase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow.sdk.bases.decorator import Task

    from lading.operators.call import Call
    from lading.resources import Resources

P = ParamSpec("P")
R = TypeVar("R")


class StepDecoratedOperator(DecoratedOperator, StepBase):
    custom_operator_name = "@task.step"
    template_fields: Sequence[str] = DecoratedOperator.template_fields
    template_fields_renderers = DecoratedOperator.template_fields_renderers

    def __init__(self, *, python_callable: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(python_callable=python_callable, **kwargs)
        check(self.task_id, self.step, python_callable)

    def call(self, context: Any) -> Call:
        from lading.operators.call import Call, settle

        args = [settle(value) for value in self.op_args]
        given = {name: settle(value) for name, value in self.op_kwargs.items()}
        kwargs = dict(determine_kwargs(self.python_callable, args, {**context, **given}))
        return Call(self.python_callable, args, kwargs, frozenset(given))


@attr.define(kw_only=True, repr=False)
class _StepDecorator(_TaskDecorator):
    """``resources`` is an argument of BaseOperator too, of another kind: ours travels under another name."""

    def override(self, **kwargs: Any) -> Any:
        return super().override(**_rename(kwargs))

    def _expand(self, expand_input: Any, *, strict: bool) -> Any:
        """No operator is made of a mapped step while the DAG is parsed: it is checked here."""
        task_id = self.kwargs.get("task_id", self.function.__name__)
        given = {name: value for name, value in self.kwargs.items() if name in ARGUMENTS}
        check(task_id, StepOptions.of(task_id, **given), self.function)
        return super()._expand(expand_input, strict=strict)


def _rename(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"step_resources" if name == "resources" else name: value for name, value in kwargs.items()}


@overload
def step_task(python_callable: Callable[P, R]) -> Task[P, R]: ...


@overload
def step_task(
    *,
    on: str | None = None,
    image: str | None = None,
    requirements: Sequence[str] | str | None = None,
    python: str | None = None,
    resources: Resources | Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    code: str = "source",
    allow_pickle: bool | None = None,
    infra_retries: int | None = None,
    deferrable: bool | None = None,
    multiple_outputs: bool | None = None,
    **kwargs: Any,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def step_task(
    python_callable: Callable[..., Any] | None = None, multiple_outputs: bool | None = None, **kwargs: Any
) -> Any:
    """Turn a function into an ML step; the arguments are those of ``StepBase`` and of every Airflow operator.

    :raises ConfigError: when the DAG is parsed: unknown target, or a resource that its backend cannot honour
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if not callable(function):
            raise TypeError(f"@task.step got {function!r}, expected a function; pass other arguments by name")
        make: Any = _StepDecorator  # attrs makes its constructor, which mypy does not see
        return make(
            function=function,
            multiple_outputs=attr.NOTHING if multiple_outputs is None else multiple_outputs,
            operator_class=StepDecoratedOperator,
            kwargs=_rename(kwargs),
        )

    return decorate if python_callable is None else decorate(python_callable)
