"""What one try of a step submits: code, arguments, specification, request, and the fingerprint of it all."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading import deployment
from lading.backends.base import Backend, Capability, JobRequest
from lading.code.slicing import StepCode, image_code, slice_function
from lading.environment import anchor, resolve
from lading.errors import CodeSliceError, ConfigError
from lading.execution import attempt_folder, fingerprint
from lading.operators.call import Call, to_wire
from lading.operators.options import PLAIN_CONTEXT
from lading.operators.request import job_request
from lading.xcom.references import positional_names
from lading_runner.contract import Attempt, Spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lading.config import Target
    from lading_runner.store import ArtifactStore


class StepPlan:
    """Pure for one operator and call, but for putting the code into the store.

    :raises ConfigError: the code, an argument, ``env`` or the requirements cannot be carried to the target
    """

    def __init__(
        self, operator: Any, call: Call, store: ArtifactStore, ti: Any, *, target: Target, backend: Backend
    ) -> None:
        self.operator, self.call, self.store, self.ti = operator, call, store, ti
        self.target = target
        self.in_place = Capability.IN_PROCESS in backend.capabilities
        if Capability.DEFERRABLE in backend.capabilities:  # elsewhere ``env`` is on no platform's record
            refuse_secrets(target, backend)
        self._backend, self._view = backend, backend.store_view(store.root)
        self.names = positional_names(call.function, len(call.args))
        self.code = self._code(call.function)
        self.wire = to_wire(plain(call), self.names, secret_ok=self.in_place)
        self.requirements = self._requirements()
        self.environment_digest = self._environment_digest()

    def request(self, attempt: Attempt) -> JobRequest:
        timeout = self.operator.execution_timeout
        return job_request(
            attempt,
            self.target,
            self._backend,
            store_root=self.store.root,
            requirements=self.requirements,
            timeout_s=timeout.total_seconds() if timeout else None,
        )

    def spec(self, attempt: Attempt) -> Spec:
        return Spec(
            attempt=attempt,
            code=self.code.to_spec() if self.code else {"digest": None, "entry": self.entry},
            store=self._view.root,
            folder=attempt_folder(attempt),
            args=self.wire.args,
            params=self.wire.params,
            inputs=self.wire.inputs,
            outputs=self._outputs(),
            python=f"=={self.target.python}.*" if self.target.python else None,
            environment={"kind": self.target.backend, "digest": self.environment_digest},
            outbox=self._view.outbox or None,
            allow_pickle=self.allow_pickle,
        )

    def _outputs(self) -> dict[str, bool]:
        shown = {} if deployment.settings().previews else {"previews": False}
        return {"split": self._split(), **shown}

    def fingerprint(self) -> str:
        return fingerprint(
            code_digest=self.code.digest if self.code else None,
            entry=self.entry,
            args=self.wire.args,
            params=self.wire.params,
            inputs={path: ref.digest for path, ref in self.wire.inputs.items()},
            resources=self.target.resources,
            image=self.target.image,
            environment={"backend": self.target.backend, "requirements": self.environment_digest},
            options=self.target.options,
            python=self.target.python,
        )

    @property
    def entry(self) -> str:
        if self.code is not None:
            return self.code.entry
        return f"{self.call.function.__module__}:{self.call.function.__qualname__}"

    @property
    def allow_pickle(self) -> bool:
        asked: bool | None = self.operator.step.allow_pickle
        return deployment.settings().allow_pickle if asked is None else asked

    def _split(self) -> bool:
        """Whether a list or dict is stored element by element: its keys are pushed, or a task is mapped
        over it."""
        return (
            self.operator.multiple_outputs
            or next(iter(self.operator.iter_mapped_dependants()), None) is not None
        )

    def _requirements(self) -> tuple[str, ...]:
        """Requirement lines; files are relative to the DAG's."""
        found = self.target.requirements
        return anchor(found, Path(inspect.getfile(self.call.function)).parent) if found else ()

    def _environment_digest(self) -> str | None:
        """Of what is asked for, the content of requirement files included."""
        return resolve(self.requirements, self.target.python).digest if self.requirements else None

    def _code(self, function: Callable[..., Any]) -> StepCode | None:
        """The step's code, put in the store; in place, a function that cannot be sliced runs all the same."""
        if self.operator.step.code == "image":
            return image_code(f"{function.__module__}:{function.__qualname__}")
        try:
            code = slice_function(function, roots=self._roots(), allow_airflow=self.in_place)
        except CodeSliceError as e:
            if not self.in_place:
                raise
            self.operator.log.warning("the code of this step has no digest: %s", e)
            return None
        self.store.put_bytes(code.archive)  # each time: it heals a damaged blob
        return code

    def _roots(self) -> tuple[Path, ...]:
        """Where modules are first-party: the DAG bundle, for a worker that runs in one."""
        path = getattr(getattr(self.ti, "bundle_instance", None), "path", None)
        return (Path(path),) if path is not None else ()


def refuse_secrets(target: Target, backend: Backend) -> None:
    """Only values are looked at: a name such as ``TOKENIZERS_PARALLELISM`` sounds secret, and is not.

    :raises ConfigError: a variable of ``env``, or of a ``pod_override``, holds a secret that the deployment
        knows
    """
    given = [*target.env.items(), *_variables(target.options), *_variables(target.extra)]
    named = [name for name, value in given if deployment.mask(str(value)) != str(value)]
    if named:
        by_reference = "secret_env" in type(backend).target_keys
        cure = "name the secret in secret_env of the target" if by_reference else "read it inside the step"
        raise ConfigError(
            f"variable {named[0]!r} of env holds a secret, and the request of a job can be read on its "
            f"platform; expected one without secrets; {cure}"
        )


def _variables(native: object) -> Iterator[tuple[str, str]]:
    """Those that a part of a native request sets by value: ``{"name": …, "value": …}``."""
    if isinstance(native, Mapping):
        if "name" in native and "value" in native:
            yield str(native["name"]), str(native["value"])
        native = list(native.values())
    if isinstance(native, (list, tuple)):
        for part in native:
            yield from _variables(part)


def plain(call: Call) -> Call:
    """What crosses the wire: of Airflow's context only the values that are plain data and asked for by
    name."""
    named = set(inspect.signature(call.function).parameters)
    keep = {k: v for k, v in call.kwargs.items() if k in call.given or (k in named and k in PLAIN_CONTEXT)}
    return Call(call.function, call.args, keep, call.given)
