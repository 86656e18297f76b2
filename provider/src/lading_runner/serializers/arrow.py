"""Tables of pandas, polars and pyarrow as uncompressed Arrow IPC files, which any Arrow library reads.

``lading`` in the metadata of the schema says which library and class the value came from, so that it comes
back as that. Rows are cut into record batches by the value alone (``batch_rows``): one batch where its
columns are written straight from memory, so that reading maps them, and several where a conversion would need
much memory.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO, Iterator, Mapping, NamedTuple

from lading_runner.contract import canonical_json
from lading_runner.errors import ArtifactUndecodable, SerializationError
from lading_runner.serializers import names
from lading_runner.serializers.library import need, private

if TYPE_CHECKING:
    from lading_runner.serializers.base import Blob

KEY = b"lading"
_CONVERTED = 32 << 20  # bytes that a record batch may need beside the value


class Parts(NamedTuple):
    """A value on its way into a file; all batches have ``schema``; ``facts`` are what Arrow cannot say."""

    schema: Any
    facts: Mapping[str, Any]
    batches: Iterator[Any]


class ArrowSerializer:
    format = "arrow"

    def accepts(self, value: Any) -> bool:
        library = names.root(type(value))
        return library in _LIBRARIES and _is_table(type(value))

    def dump(self, value: Any, file: BinaryIO) -> None:
        library = names.root(type(value))
        pa = need("pyarrow", f"to store {names.type_name(value)}")
        try:
            schema, facts, batches = _library(library).split(value)
            facts = {"library": library, "class": type(value).__name__, **facts}
            schema = schema.with_metadata({**(schema.metadata or {}), KEY: canonical_json(facts)})
            options = pa.ipc.IpcWriteOptions(use_threads=False)
            sink = pa.PythonFile(_Sink(file), mode="w")
            with pa.ipc.new_file(sink, schema, options=options) as writer:
                for batch in batches:
                    writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
        except (pa.ArrowException, TypeError, OverflowError) as e:
            raise SerializationError(
                f"{names.type_name(value)} has a part that Arrow cannot hold: {e}; expected columns of "
                "numbers, strings, times or lists of these; convert that column, or return it apart"
            ) from e

    def load(self, blob: Blob, meta: Mapping[str, Any]) -> Any:
        pa = need("pyarrow", "to read a table")
        try:
            memory = private(blob)
            table = pa.ipc.open_file(pa.py_buffer(memory)).read_all()
            facts = json.loads(
                (table.schema.metadata or {}).get(KEY, b'{"library":"pyarrow","class":"Table"}')
            )
            table = table.replace_schema_metadata(_without_ours(table.schema.metadata))
            if facts["library"] not in _LIBRARIES:
                raise ArtifactUndecodable(f"it came from {facts['library']!r}, expected one of {_LIBRARIES}")
            return _library(facts["library"]).join(table, facts, memory)
        except (pa.ArrowException, OSError) as e:
            raise ArtifactUndecodable(f"it is not an Arrow file: {e}") from e

    def describe(self, value: Any) -> Mapping[str, Any]:
        facts: Mapping[str, Any] = _library(names.root(type(value))).describe(value)
        return facts


class _Sink:
    """``file`` for pyarrow, which would close it."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def batch_rows(rows: int, converted: int) -> int:
    """Rows of one batch, where ``converted`` bytes of the whole cannot be written straight from memory."""
    batches = max(-(-converted // _CONVERTED), 1)
    return max(-(-rows // batches), 1)


def slices(rows: int, size: int) -> Iterator[int]:
    """Offsets of the batches; one empty batch where there are no rows."""
    return iter(range(0, max(rows, 1), size))


_LIBRARIES = ("pandas", "polars", "pyarrow")


def _library(name: str) -> Any:
    if name == "pandas":
        from lading_runner.serializers import arrow_pandas

        return arrow_pandas
    if name == "polars":
        from lading_runner.serializers import arrow_polars

        return arrow_polars
    from lading_runner.serializers import arrow_pyarrow

    return arrow_pyarrow


def _is_table(kind: type) -> bool:
    known = ("DataFrame", "Series", "LazyFrame", "Table", "RecordBatch", "ChunkedArray", "Index", "Array")
    return any(base.__name__ in known for base in kind.__mro__) and kind.__name__ != "ExtensionArray"


def _without_ours(metadata: Any) -> Any:
    return {key: value for key, value in (metadata or {}).items() if key != KEY} or None
