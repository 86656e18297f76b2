"""pandas frames, series and indexes: into Arrow batches. ``arrow_pandas_read`` is the way back.

Kept: dtypes (NumPy, nullable, Arrow, categories, time zones, periods, intervals), every kind of index and of
column labels, frequencies, ``attrs`` that are plain data. Missing values of object columns come back as None.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from lading_runner.contract import canonical_json
from lading_runner.errors import SerializationError
from lading_runner.serializers.arrow import Parts, batch_rows, slices
from lading_runner.serializers.arrow_pandas_read import join, restored
from lading_runner.serializers.arrow_tidy import one, tidy, value_bytes
from lading_runner.serializers.json import to_jsonable
from lading_runner.serializers.library import need

__all__ = ["describe", "join", "split"]

_FOR = "to store a pandas object"
_EXACT = ("string", "bytes", "boolean", "date", "time", "decimal", "empty")  # what object columns may hold
_OBJECT_BYTES = 64  # a guess, per cell of an object column


def split(value: Any) -> Parts:
    """:raises SerializationError: a column that Arrow cannot hold or would give back as something else"""
    frame = _frame(value)
    objects = [i for i, dtype in enumerate(frame.dtypes) if _is_object(dtype)]
    facts: Dict[str, Any] = {"objects": objects, **_facts(value), **_frame_facts(frame)}
    schema = _schema(frame, objects, facts.get("arrow_dtypes", ()))
    _check(frame, schema, facts)
    return Parts(schema, facts, _batches(frame, schema))


def describe(value: Any) -> Mapping[str, Any]:
    if type(value).__name__ != "DataFrame":
        return {"shape": [len(value)], "dtype": str(value.dtype)}
    columns = [str(label) for label in value.columns[:100]]
    return {"shape": list(value.shape), "columns": columns, "dtypes": [str(d) for d in value.dtypes[:100]]}


def _frame(value: Any) -> Any:
    pandas = need("pandas", _FOR)
    if isinstance(value, pandas.DataFrame):
        _check_labels(value.columns)
        frame = value
    elif isinstance(value, pandas.Series):
        frame = value.to_frame(name="value")
    else:
        frame = pandas.DataFrame(index=value)
    if _odd_names(frame.index):
        frame = frame.set_axis(frame.index.set_names([None] * frame.index.nlevels), axis=0)
    return frame


def _odd_names(index: Any) -> bool:
    """Arrow has names of text alone."""
    return any(name is not None and not isinstance(name, str) for name in index.names)


def _check_labels(labels: Any) -> None:
    if not labels.is_unique:
        twice = labels[labels.duplicated()][0]
        raise SerializationError(f"column {twice!r} stands twice; expected unique column labels; rename one")
    if labels.nlevels == 1 and labels.inferred_type in ("mixed", "mixed-integer"):
        raise SerializationError(
            f"column labels {list(labels[:5])!r} are of several types; expected one; use frame.columns = "
            "frame.columns.map(str)"
        )


def _facts(value: Any) -> Dict[str, Any]:
    pandas = need("pandas", _FOR)
    facts: Dict[str, Any] = {}
    index = value if isinstance(value, pandas.Index) else value.index
    if isinstance(index, (pandas.DatetimeIndex, pandas.TimedeltaIndex)) and index.freq is not None:
        facts["freq"] = index.freqstr
    if _odd_names(index) or (isinstance(index, pandas.RangeIndex) and index.name is not None):
        facts["index_names"] = [to_jsonable(name, "name of the index") for name in index.names]
    if isinstance(value, pandas.Series):
        facts["name"] = to_jsonable(value.name, "name of the series")
    attrs = getattr(value, "attrs", None)
    if attrs:
        facts["attrs"] = to_jsonable(attrs, "attrs")
    facts["index_object"] = not isinstance(index, pandas.MultiIndex) and index.dtype == object
    return facts


def _frame_facts(frame: Any) -> Dict[str, Any]:
    facts: Dict[str, Any] = {}
    if getattr(frame.columns, "freq", None) is not None:
        facts["columns_freq"] = frame.columns.freqstr
    if frame.columns.nlevels == 1 and frame.columns.dtype == object:
        facts["columns_object"] = True
    words = [i for i, dtype in enumerate(frame.dtypes) if getattr(dtype, "storage", None) == "python"]
    if words:
        facts["python_strings"] = words
    unnamed = [i for i, dtype in enumerate(frame.dtypes) if _is_unnamed(dtype)]
    if unnamed:
        facts["arrow_dtypes"] = unnamed
    if not frame.shape[1] and type(frame.index).__name__ == "RangeIndex":  # Arrow counts the rows of columns
        facts["range"] = [frame.index.start, frame.index.stop, frame.index.step]
    return facts


def _is_unnamed(dtype: Any) -> bool:
    """Whether pandas cannot make the dtype of its name, as of lists and structs of Arrow."""
    if type(dtype).__name__ != "ArrowDtype":
        return False
    try:
        need("pandas", _FOR).api.types.pandas_dtype(str(dtype))
    except (TypeError, NotImplementedError):
        return True
    return False


def _schema(frame: Any, objects: List[int], unnamed: Sequence[int]) -> Any:
    """Arrow types of the whole frame, without converting it, and pandas' notes without its version."""
    pa = need("pyarrow", _FOR)
    empty = frame.iloc[:0]
    empty.attrs = {}
    schema = pa.Schema.from_pandas(empty)
    notes = json.loads(schema.metadata[b"pandas"])
    for place, note in enumerate(notes["index_columns"]):
        if isinstance(note, dict):  # a range, which of the empty frame was empty
            steps = frame.index
            notes["index_columns"][place] = {
                **note,
                "start": steps.start,
                "stop": steps.stop,
                "step": steps.step,
            }
        else:
            field = schema.get_field_index(note)
            if pa.types.is_null(schema.field(field).type):
                level = frame.index.get_level_values(place)
                schema = schema.set(field, pa.field(note, pa.array(level, from_pandas=True).type))
    for place in objects:
        schema = schema.set(place, pa.field(schema.field(place).name, _object_type(frame, place)))
    for place in unnamed:
        notes["columns"][place]["numpy_type"] = "object"
    notes = {name: notes[name] for name in ("index_columns", "column_indexes", "columns")}
    return schema.with_metadata({b"pandas": canonical_json(notes)})


