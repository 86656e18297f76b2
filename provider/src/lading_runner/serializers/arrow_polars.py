"""polars frames and series by way of pyarrow."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from lading_runner.errors import SerializationError
from lading_runner.serializers.arrow import Parts, batch_rows, slices
from lading_runner.serializers.arrow_tidy import tidy_batch
from lading_runner.serializers.library import need

_FOR = "to store a frame"
_WORD = 40  # bytes, a guess: of one category, as a view and as text


def split(value: Any) -> Parts:
    """:raises SerializationError: a lazy frame, or a dtype that Arrow does not have"""
    if type(value).__name__ == "LazyFrame":
        raise SerializationError(
            "polars.LazyFrame is a query, not data; expected a DataFrame; return frame.collect()"
        )
    polars = need("polars", _FOR)
    frame = value.to_frame() if type(value).__name__ == "Series" else value
    # Codes of categories depend on what else the process has seen, their marks on the version of polars.
    words: Dict[str, Any] = {
        name: _categories(dtype)
        for name, dtype in frame.schema.items()
        if dtype in (polars.Categorical, polars.Enum)
    }
    facts = {"words": words} if words else {}
    schema = _check(frame, facts)
    return Parts(schema, facts, _batches(frame, list(words)))


def join(table: Any, facts: Mapping[str, Any], memory: Any) -> Any:
    polars = need("polars", "to read this frame as what it was")
    frame = polars.from_arrow(table)
    for name, categories in facts.get("words", {}).items():
        dtype = polars.Categorical if categories is None else polars.Enum(categories)
        frame = frame.with_columns(polars.col(name).cast(dtype))
    return frame.to_series() if facts["class"] == "Series" else frame


def describe(value: Any) -> Mapping[str, Any]:
    if type(value).__name__ != "DataFrame":
        return {"shape": list(getattr(value, "shape", ()))}
    return {
        "shape": list(value.shape),
        "columns": value.columns,
        "dtypes": [str(dtype).partition("(")[0] for dtype in value.dtypes],  # an enum would tell its values
    }


def _categories(dtype: Any) -> Optional[List[str]]:
    """Of an enum; None: a categorical, which has those of its values."""
    return list(dtype.categories) if type(dtype).__name__ == "Enum" else None


def _worded(frame: Any, words: Sequence[str]) -> Any:
    polars = need("polars", _FOR)
    return frame.with_columns(polars.col(name).cast(polars.String) for name in words)


def _check(frame: Any, facts: Mapping[str, Any]) -> Any:
    """The Arrow schema, which must lead back to the schema of ``frame``."""
    polars = need("polars", _FOR)
    for name, dtype in frame.schema.items():
        if dtype == polars.Object:
            raise SerializationError(
                f"column {name!r} has dtype Object, which Arrow cannot hold; expected numbers, strings, "
                f"times, lists or structs; cast it, or drop it"
            )
    empty = _worded(frame.clear(), list(facts.get("words", ()))).to_arrow()
    back = join(empty, {**facts, "class": "DataFrame"}, None)
    changed = [name for name, dtype in frame.schema.items() if back.schema[name] != dtype]
    if changed:
        raise SerializationError(
            f"column {changed[0]!r} of dtype {frame.schema[changed[0]]} would come back as "
            f"{back.schema[changed[0]]}; expected a dtype that Arrow keeps; cast it"
        )
    return empty.schema


def _batches(frame: Any, words: Sequence[str]) -> Iterator[Any]:
    polars = need("polars", _FOR)
    converted = _WORD * frame.height * len(words)
    for name, dtype in frame.schema.items():
        if dtype == polars.String:
            converted += int(frame[name].str.len_bytes().sum() or 0) + 8 * frame.height
    size = batch_rows(frame.height, converted)
    for start in slices(frame.height, size):
        yield tidy_batch(_worded(frame.slice(start, size), words).to_arrow(), 0, size)
