"""``table``: rows, column_count, a head of 20 rows, and of the first 100 columns their name, type, missing
values (of all rows), and min, max, mean, distinct, histogram or top values of ``statistics_rows`` evenly
spaced rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional

from lading_runner.previews.cells import cell, histogram, text
from lading_runner.serializers import names

if TYPE_CHECKING:
    from lading_runner.contract import ArtifactRef
    from lading_runner.store.artifacts import ArtifactStore

_SAMPLE = 50_000  # rows
_COLUMNS = 100
_HEAD = 20
_TOP = 5


class _Column(NamedTuple):
    name: str
    type: str
    missing: int  # of all rows
    head: List[Any]
    sample: Any  # pyarrow array


def table(value: Any, ref: ArtifactRef, store: ArtifactStore) -> Optional[Dict[str, Any]]:
    library = names.root(type(value))
    if library == "pandas":
        rows, width, columns = _of_pandas(value)
    elif library == "polars" and type(value).__name__ != "LazyFrame":
        rows, width, columns = _of_polars(value)
    elif library == "pyarrow":
        rows, width, columns = _of_pyarrow(value)
    else:
        return None
    return {
        "kind": "table",
        "rows": rows,
        "column_count": width,
        "columns": [_facts(column, rows) for column in columns],
        "head": [list(row) for row in zip(*(column.head for column in columns))],
        "statistics_rows": len(columns[0].sample) if columns else 0,
    }


def _of_pandas(value: Any) -> Any:
    import pyarrow as pa

    kind = type(value).__name__
    frame = value if hasattr(value, "columns") else value.to_frame()
    if kind != "DataFrame" and hasattr(value, "name"):
        frame = frame.set_axis([value.name if value.name is not None else "value"], axis=1)
    step = max(len(frame) // _SAMPLE, 1)
    columns = []
    for place in range(min(frame.shape[1], _COLUMNS)):
        column = frame.iloc[:, place]
        sample = column.iloc[::step]
        try:
            found = pa.array(sample, from_pandas=True)
        except (pa.ArrowException, TypeError, OverflowError):
            found = pa.array([None if item is None else text(item) for item in sample])
        head = [
            None if missing else cell(item) for item, missing in zip(column[:_HEAD], column[:_HEAD].isna())
        ]
        missing = int(column.isna().sum())
        columns.append(_Column(text(frame.columns[place]), str(column.dtype), missing, head, found))
    return len(frame), frame.shape[1], columns


def _of_polars(value: Any) -> Any:
    frame = value if hasattr(value, "columns") else value.to_frame()
    step = max(frame.height // _SAMPLE, 1)
    columns = [
        _Column(
            text(column.name),
            str(column.dtype),
            int(column.null_count()),
            [cell(item) for item in column.head(_HEAD).to_list()],
            column.gather_every(step).to_arrow(),
        )
        for column in frame.get_columns()[:_COLUMNS]
    ]
    return frame.height, frame.width, columns


def _of_pyarrow(value: Any) -> Any:
    import pyarrow as pa

    if not hasattr(value, "schema"):
        value = pa.table({"value": value})
    step = max(value.num_rows // _SAMPLE, 1)
    places = pa.array(range(0, value.num_rows, step), pa.int64())
    columns = []
    for name, column in zip(value.schema.names[:_COLUMNS], value.columns):
        head = [cell(item) for item in column.slice(0, _HEAD).to_pylist()]
        found = column.take(places) if step > 1 else column
        columns.append(_Column(text(name), str(column.type), int(column.null_count), head, found))
    return value.num_rows, value.num_columns, columns


def _facts(column: _Column, rows: int) -> Dict[str, Any]:
    import pyarrow as pa

    facts: Dict[str, Any] = {"name": column.name, "type": column.type, "missing": column.missing}
    kind = column.sample.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    whole = len(column.sample) == rows
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return {**facts, **_numbers(column.sample, whole)}
    if pa.types.is_temporal(kind):
        return {**facts, **_times(column.sample, whole)}
    if pa.types.is_nested(kind) or pa.types.is_null(kind):
        return facts
    return {**facts, **_words(column.sample, whole)}


def _numbers(sample: Any, whole: bool) -> Dict[str, Any]:
    import numpy
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(sample.type):
        sample = sample.cast(sample.type.value_type)
    if isinstance(sample, pa.ChunkedArray):
        sample = sample.combine_chunks()
    numbers = pc.drop_null(sample).cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    finite = numbers[numpy.isfinite(numbers)]
    if not finite.size:
        return {}
    return {
        "min": cell(finite.min()),
        "max": cell(finite.max()),
        "mean": cell(finite.mean()),
        "distinct": len(numpy.unique(finite)) if whole else None,
        "histogram": histogram(finite),
    }


def _times(sample: Any, whole: bool) -> Dict[str, Any]:
    import pyarrow.compute as pc

    ends = pc.min_max(sample).as_py()
    distinct = int(pc.count_distinct(sample).as_py()) if whole else None
    return {"min": cell(ends["min"]), "max": cell(ends["max"]), "distinct": distinct}


def _words(sample: Any, whole: bool) -> Dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(sample.type):
        sample = sample.cast(sample.type.value_type)
    counted = pc.value_counts(pc.drop_null(sample)).to_pylist()
    ordered = sorted(counted, key=lambda entry: (-entry["counts"], str(entry["values"])))
    top = [[cell(entry["values"]), entry["counts"]] for entry in ordered[:_TOP]]
    return {"distinct": len(counted) if whole else None, "top": top}
