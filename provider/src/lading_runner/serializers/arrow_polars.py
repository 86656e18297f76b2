"""polars frames and series by way of pyarrow."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

from lading_runner.errors import SerializationError
from lading_runner.serializers.arrow import Parts, batch_rows, slices
from lading_runner.serializers.arrow_tidy import tidy_batch
from lading_runner.serializers.library import need

_WORD = 40  # bytes, a guess: of one category, as a view and as text


def split(value: Any) -> Parts:
    """:raises SerializationError: a lazy frame, or a dtype that Arrow does not have"""
    if type(value).__name__ == "LazyFrame":
        raise SerializationError(
            "polars.LazyFrame is a query, not data; expected a DataFrame; return frame.collect()"
        )
    polars = need("polars", "to store a frame")
    frame = value.to_frame() if type(value).__name__ == "Series" else value
    # The codes of a category depend on what else the process has seen; the words are stored.
    categorical = [name for name, dtype in frame.schema.items() if dtype == polars.Categorical]
    facts = {"categorical": categorical} if categorical else {}
    schema = _check(frame, facts)
    return Parts(schema, facts, _batches(frame, categorical))


def join(table: Any, facts: Mapping[str, Any], memory: Any) -> Any:
    polars = need("polars", "to read this frame as what it was")
    frame = polars.from_arrow(table)
    frame = frame.with_columns(
        polars.col(name).cast(polars.Categorical) for name in facts.get("categorical", ())
    )
    return frame.to_series() if facts["class"] == "Series" else frame


def describe(value: Any) -> Mapping[str, Any]:
    if type(value).__name__ != "DataFrame":
        return {"shape": list(getattr(value, "shape", ()))}
    return {
        "shape": list(value.shape),
        "columns": value.columns,
        "dtypes": [str(dtype) for dtype in value.dtypes],
    }


def _worded(frame: Any, categorical: Sequence[str]) -> Any:
    polars = need("polars", "to store a frame")
    return frame.with_columns(polars.col(name).cast(polars.String) for name in categorical)


def _check(frame: Any, facts: Mapping[str, Any]) -> Any:
    """The Arrow schema, which must lead back to the schema of ``frame``."""
    polars = need("polars", "to store a frame")
    for name, dtype in frame.schema.items():
        if dtype == polars.Object:
            raise SerializationError(
                f"column {name!r} has dtype Object, which Arrow cannot hold; expected numbers, strings, "
                f"times, lists or structs; cast it, or drop it"
            )
    empty = _worded(frame.clear(), facts.get("categorical", ())).to_arrow()
    back = join(empty, {**facts, "class": "DataFrame"}, None)
    changed = [name for name, dtype in frame.schema.items() if back.schema[name] != dtype]
    if changed:
        raise SerializationError(
            f"column {changed[0]!r} of dtype {frame.schema[changed[0]]} would come back as "
            f"{back.schema[changed[0]]}; expected a dtype that Arrow keeps; cast it"
        )
    return empty.schema


def _batches(frame: Any, categorical: Sequence[str]) -> Iterator[Any]:
    polars = need("polars", "to store a frame")
    converted = _WORD * frame.height * len(categorical)
    for name, dtype in frame.schema.items():
        if dtype == polars.String:
            converted += int(frame[name].str.len_bytes().sum() or 0) + 8 * frame.height
    size = batch_rows(frame.height, converted)
    for start in slices(frame.height, size):
        yield tidy_batch(_worded(frame.slice(start, size), categorical).to_arrow(), 0, size)
