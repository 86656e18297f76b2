"""One memory layout per Arrow value: equal arrays may differ in chunks, offsets and the bytes under nulls."""

from __future__ import annotations

from typing import Any

from lading_runner.serializers.library import need

_FOR = "to store a table"


def tidy_batch(table: Any, start: int, rows: int) -> Any:
    """Rows of ``table`` as one record batch."""
    part = table.slice(start, rows)
    columns = [tidy(one(column)) for column in part.columns]
    return need("pyarrow", _FOR).RecordBatch.from_arrays(columns, schema=part.schema)


def one(column: Any) -> Any:
    """A chunked array as one array; what is in one piece already is not copied."""
    pa = need("pyarrow", _FOR)
    if not isinstance(column, pa.ChunkedArray):
        return column
    if pa.types.is_dictionary(column.type) and column.num_chunks > 1:
        column = column.unify_dictionaries()
    chunks = [chunk for chunk in column.chunks if len(chunk)] or column.chunks[:1]
    if not chunks:
        return pa.array([], column.type)
    return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)


def tidy(array: Any) -> Any:
    """``array`` with zeroes under its nulls and no stray bits; itself where it has neither."""
    pa = need("pyarrow", _FOR)
    types, kind = pa.types, array.type
    if types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(tidy(array.indices), array.dictionary, ordered=kind.ordered)
    if types.is_list(kind) or types.is_large_list(kind):
        return _tidy_list(pa, array)
    if types.is_struct(kind):
        children = [tidy(child) for child in array.flatten()]
        mask = array.is_null() if array.null_count else None
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=mask)
    if types.is_boolean(kind):
        return _repacked(pa, array)
    if array.null_count and _fillable(types, kind):
        return _zeroed(pa, array)
    return array


def value_bytes(column: Any) -> int:
    """What the values need, however they lie in memory; nested ones are guessed."""
    pa = need("pyarrow", _FOR)
    kind, rows = column.type, len(column)
    if not _has_lengths(pa.types, kind):
        try:
            return int(kind.bit_width * rows // 8)
        except ValueError:  # of no fixed width
            return 64 * rows
    compute = need("pyarrow.compute", _FOR)
    return 8 * rows + int(compute.sum(compute.binary_length(column)).as_py() or 0)


def _has_lengths(types: Any, kind: Any) -> bool:
    tests = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    return any(test(kind) for test in tests)


def _fillable(types: Any, kind: Any) -> bool:
    flat = (types.is_integer, types.is_floating, types.is_temporal, types.is_decimal)
    return (any(test(kind) for test in flat) and not types.is_interval(kind)) or _has_lengths(types, kind)


def _zeroed(pa: Any, array: Any) -> Any:
    kind = array.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        nothing = pa.scalar(0).cast(kind)
    elif pa.types.is_temporal(kind):
        width = pa.int32() if kind.bit_width == 32 else pa.int64()
        nothing = pa.array([0], width).view(kind)[0]
    else:
        nothing = pa.scalar(b"" if "binary" in str(kind) else "", kind)
    filled = array.fill_null(nothing)
    return pa.Array.from_buffers(kind, len(array), [_valid_bits(pa, array), *filled.buffers()[1:]])


def _repacked(pa: Any, array: Any) -> Any:
    bits = pa.array(array.fill_null(False).to_numpy(zero_copy_only=False)).buffers()[1]
    valid = _valid_bits(pa, array) if array.null_count else None
    return pa.Array.from_buffers(array.type, len(array), [valid, bits])


def _valid_bits(pa: Any, array: Any) -> Any:
    return pa.array(array.is_valid().to_numpy(zero_copy_only=False)).buffers()[1]


def _tidy_list(pa: Any, array: Any) -> Any:
    lengths = (
        need("pyarrow.compute", _FOR).list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
    )
    numpy = need("numpy", _FOR)
    large = pa.types.is_large_list(array.type)
    ends = numpy.zeros(len(array) + 1, numpy.int64 if large else numpy.int32)
    numpy.cumsum(lengths, out=ends[1:])
    kind = pa.LargeListArray if large else pa.ListArray
    mask = pa.array(array.is_null().to_numpy(zero_copy_only=False)) if array.null_count else None
    return kind.from_arrays(pa.array(ends), tidy(array.flatten()), type=array.type, mask=mask)
