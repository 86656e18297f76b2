"""``StepOperator`` and what it shares with ``@task.step``: arguments, the parse-time check, execution."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

from lading.errors import ConfigError
from lading.operators.options import StepOptions, check
from lading.resources import Resources

if TYPE_CHECKING:
    from lading.operators.call import Call
    from lading.operators.run import StepRun


class StepBase(BaseOperator):
    """Takes the step arguments and runs ``self.call(context)`` as one attempt.

    :param on: a target or a backend; default: ``[lading] default_target``
    :param image: container image, by tag or digest
    :param requirements: requirement lines, or the path of a requirements file, ``uv.lock`` or script (PEP
    723)
    :param python: version, ``"3.12"``
    :param resources: ``Resources(cpu=2, memory="4GiB")`` or the same as a mapping
    :param env: environment variables of the job; nothing secret
    :param options: arguments of the backend's own, checked by it
    :param code: ``"source"``, or ``"image"`` where the function is importable at the target
    :param allow_pickle: store what fits no format as pickle; default: ``[lading] allow_pickle``
    :param deferrable: whether the triggerer waits for a job elsewhere, so that it takes no worker slot;
    default: ``[lading] deferrable``
    :param infra_retries: resubmissions of a job that the platform lost; default: ``[lading] infra_retries``
    """

    is_lading_step = True
    ui_color = "#e6eefc"

    def __init__(
        self,
        *,
        on: str | None = None,
        image: str | None = None,
        requirements: Sequence[str] | str | None = None,
        python: str | None = None,
        resources: Resources | Mapping[str, Any] | None = None,
        step_resources: Resources | None = None,  # ``resources`` under a name that BaseOperator does not have
        env: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
        code: str = "source",
        allow_pickle: bool | None = None,
        infra_retries: int | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        asked = step_resources if step_resources is not None else resources
        if code not in ("source", "image"):
            raise ConfigError(
                f"step {self.task_id!r}: code={code!r} is unknown; write code='source' or code='image'"
            )
        self.step = StepOptions(
            on=on,
            image=image,
            requirements=requirements,
            python=python,
            resources=Resources.of(asked) if asked is not None else None,  # type: ignore[arg-type]  # a mapping
            env=dict(env or {}),
            options=dict(options or {}),
            code=code,
            allow_pickle=allow_pickle,
            infra_retries=infra_retries,
            deferrable=deferrable,
        )
        self._run: StepRun | None = None

    def execute(self, context: Any) -> Any:
        return self._execute(context)

    def resume(self, context: Any, event: Mapping[str, Any]) -> Any:
        """Go on where ``execute`` deferred; ``event`` is the one of ``LadingTrigger``."""
        return self._execute(context, event)

    def _execute(self, context: Any, event: Mapping[str, Any] | None = None) -> Any:
        from lading.operators.run import StepRun  # not at parse time: only a running task needs it

        self._run = StepRun(self, context, event)
        try:
            return self._run.execute(self.call(context))
        except BaseException as e:
            from lading_runner.invoke import user_traceback

            # A bare raise adds no entry for this frame, so that the traceback shows Airflow's frames and
            # the user's.
            e.__traceback__ = user_traceback(e.__traceback__)
            raise

    def call(self, context: Any) -> Call:
        raise NotImplementedError

    def on_kill(self) -> None:
        """Airflow calls this on SIGTERM: the job is cancelled, and the attempt can no longer succeed."""
        if self._run is not None:
            self._run.kill()


class StepOperator(StepBase):
    """The classic style: ``StepOperator(task_id="train", python_callable="pkg.mod:train", inputs={"rows":
    …})``.

    :param python_callable: the function, or ``"package.module:function"``
    :param inputs: its keyword arguments: XComArgs, Jinja, plain values (templated)
    """

    template_fields: Sequence[str] = ("inputs",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"inputs": "py"}
    shallow_copy_attrs: Sequence[str] = ("python_callable",)

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any] | str,
        inputs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.python_callable = python_callable
        self.inputs = dict(inputs) if isinstance(inputs, Mapping) else inputs or {}
        if isinstance(python_callable, str) and python_callable.count(":") != 1:
            raise ConfigError(
                f"step {self.task_id!r}: python_callable={python_callable!r} is not understood; "
                f"expected a function or 'package.module:function'"
            )
        check(self.task_id, self.step, python_callable)

    def call(self, context: Any) -> Call:
        from lading.operators.call import Call, settle

        function = self.python_callable
        if isinstance(function, str):
            module, _, name = function.partition(":")
            function = getattr(importlib.import_module(module), name)
        kwargs = {name: settle(value) for name, value in dict(self.inputs).items()}
        accepted = inspect.signature(function).parameters
        context_keys = {k: v for k, v in context.items() if k in accepted and k not in kwargs}
        return Call(function, (), {**context_keys, **kwargs}, frozenset(kwargs))
