"""``StepOperator`` and what it shares with ``@task.step``: arguments, the parse-time check, execution."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

from lading.errors import ConfigError
from lading.operators.links import JobLink
from lading.operators.options import ARGUMENTS, StepOptions, check

if TYPE_CHECKING:
    from lading.operators.call import Call
    from lading.operators.run import StepRun
    from lading.resources import Resources


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
    operator_extra_links: Collection[Any] = (JobLink(),)
    job_url: str | None = None  # of the job's page on its platform, where there is one

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
        self.step = StepOptions.of(
            self.task_id,
            on=on,
            image=image,
            requirements=requirements,
            python=python,
            resources=resources,
            step_resources=step_resources,
            env=env,
            options=options,
            code=code,
            allow_pickle=allow_pickle,
            infra_retries=infra_retries,
            deferrable=deferrable,
        )
        self._run: StepRun | None = None

    def execute(self, context: Any) -> Any:
        try:
            return self._execute(context)
        except BaseException as e:
            _show_only_the_users_frames(e)
            raise

    def resume(self, context: Any, event: Mapping[str, Any]) -> Any:
        """Go on where ``execute`` deferred; ``event`` is the one of ``LadingTrigger``."""
        try:
            return self._execute(context, event)
        except BaseException as e:
            _show_only_the_users_frames(e)
            raise

    def _execute(self, context: Any, event: Mapping[str, Any] | None = None) -> Any:
        from lading.operators.run import StepRun  # not at parse time: only a running task needs it

        self._run = StepRun(self, context, event)
        try:
            return self._run.execute(self.call(context))
        finally:
            if self.job_url is None:
                self.operator_extra_links = ()  # each costs the task a request at its end

    def call(self, context: Any) -> Call:
        raise NotImplementedError

    def on_kill(self) -> None:
        """Airflow calls this on SIGTERM: the job is cancelled, and the attempt can no longer succeed."""
        if self._run is not None:
            self._run.kill()


def _show_only_the_users_frames(error: BaseException) -> None:
    """Airflow's too. Who then raises it barely adds no entry of its own."""
    from lading_runner.invoke import user_traceback

    error.__traceback__ = user_traceback(error.__traceback__)


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

    @classmethod
    def partial(cls, *, task_id: str, **kwargs: Any) -> Any:
        """As every operator's; what is wrong with the step is said while the DAG is parsed all the same."""
        given = {name: value for name, value in kwargs.items() if name in ARGUMENTS}
        check(task_id, StepOptions.of(task_id, **given), kwargs["python_callable"])
        return super().partial(task_id=task_id, **kwargs)

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
