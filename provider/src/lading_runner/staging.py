"""Arguments and return values of a step, between the store and the call."""

from __future__ import annotations

from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Tuple

from lading_runner.contract import INPUT_KEY
from lading_runner.errors import ContractError
from lading_runner.masks import NO_SECRETS, Masker

if TYPE_CHECKING:
    from lading_runner.contract import ArtifactRef, Spec
    from lading_runner.store import ArtifactStore


def stage_in(
    spec: Spec, store: ArtifactStore, function: Callable[..., Any]
) -> Tuple[List[Any], Dict[str, Any]]:
    """Positional and keyword arguments, inputs loaded.

    :raises ArtifactError: an input is missing, damaged or cannot be decoded
    :raises ContractError: an argument stands for an input that the spec does not have
    """
    load = _Loader(spec, store, function)
    args = [load.argument(value, load.name(index)) for index, value in enumerate(spec.args)]
    return args, {name: load.argument(value, name) for name, value in spec.params.items()}


def stage_out(
    spec: Spec, store: ArtifactStore, value: Any, masker: Masker = NO_SECRETS
) -> Dict[str, ArtifactRef]:
    """Outputs by name; none for ``None``. What ``masker`` knows is in no preview, and will be in no row.

    :raises SerializationError: nothing stores such a value
    :raises StoreError: it cannot be written
    """
    if value is None:
        return {}
    from lading_runner import values
    from lading_runner.previews import Previews

    split = bool(spec.outputs.get("split"))
    shown = Previews(store, masker) if spec.outputs.get("previews", True) else None
    ref = values.save(
        value, store, allow_pickle=spec.allow_pickle, split=split, previews=shown, masker=masker
    )
    return {"return_value": ref}


def call(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """The value of the call; a generator is run to its end and gives a list, a coroutine its result."""
    value = function(*args, **kwargs)
    if isinstance(value, GeneratorType):
        return list(value)
    if isinstance(value, CoroutineType):
        import asyncio

        return asyncio.run(value)
    return value


class _Loader:
    def __init__(self, spec: Spec, store: ArtifactStore, function: Callable[..., Any]) -> None:
        self._spec = spec
        self._store = store
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        self._function = function

    def name(self, index: int) -> str:
        """Of the positional parameter; "" for one that ``*args`` takes."""
        code = getattr(self._function, "__code__", None)
        names = code.co_varnames[: code.co_argcount] if code else ()
        return names[index] if index < len(names) else ""

    def argument(self, value: Any, parameter: str) -> Any:
        from lading_runner.serializers.annotation import fit
        from lading_runner.serializers.json import from_jsonable

        annotation = annotation_of(self._function, parameter)
        if isinstance(value, dict) and INPUT_KEY in value:
            return self._input(str(value[INPUT_KEY]), annotation)
        if _holds_input(value):
            return self._nested(value)
        return fit(from_jsonable(value), annotation)

    def _nested(self, value: Any) -> Any:
        from lading_runner.serializers.json import from_jsonable

        if not _holds_input(value):
            return from_jsonable(value)
        if isinstance(value, list):
            return [self._nested(item) for item in value]
        if INPUT_KEY in value:
            return self._input(str(value[INPUT_KEY]), None)
        return {key: self._nested(item) for key, item in value.items()}

    def _input(self, path: str, annotation: Any) -> Any:
        from lading_runner import values

        if path not in self._spec.inputs:
            raise ContractError(
                f"an argument stands for input {path!r}, expected one of {sorted(self._spec.inputs)}; "
                f"give worker and job the same release of airflow-provider-lading"
            )
        ref = self._spec.inputs[path]
        return values.load(ref, self._store, allow_pickle=self._spec.allow_pickle, annotation=annotation)


def annotation_of(function: Callable[..., Any], parameter: str) -> Any:
    """What the parameter is annotated with, None where this does not resolve here."""
    hint = getattr(function, "__annotations__", {}).get(parameter)
    if not isinstance(hint, str):
        return hint
    try:
        return eval(hint, getattr(function, "__globals__", {}))  # noqa: S307  # the step's own code
    except (NameError, AttributeError, TypeError, SyntaxError):  # a name that stayed behind, or X | Y on 3.9
        return None


def _holds_input(value: Any) -> bool:
    if isinstance(value, dict):
        return INPUT_KEY in value or any(_holds_input(item) for item in value.values())
    return isinstance(value, list) and any(_holds_input(item) for item in value)
