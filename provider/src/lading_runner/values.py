"""Values into the artifact store and back: which format, what stands in the reference, and element by
element."""

from __future__ import annotations

import struct
import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO, Dict, List, Mapping, Optional, Protocol, Tuple, Union

from lading_runner import serializers
from lading_runner.contract import ArtifactRef, Digest, Producer, canonical_json
from lading_runner.errors import ArtifactUndecodable, SerializationError
from lading_runner.masks import NO_SECRETS, Masker
from lading_runner.serializers import collection, names
from lading_runner.serializers.annotation import fit
from lading_runner.serializers.collection import ABSENT, Collection, Element, Key
from lading_runner.serializers.json import DEPTH, Endless, JsonSerializer, from_jsonable, to_jsonable
from lading_runner.serializers.names import type_name
from lading_runner.serializers.pickled import ALLOW
from lading_runner.serializers.sniff import sniff

if TYPE_CHECKING:
    from lading_runner.previews import Previews
    from lading_runner.serializers.base import Blob, Serializer

__all__ = [
    "ABSENT",
    "COLLECTION",
    "Collection",
    "Element",
    "elements",
    "fit",
    "load",
    "save",
    "sniff",
    "type_name",
]

COLLECTION = collection.FORMAT
META = 600  # bytes of canonical JSON
WITHHELD = "withheld"  # fact of a JSON value that holds a secret: no row shows it
_ROW = 2048  # bytes; no row shows a value of more
_KEPT = ("name", "kind")  # facts that reading needs

_DAMAGED = (
    ValueError, TypeError, LookupError, AttributeError, EOFError, ArithmeticError, RecursionError,
    struct.error, zipfile.BadZipFile,
)  # fmt: skip


class Store(Protocol):
    """What of ``store.ArtifactStore`` values need."""

    def put(self, write: Any) -> Tuple[Digest, int]: ...

    def put_bytes(self, data: Union[bytes, memoryview]) -> Tuple[Digest, int]: ...

    def blob(self, ref: ArtifactRef) -> Blob: ...


def save(
    value: Any,
    store: Store,
    *,
    allow_pickle: bool = False,
    split: bool = False,
    path: str = "return_value",
    previews: Optional[Previews] = None,
    masker: Masker = NO_SECRETS,
) -> ArtifactRef:
    """Store ``value``. ``split``: a list, tuple or dict element by element, even if it is plain data.
    ``previews``: writes what people see of it. ``masker``: what is small and holds one of its secrets stands
    in no collection, and is marked, so that it comes into no row.

    :raises SerializationError: a part fits no serializer, named as ``return_value[3].model``
    :raises DependencyError: the library of the format is not installed
    """
    return _Saver(store, allow_pickle, previews, masker).save(value, path, split)


def load(ref: ArtifactRef, store: Store, *, allow_pickle: bool = False, annotation: Any = None) -> Any:
    """The value of ``ref``; ``annotation``: a class that plain data is validated into.

    :raises ArtifactError: missing, damaged, of an unknown format, or a pickle that is not allowed
    :raises DependencyError: the library of the format is not installed
    """
    if ref.format == COLLECTION:
        value = _load_collection(ref, store, allow_pickle)
    else:
        value = _load_one(ref, store, allow_pickle)
    if annotation is None:
        return value
    try:
        return fit(value, annotation)
    except ArtifactUndecodable as e:
        raise _undecodable(ref, e) from e


def elements(ref: ArtifactRef, store: Store) -> Collection:
    """The elements of a stored collection, without their values.

    :raises ArtifactUndecodable: ``ref`` is no collection
    """
    if ref.format != COLLECTION:
        raise _undecodable(ref, ArtifactUndecodable(f"it has no elements, expected format {COLLECTION!r}"))
    try:
        return collection.decode(store.blob(ref).read())
    except ArtifactUndecodable as e:
        raise _undecodable(ref, e) from e


