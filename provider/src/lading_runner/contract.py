"""The wire contract: frozen records that cross the worker/job boundary as JSON.

Every record has ``to_json`` (plain JSON values) and ``from_json`` (ignores unknown fields, so that an old
reader reads a newer writer). ``PROTOCOL`` changes on removal or change of meaning, never for a new optional
field.
"""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar, Dict, FrozenSet, Mapping, NewType, Optional, Sequence, Type, TypeVar

from lading_runner.errors import ContractError
from lading_runner.frozen import Frozen

PROTOCOL = 1

#: ``sha256:`` and 64 lower-case hexadecimal digits.
Digest = NewType("Digest", str)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")

#: In ``Spec.args`` and ``Spec.params``, ``{INPUT_KEY: path}`` stands for ``Spec.inputs[path]``.
INPUT_KEY = "__lading_input__"

_R = TypeVar("_R", bound="Record")


def is_digest(text: object) -> bool:
    return isinstance(text, str) and _DIGEST.match(text) is not None


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> bytes:
    """The one JSON spelling of ``value`` that digests are taken of: sorted keys, no blanks, UTF-8, no NaN."""
    return _CANONICAL.encode(value).encode()


class Record(Frozen):
    """A frozen class with a JSON form; nested records name their class in ``_nested``."""

    _nested: ClassVar[Mapping[str, Any]] = {}

    def to_json(self) -> Dict[str, Any]:
        out = {}
        for name in self._fields:
            value = getattr(self, name)
            if value is not None or self._defaults.get(name, ...) is not None:
                out[name] = _plain(value)
        return out

    def dumps(self) -> bytes:
        return canonical_json(self.to_json())

    @classmethod
    def from_json(cls: Type[_R], data: Any) -> _R:
        """:raises ContractError: not an object, a missing field, or another protocol"""
        if not isinstance(data, dict):
            raise ContractError(f"{cls.__name__} is {type(data).__name__}, expected a JSON object")
        _check_protocol(cls.__name__, data)
        names = cls._names
        known = {name: value for name, value in data.items() if name in names}
        for name, parse in cls._nested.items():
            if (value := known.get(name)) is not None:
                known[name] = parse(value)
        record = cls.__new__(cls)
        try:
            record._fill(known)
            return record
        except TypeError as e:
            raise ContractError(f"{cls.__name__} is incomplete: {e}; its writer is damaged or too old") from e

    @classmethod
    def loads(cls: Type[_R], raw: bytes) -> _R:
        try:
            data = json.loads(raw)
        except ValueError as e:
            raise ContractError(f"{cls.__name__} is not JSON: {e}; {len(raw)} bytes were read") from e
        return cls.from_json(data)


def _check_protocol(name: str, data: Mapping[str, Any]) -> None:
    found = data.get("protocol", PROTOCOL)
    if found != PROTOCOL:
        raise ContractError(
            f"{name} speaks protocol {found!r}, this side speaks {PROTOCOL}; "
            f"give worker and job the same release of airflow-provider-lading"
        )


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


class Attempt(Record):
    """One generation of one task instance."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1  # -1: not mapped
    try_number: int = 1
    generation: int = 1


class Producer(Record):
    """Who pushed an artifact: XCom coordinates; ``element`` is the place inside a list or dict, ``[3]``."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    key: str = "return_value"
    element: Optional[str] = None


class ArtifactRef(Record):
    """Immutable pointer to stored bytes: a digest, never an address. Equality is by content."""

    digest: str  # Digest
    size: int  # bytes
    format: str  # serializer id, e.g. "arrow"
    type: str  # for people, e.g. "pandas.DataFrame"; never imported
    meta: Mapping[str, Any] = {}  # shape, columns, …; never values
    producer: Optional[Producer] = None

    _nested: ClassVar[Mapping[str, Any]] = {"producer": Producer.from_json}
    _uncompared: ClassVar[FrozenSet[str]] = frozenset({"meta", "producer"})

    def __post_init__(self) -> None:
        if not is_digest(self.digest):
            raise ContractError(f"{self.digest!r} is not a digest, expected 'sha256:' and 64 hex digits")


def _refs(data: Mapping[str, Any]) -> Dict[str, ArtifactRef]:
    return {name: ArtifactRef.from_json(ref) for name, ref in data.items()}


class Spec(Record):
    """What to run. Written once by the worker, never changed; nothing secret."""

    attempt: Attempt
    code: Mapping[
        str, Any
    ]  # {"digest": Digest of the zip, "entry": "module:function"}; digest null: code is in the image
    store: str  # root of the artifact store as the job sees it
    folder: str  # key of the attempt's folder in the store, no trailing slash
    args: Sequence[Any] = ()  # JSON, INPUT_KEY objects stand for inputs
    params: Mapping[str, Any] = {}
    inputs: Mapping[str, ArtifactRef] = {}  # by parameter path, "frames[0].left"
    outputs: Mapping[str, Any] = {}  # {"split": store a list or dict element by element}
    python: Optional[str] = None  # ">=3.9" or "==3.12.*"; None: any
    environment: Mapping[str, Any] = {}  # {"kind", "digest"}
    deadline: Optional[str] = None  # RFC 3339, UTC
    outbox: Optional[bool] = None  # new artifacts go under the attempt's folder, for the worker to move
    allow_pickle: bool = False
    protocol: int = PROTOCOL

    _nested: ClassVar[Mapping[str, Any]] = {"attempt": Attempt.from_json, "args": tuple, "inputs": _refs}


class Result(Record):
    """What happened. Written last; its presence is the commit point of the attempt."""

    attempt: Attempt
    status: str  # "succeeded" | "failed" | "cancelled"
    started: str = ""  # RFC 3339, UTC
    ended: str = ""
    outputs: Mapping[str, ArtifactRef] = {}  # {"return_value": ref}
    error: Optional[Mapping[str, Any]] = None  # {"type", "message", "traceback", "class"}
    environment: Mapping[str, Any] = {}  # {"python", "platform", "packages": digest}
    timings: Mapping[str, float] = {}  # seconds: stage_in_s, run_s, stage_out_s
    profile: Mapping[str, Any] = {}  # cpu_s, peak_rss_bytes, bytes_in, bytes_out
    metrics: Mapping[str, Any] = {}  # {"accuracy": 0.97}
    metrics_higher_is_better: Mapping[str, bool] = {}
    external: Mapping[str, Any] = {}  # {"inputs": [{"uri", "version"}], "outputs": []}
    protocol: int = PROTOCOL

    _nested: ClassVar[Mapping[str, Any]] = {"attempt": Attempt.from_json, "outputs": _refs}