def _object_type(frame: Any, place: int) -> Any:
    """:raises SerializationError: mixed or foreign objects"""
    pa, pandas = need("pyarrow", _FOR), need("pandas", _FOR)
    column, name = frame.iloc[:, place], frame.columns[place]
    found = pandas.api.types.infer_dtype(column, skipna=True)
    if found == "string":
        return pa.large_string()
    try:
        array = pa.array(column, from_pandas=True)
    except (pa.ArrowException, TypeError, OverflowError) as e:
        raise _refused(name, found, str(e)) from e
    if found not in _EXACT and array.to_pylist() != column.tolist():
        raise _refused(name, found, f"as {array.type} its values would change")
    return array.type


def _refused(name: Any, found: str, why: str) -> SerializationError:
    return SerializationError(
        f"column {name!r} of dtype object holds {found} values, which Arrow cannot hold as they are ({why}); "
        f"expected one type per column; use frame[{name!r}].astype(…) with 'str', 'float64' or another "
        "dtype, or drop it"
    )


def _check(frame: Any, schema: Any, facts: Mapping[str, Any]) -> None:
    """Restores an empty frame: what comes back of it comes back of the whole."""
    back = restored(schema.empty_table(), {**facts, "class": "DataFrame"}, split_blocks=True)
    if list(back.columns) != list(frame.columns) or list(back.columns.names) != list(frame.columns.names):
        raise SerializationError(
            f"column labels {list(frame.columns[:5])!r} would come back as {list(back.columns[:5])!r}; "
            "expected strings, integers or times; use frame.columns = frame.columns.map(str)"
        )
    for label, before, after in zip(frame.columns, frame.dtypes, back.dtypes):
        if before != after and not _same_words(before, after):
            raise SerializationError(
                f"column {label!r} of dtype {before} would come back as {after}; expected a dtype that Arrow "
                f"keeps; use frame[{label!r}].astype(…)"
            )


def _is_object(dtype: Any) -> bool:
    return str(dtype) == "object"


def _same_words(before: Any, after: Any) -> bool:
    """Categories of strings are of dtype object or str, by the version of pandas."""
    return str(before) == str(after) == "category"


def _batches(frame: Any, schema: Any) -> Iterator[Any]:
    pa = need("pyarrow", _FOR)
    rows = len(frame)
    size = batch_rows(rows, _converted(frame))
    numpy_floats, foreign = _kinds(frame)
    for start in slices(rows, size):
        part = frame.iloc[start : start + size]
        part.columns = schema.names[: frame.shape[1]]
        table = pa.Table.from_pandas(part, schema=schema)
        columns = [one(column) for column in table.columns]
        for place in numpy_floats:
            columns[place] = _without_nulls(pa, columns[place])
        for place in foreign:
            columns[place] = tidy(columns[place])
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _kinds(frame: Any) -> Any:
    """Places of NumPy's float columns, and of extension columns, whose nulls hide something."""
    floats, foreign = [], []
    for place, dtype in enumerate(frame.dtypes):
        if getattr(dtype, "kind", "O") == "f" and hasattr(dtype, "newbyteorder"):
            floats.append(place)
        elif not hasattr(dtype, "newbyteorder") and str(dtype) != "category":
            foreign.append(place)
    return floats, foreign


def _without_nulls(pa: Any, array: Any) -> Any:
    """NaN is a number: without the mask that pyarrow makes of it, the column is read without a copy."""
    if not array.null_count:
        return array
    return pa.Array.from_buffers(array.type, len(array), [None, array.buffers()[1]], offset=array.offset)


def _converted(frame: Any) -> int:
    """Bytes that cannot be written straight from memory; told by the values and not by their layout."""
    total = 0
    for place, dtype in enumerate(frame.dtypes):
        if _is_object(dtype):
            total += _OBJECT_BYTES * len(frame)
        elif not hasattr(dtype, "newbyteorder"):
            total += _extension_bytes(frame.iloc[:, place])
    return total


def _extension_bytes(column: Any) -> int:
    dtype = column.dtype
    if str(dtype) == "category":
        return 0
    if type(dtype).__name__ == "StringDtype":
        arrow = dtype.storage == "pyarrow"
        return value_bytes(column.array.__arrow_array__()) if arrow else _OBJECT_BYTES * len(column)
    return int(getattr(dtype, "itemsize", None) or 16) * len(column)
