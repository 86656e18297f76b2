"""The arguments of one call: what the user's function gets, and how they cross the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence

from lading import deployment
from lading.errors import ConfigError
from lading.xcom.record import Mode, reading
from lading.xcom.traced import Handle, TracedDict, TracedList, handles, place_of
from lading_runner import values
from lading_runner.contract import INPUT_KEY, ArtifactRef
from lading_runner.errors import SerializationError
from lading_runner.serializers.annotation import fit
from lading_runner.serializers.json import to_jsonable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Call:
    """A function with its arguments, which may hold handles, traced lists and dicts, and plain values.
    ``given`` names the keyword arguments that the user gave; the others are of Airflow's context."""

    function: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    given: frozenset[str]


@dataclass
class WireCall:
    """JSON arguments in which ``{INPUT_KEY: path}`` stands for ``inputs[path]``."""

    args: list[Any] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, ArtifactRef] = field(default_factory=dict)


def settle(value: Any) -> Any:
    """``value`` with the lazy sequences of mapped producers read: as handles where they are artifacts."""
    if isinstance(value, LazyXComSequence):
        with reading(Mode.HANDLES):
            return list(value[:])
    if isinstance(value, (Handle, TracedList, TracedDict)):
        return value
    if type(value).__name__ in {"_ZipResult", "_ConcatResult", "_MapResult"}:
        return [settle(value[i]) for i in range(len(value))]
    if type(value) is dict:
        return {k: settle(v) for k, v in value.items()}
    if type(value) in (list, tuple):
        return type(value)(settle(v) for v in value)
    return value


def to_wire(call: Call, names: Sequence[str], *, secret_ok: bool) -> WireCall:
    """``names``: of the positional arguments. With ``secret_ok`` (in place) secrets are masked, else refused.

    :raises SerializationError: an argument fits no serializer
    :raises ConfigError: an argument holds a secret, which must not stand in a specification
    """
    wire = WireCall()
    for name, value in zip(names, call.args, strict=True):
        wire.args.append(_wire(value, name, wire, secret_ok))
    for name, value in call.kwargs.items():
        wire.params[name] = _wire(value, name, wire, secret_ok)
    return wire


def _wire(value: Any, path: str, wire: WireCall, secret_ok: bool) -> Any:
    if isinstance(value, (Handle, TracedList, TracedDict)):
        wire.inputs[path] = (value if isinstance(value, Handle) else value.handle).ref
        return {INPUT_KEY: path}
    if next(handles(value), None) is None:
        return _wire_literal(value, path, wire, secret_ok)
    if type(value) is dict and all(isinstance(key, str) for key in value):
        return {k: _wire(v, path + place_of(k), wire, secret_ok) for k, v in value.items()}
    if type(value) is list:
        return [_wire(v, f"{path}[{i}]", wire, secret_ok) for i, v in enumerate(value)]
    return _wire_literal(value, path, wire, secret_ok)


def _wire_literal(value: Any, path: str, wire: WireCall, secret_ok: bool) -> Any:
    try:
        data = to_jsonable(_standard(value))
    except SerializationError:
        if secret_ok:  # in place: the live object is used, the specification only says what it was
            return f"<{type(value).__name__}>"
        allow_pickle = deployment.settings().allow_pickle
        wire.inputs[path] = values.save(value, deployment.store(), allow_pickle=allow_pickle)
        return {INPUT_KEY: path}
    masked = deployment.mask_json(data, path)
    if masked != data and not secret_ok:
        raise ConfigError(
            f"argument {path!r} holds a secret, and a job's specification is stored; expected one without "
            f"secrets; read the secret inside the step, from an environment variable of its target"
        )
    return masked


def _standard(value: Any) -> Any:
    """Context values of Airflow as the standard library has them."""
    if isinstance(value, datetime) and type(value) is not datetime:
        return datetime.fromisoformat(value.isoformat())
    if type(value).__name__ == "ParamsDict":
        return value.dump()
    return value


def load_all(value: Any, annotation: Any = None, *, allow_pickle: bool) -> Any:
    """``value`` with every handle replaced by what it stands for; lists and dicts become plain ones.

    Plain data becomes an instance of ``annotation`` where that is a dataclass or a pydantic model.
    """
    if isinstance(value, (Handle, TracedList, TracedDict)):
        ref = (value if isinstance(value, Handle) else value.handle).ref
        return values.load(ref, deployment.store(), allow_pickle=allow_pickle, annotation=annotation)
    if type(value) is dict:
        return fit({k: load_all(v, allow_pickle=allow_pickle) for k, v in value.items()}, annotation)
    if type(value) is list:
        return fit([load_all(v, allow_pickle=allow_pickle) for v in value], annotation)
    return tuple(load_all(v, allow_pickle=allow_pickle) for v in value) if type(value) is tuple else value
