"""pandas objects out of Arrow tables."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from lading_runner.serializers.library import need
from lading_runner.serializers.untag import decode

_FOR = "to read this table as what it was"
_NARROW = 256  # columns; wider frames are copied into few blocks, which pandas works on faster


def join(table: Any, facts: Mapping[str, Any], memory: Any) -> Any:
    """A pandas object that may be changed in place; ``memory``: the private copy of what ``table`` maps."""
    narrow = table.num_columns <= _NARROW
    frame = restored(table, facts, split_blocks=narrow)
    if narrow:
        frame = _writable(frame, memory)
    if facts["class"] == "Series":
        value = frame.iloc[:, 0].copy(deep=False)
        value.name = decode(facts["name"])
    else:
        value = frame if facts["class"] == "DataFrame" else frame.index
    if "attrs" in facts:
        value.attrs = decode(facts["attrs"])
    return value


def restored(table: Any, facts: Mapping[str, Any], split_blocks: bool) -> Any:
    """The frame of ``table``; its NumPy columns may be read-only views of the table."""
    pandas = need("pandas", _FOR)
    frame = table.to_pandas(split_blocks=split_blocks)
    for place in facts["objects"]:
        if str(frame.dtypes.iloc[place]) != "object" or _nested(table, place):
            cells = pandas.Series(table.column(place).to_pylist(), dtype=object, index=frame.index)
            frame.isetitem(place, cells)
    for place in facts.get("python_strings", ()):
        missing = frame.dtypes.iloc[place].na_value
        # pandas 2.2 has no other missing value, and no word for it
        dtype = pandas.StringDtype("python", **({} if missing is pandas.NA else {"na_value": missing}))
        frame.isetitem(place, frame.iloc[:, place].astype(dtype))
    for place in facts.get("arrow_dtypes", ()):
        frame.isetitem(place, pandas.arrays.ArrowExtensionArray(table.column(place)))
    _restore_labels(frame, facts)
    return frame


def _restore_labels(frame: Any, facts: Mapping[str, Any]) -> None:
    if "range" in facts:
        frame.index = need("pandas", _FOR).RangeIndex(*facts["range"], name=frame.index.name)
    if facts.get("index_object") and frame.index.dtype != object:
        frame.index = frame.index.astype(object)
    if "index_names" in facts:
        frame.index = frame.index.set_names([decode(name) for name in facts["index_names"]])
    if "freq" in facts:
        frame.index.freq = facts["freq"]
    if facts.get("columns_object") and frame.columns.dtype != object:
        frame.columns = frame.columns.astype(object)
    if "columns_freq" in facts and type(frame.columns).__name__ in ("DatetimeIndex", "TimedeltaIndex"):
        frame.columns.freq = facts["columns_freq"]


def _nested(table: Any, place: int) -> bool:
    types = need("pyarrow", _FOR).types
    return bool(types.is_nested(table.schema.field(place).type))


def _writable(frame: Any, memory: Any) -> Any:
    """``frame`` with every read-only column replaced: by a view of the private memory where it lies in it."""
    pandas, numpy = need("pandas", _FOR), need("numpy", _FOR)
    whole = numpy.frombuffer(memory, numpy.uint8)
    begin, end = whole.ctypes.data, whole.ctypes.data + whole.nbytes
    columns: Dict[int, Any] = {}
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        if not isinstance(column.dtype, numpy.dtype):
            columns[place] = column if _immutable(column) else column.copy()
            continue
        values = column.to_numpy()
        address = values.ctypes.data
        if values.nbytes and begin <= address < end:
            column = pandas.Series(
                numpy.ndarray(values.shape, values.dtype, memory, address - begin, values.strides),
                index=frame.index,
                copy=False,
            )
        columns[place] = column
    if not columns:
        return frame
    rebuilt = pandas.DataFrame(columns, index=frame.index, copy=False)
    rebuilt.columns = frame.columns
    return rebuilt


def _immutable(column: Any) -> bool:
    """Arrow arrays are replaced, never written into."""
    return hasattr(column.array, "__arrow_array__") and "Arrow" in type(column.array).__name__