class _Saver:
    def __init__(
        self, store: Store, allow_pickle: bool, previews: Optional[Previews], masker: Masker
    ) -> None:
        self._store = store
        self._allow_pickle = allow_pickle
        self._previews = previews
        self._masker = masker
        self._depth = 0

    def save(self, value: Any, path: str, split: bool = False) -> ArtifactRef:
        if split and type(value) in (list, tuple, dict) and _parts(value) is not None:
            return self._collection(value, path)
        serializer = serializers.find_native(value)
        if serializer is not None:
            return self._dump(serializer, value, path)
        try:
            data = to_jsonable(value, path)
        except SerializationError as e:
            return self._rest(value, path, e)
        raw = canonical_json(data)
        digest, size = self._store.put_bytes(raw)
        facts = trimmed(JsonSerializer().describe(value))
        if self._is_secret(raw):
            facts = {**facts, WITHHELD: True}
        return self._shown(value, ArtifactRef(digest, size, "json", type_name(value), facts))

    def _rest(self, value: Any, path: str, unfit: SerializationError) -> ArtifactRef:
        """What neither a built-in serializer nor JSON takes."""
        if _parts(value) is not None and not isinstance(unfit, Endless):
            return self._collection(value, path)
        found = serializers.find_foreign(value)
        if found is not None:
            return self._dump(found, value, path)
        if self._allow_pickle:
            return self._dump(serializers.by_format(serializers.PICKLE), value, path)
        raise unfit if isinstance(unfit, Endless) else serializers.refusal(value, path) from unfit

    def _dump(self, serializer: Serializer, value: Any, path: str) -> ArtifactRef:
        def write(file: BinaryIO) -> None:
            serializer.dump(value, file)

        try:
            digest, size = self._store.put(write)
            facts = serializer.describe(value)
        except SerializationError as e:
            if not self._allow_pickle or serializer.format == serializers.PICKLE:
                raise SerializationError(f"{path}: {e}") from e
            return self._dump(serializers.by_format(serializers.PICKLE), value, path)
        ref = ArtifactRef(digest, size, serializer.format, type_name(value), trimmed(facts))
        return self._shown(value, ref, serializer)

    def _shown(self, value: Any, ref: ArtifactRef, serializer: Optional[Serializer] = None) -> ArtifactRef:
        if self._previews is not None:
            self._previews.write(value, ref, serializer)
        return ref

    def _collection(self, value: Any, path: str) -> ArtifactRef:
        parts = _parts(value) or []
        keyed = not isinstance(value, (list, tuple))
        kind = "dict" if keyed else "tuple" if isinstance(value, tuple) else "list"
        items = []
        if self._depth >= DEPTH:
            raise Endless(
                f"{path[:200]}… is nested deeper than {DEPTH} levels, or contains itself; flatten it"
            )
        self._depth += 1
        for i, (key, item) in enumerate(parts):
            place = names.place(key) if keyed else f"[{i}]"
            items.append((key, *self._element(item, path + place)))
        self._depth -= 1
        digest, size = self._store.put_bytes(collection.encode(kind, items))
        facts = {"kind": kind, "length": len(items)}
        return self._shown(items, ArtifactRef(digest, size, COLLECTION, type_name(value), facts))

    def _element(self, value: Any, path: str) -> Tuple[ArtifactRef, Any]:
        """A reference, and the JSON of what is small."""
        if serializers.find_native(value) is None:
            try:
                data = to_jsonable(value, path)
            except SerializationError as e:
                return self._rest(value, path, e), ABSENT
            raw = canonical_json(data)
            if len(raw) <= collection.INLINE and not self._is_secret(raw):
                return collection.inline_ref(raw, type_name(value)), data
        return self.save(value, path), ABSENT

    def _is_secret(self, raw: bytes) -> bool:
        return len(raw) <= _ROW and self._masker.is_in(raw)


def _parts(value: Any) -> Optional[List[Tuple[Optional[Key], Any]]]:
    """Elements with their keys, of a dict in the order of its keys; None: ``value`` has no elements."""
    if type(value) in (list, tuple):
        return [(None, item) for item in value]
    fields: Any = value if type(value) is dict else names.fields_of(value)
    if fields is None or not all(type(key) in (str, int) for key in fields):
        return None
    if isinstance(value, tuple):
        return [(None, item) for item in value]
    return sorted(fields.items(), key=lambda pair: (isinstance(pair[0], str), pair[0]))


def _load_collection(ref: ArtifactRef, store: Store, allow_pickle: bool) -> Any:
    found = elements(ref, store)
    items = [
        load(_of_element(ref, place, part), store, allow_pickle=allow_pickle)
        if inline is ABSENT
        else from_jsonable(inline)
        for place, part, inline in found.refs
    ]
    if found.kind == "dict":
        return dict(zip(found.keys, items))
    return tuple(items) if found.kind == "tuple" else items


def _of_element(whole: ArtifactRef, place: str, part: ArtifactRef) -> ArtifactRef:
    """``part`` with the producer of the whole, for messages."""
    made = whole.producer
    if made is None:
        return part
    producer = Producer(
        made.dag_id, made.run_id, made.task_id, made.map_index, made.key, (made.element or "") + place
    )
    return ArtifactRef(part.digest, part.size, part.format, part.type, part.meta, producer)


def _load_one(ref: ArtifactRef, store: Store, allow_pickle: bool) -> Any:
    if ref.format == serializers.PICKLE and not allow_pickle:
        raise ArtifactUndecodable(
            f"{_described(ref)} is a pickle, and reading one runs what is in it; expected a format that runs "
            f"nothing; return plain data or a supported type instead, or allow it: {ALLOW}"
        )
    try:
        serializer = serializers.by_format(ref.format)
    except ArtifactUndecodable as e:
        raise _undecodable(ref, e) from e
    blob = store.blob(ref)
    try:
        return serializer.load(blob, ref.meta)
    except (ArtifactUndecodable, *_DAMAGED) as e:
        raise _undecodable(ref, e) from e


def _undecodable(ref: ArtifactRef, cause: BaseException) -> ArtifactUndecodable:
    reason = str(cause) if isinstance(cause, ArtifactUndecodable) else f"{type(cause).__name__}: {cause}"
    return ArtifactUndecodable(
        f"{_described(ref)} cannot be decoded as {ref.format!r}: {reason}; "
        f"give reader and producer the same library versions, or run the producer again"
    )


def _described(ref: ArtifactRef) -> str:
    return f"artifact {ref.digest} of type {ref.type}, from {_producer(ref.producer)},"


def _producer(producer: Optional[Producer]) -> str:
    if producer is None:
        return "unknown producer"
    mapped = "" if producer.map_index < 0 else f"[{producer.map_index}]"
    task = f"{producer.dag_id}.{producer.run_id}.{producer.task_id}{mapped}"
    return f"{task}.{producer.key}{producer.element or ''}"


def trimmed(facts: Mapping[str, Any]) -> Dict[str, Any]:
    """``facts`` in at most ``META`` bytes: the longest lists and texts are cut first, those that reading
    needs never."""
    found = dict(facts)
    while len(canonical_json(found)) > META:
        sized = {k: len(canonical_json(v)) for k, v in found.items() if k not in _KEPT}
        longest = max(sized, key=lambda key: sized[key])
        content = found[longest]
        if isinstance(content, (list, str)) and len(content) > 1:
            found[longest] = content[: len(content) * 3 // 4]
        else:
            del found[longest]
    return found
