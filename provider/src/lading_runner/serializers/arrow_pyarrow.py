"""pyarrow's own tables and arrays."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from lading_runner.serializers.arrow import Parts, batch_rows, slices
from lading_runner.serializers.arrow_tidy import one, tidy_batch, value_bytes
from lading_runner.serializers.library import need


def split(value: Any) -> Parts:
    table = _table(value)
    return Parts(table.schema, {}, batches(table))


def join(table: Any, facts: Mapping[str, Any], memory: Any) -> Any:
    kind = facts["class"]
    if kind == "Table":
        return table
    if kind == "RecordBatch":
        pa = need("pyarrow", "to read a table")
        return pa.RecordBatch.from_arrays([one(column) for column in table.columns], schema=table.schema)
    column = table.column(0)
    return column if kind == "ChunkedArray" else one(column)


def describe(value: Any) -> Mapping[str, Any]:
    if hasattr(value, "schema"):
        return {"shape": list(value.shape), "columns": value.schema.names}
    return {"shape": [len(value)], "dtype": str(value.type)}


def batches(table: Any) -> Iterator[Any]:
    size = batch_rows(table.num_rows, sum(value_bytes(column) for column in table.columns))
    for start in slices(table.num_rows, size):
        yield tidy_batch(table, start, size)


def _table(value: Any) -> Any:
    pa = need("pyarrow", "to store a table")
    if isinstance(value, pa.RecordBatch):
        return pa.Table.from_batches([value])
    return value if isinstance(value, pa.Table) else pa.table({"value": value})
