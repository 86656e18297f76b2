"""Tables of pandas, polars and pyarrow."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import artifact_samples as samples
from lading_runner import values
from lading_runner.errors import SerializationError
from lading_testkit import short

ROWS = 6


@pytest.fixture(scope="module")
def store():
    return samples.new_store()


def kept(value, store):
    return values.load(values.save(value, store), store)


def series(*cells, dtype=None):
    return pd.Series(list(cells) * (ROWS // len(cells)), dtype=dtype, name="column")


COLUMNS = {
    "int8": series(1, -2, dtype="int8"),
    "uint64": series(1, 2**64 - 1, dtype="uint64"),
    "float16": series(1, 2.5, dtype="float16"),
    "float NaN and infinity": series(np.nan, np.inf, -0.0),
    "bool": series(True, False),
    "str": series("a", "漢", dtype="str"),
    "str missing": series("a", None, dtype="str"),
    "string": series("a", pd.NA, dtype="string"),
    "string python": series("a", pd.NA, dtype="string[python]"),
    "datetime ns": series(pd.Timestamp("2026-01-01 00:00:00.000000001"), pd.NaT, dtype="datetime64[ns]"),
    "datetime s": series(pd.Timestamp("2026"), pd.Timestamp("2027"), dtype="datetime64[s]"),
    "zoned": series(pd.Timestamp("2026", tz="Europe/Berlin"), pd.NaT),
    "timedelta": series(pd.Timedelta(1, "s"), pd.NaT),
    "category": series("a", "b", dtype=pd.CategoricalDtype(["b", "a", "unused"], ordered=True)),
    "category of numbers": series(2, None, dtype=pd.CategoricalDtype([3, 2])),
    "Int64": series(1, pd.NA, dtype="Int64"),
    "UInt8": series(1, 2, dtype="UInt8"),
    "Float32": series(1.5, pd.NA, dtype="Float32"),
    "boolean": series(True, pd.NA, dtype="boolean"),
    "period": series(pd.Period("2026-01", "M"), pd.NaT, dtype="period[M]"),
    "interval": series(pd.Interval(0, 1), pd.Interval(1, 2)),
    "int64[pyarrow]": series(1, None, dtype="int64[pyarrow]"),
    "string[pyarrow]": series("1", None, dtype="string[pyarrow]"),
    "list[pyarrow]": pd.Series(pd.array([[1], None] * 3, dtype=pd.ArrowDtype(pa.list_(pa.int64())))),
    "object str": series("a", None, dtype=object),
    "object bytes": series(b"a", b"\xff"),
    "object list": series([1, 2], [], dtype=object),
    "object dict": series({"a": 1}, {"a": 2}, dtype=object),
    "object int": series(1, 2, dtype=object),
    "object bool": series(True, None, dtype=object),
    "object date": series(dt.date(2026, 1, 1), None, dtype=object),
    "object decimal": series(decimal.Decimal("1.50"), decimal.Decimal("2.25"), dtype=object),
    "object nothing": series(None, dtype=object),
}
ONE = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
INDEXES = {
    "range": pd.RangeIndex(5, 9, 2, name="k"),
    "numbers": pd.Index([3, 1], name=7),
    "texts": pd.Index(["a", "b"]),
    "objects": pd.Index(["a", "b"], dtype=object),
    "dates with frequency": pd.date_range("2026", periods=2, freq="D"),
    "zoned": pd.date_range("2026", periods=2, tz="UTC"),
    "durations": pd.timedelta_range("1h", periods=2, freq="h"),
    "periods": pd.period_range("2026", periods=2, freq="M"),
    "categories": pd.CategoricalIndex(["b", "a"]),
    "intervals": pd.interval_range(0, 2),
    "several": pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", None]),
    "named as a column": pd.Index([5, 6], name="a"),
}
LABELS = {
    "numbers": pd.Index([0, 1]),
    "objects": pd.Index(["a", "b"], dtype=object),
    "named": pd.Index(["a", "b"], name="n"),
    "dates": pd.date_range("2026", periods=2, freq="D"),
    "several": pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", "y"]),
    "odd words": pd.Index(["", "é 漢\n"]),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("rows", [ROWS, 0])
def test_a_pandas_column_keeps_its_dtype_and_values(name, rows, store):
    column = COLUMNS[name].iloc[:rows]
    if "object" in name and rows == 0:
        column = column.astype(object)
    pd.testing.assert_frame_equal(kept(column.to_frame(), store), column.to_frame())
    pd.testing.assert_series_equal(kept(column, store), column)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_pandas_column_may_be_changed_in_place(name, store):
    frame = kept(COLUMNS[name].to_frame("c"), store)
    if isinstance(frame["c"].iloc[1], (list, dict)) or name == "list[pyarrow]":
        pytest.skip("pandas itself cannot assign a list or dict to a cell by label")
    frame.loc[0, "c"] = frame["c"].iloc[1]
    assert str(frame["c"].iloc[0]) == str(COLUMNS[name].iloc[1])
    again = kept(COLUMNS[name].to_frame("c"), store)
    pd.testing.assert_frame_equal(again, COLUMNS[name].to_frame("c"))


@pytest.mark.parametrize("name", INDEXES)
def test_a_pandas_index_comes_back(name, store):
    index = INDEXES[name]
    pd.testing.assert_index_equal(kept(index, store), index)
    assert getattr(kept(index, store), "freq", None) == getattr(index, "freq", None)
    frame = ONE.set_axis(index, axis=0)
    pd.testing.assert_frame_equal(kept(frame, store), frame, check_freq=True)
    pd.testing.assert_frame_equal(kept(frame[[]], store), frame[[]])


@pytest.mark.parametrize("name", LABELS)
def test_pandas_column_labels_come_back(name, store):
    frame = ONE.set_axis(LABELS[name], axis=1)
    pd.testing.assert_frame_equal(kept(frame, store), frame)


@pytest.mark.parametrize(
    "frame",
    [pd.DataFrame(), pd.DataFrame(index=range(5)), ONE.iloc[:0]],
    ids=["nothing", "no columns", "no rows"],
)
def test_an_empty_frame_comes_back(frame, store):
    pd.testing.assert_frame_equal(kept(frame, store), frame)


def test_a_frame_of_many_columns_comes_back_changeable(store):
    frame = pd.DataFrame(np.arange(900.0).reshape(3, 300))
    back = kept(frame, store)
    pd.testing.assert_frame_equal(back, frame)
    back.iloc[0, 299] = -1
    assert back.iloc[0, 299] == -1


def test_a_big_frame_is_written_in_several_batches_and_comes_back_whole(store):
    frame = pd.DataFrame({"o": pd.Series(["a", None] * 400_000, dtype=object), "n": np.arange(800_000)})
    ref = values.save(frame, store)
    assert pa.ipc.open_file(store.blob(ref).open()).num_record_batches == 2
    pd.testing.assert_frame_equal(values.load(ref, store), frame)


def test_numbers_are_mapped_from_the_file_and_not_copied(store):
    frame = pd.DataFrame({"n": np.arange(100_000), "f": np.full(100_000, np.nan)})
    back = kept(frame, store)
    for column in back:
        base = back[column].to_numpy()
        while isinstance(base, np.ndarray):
            base = base.base
        assert type(base.obj if isinstance(base, memoryview) else base).__name__ == "mmap"


def equal_frames():
    text = pa.chunked_array([["a", None], ["b"], [], ["c"]], pa.large_string())
    masked = pd.arrays.IntegerArray(np.array([1, 99, 3, 4]), np.array([False, True, False, False]))
    one = pd.DataFrame(
        {"t": pd.array(["a", None, "b", "c"], dtype="str"), "i": pd.array([1, None, 3, 4], "Int64")}
    )
    other = pd.DataFrame({"t": pd.arrays.ArrowStringArray(text, dtype=one["t"].dtype), "i": masked})
    sliced = pd.concat([one.iloc[:2], one, one]).iloc[2:6]
    rebuilt = pd.DataFrame(np.asfortranarray(np.arange(8.0).reshape(4, 2)))
    return [(one, other), (one, sliced), (pd.DataFrame(np.arange(8.0).reshape(4, 2)), rebuilt)]


@pytest.mark.parametrize(("one", "other"), equal_frames(), ids=["chunks", "slice", "order"])
def test_equal_frames_are_equal_bytes_however_they_lie_in_memory(one, other, store):
    other = other.set_axis(one.index, axis=0)
    pd.testing.assert_frame_equal(one, other)
    assert values.save(one, store) == values.save(other, store)


def equal_tables():
    data = {
        "b": [True, None, False, True, True],
        "l": [[1], None, [2, 3], [], [4]],
        "s": ["x", None, "y", "", "z"],
    }
    data["st"] = [{"a": n} if n else None for n in range(5)]
    one = pa.table(data)
    other = pa.concat_tables([one.slice(0, 0), one.slice(0, 2), one.slice(2, 3)])
    wide = pa.concat_tables([one, one, one]).combine_chunks().slice(5, 5)
    return [(one, other), (one, wide), (one.to_batches()[0], wide.combine_chunks().to_batches()[0])]


@pytest.mark.parametrize(("one", "other"), equal_tables(), ids=["chunks", "slice", "batch"])
def test_equal_arrow_tables_are_equal_bytes_however_they_lie_in_memory(one, other, store):
    assert one.equals(other)
    assert values.save(one, store) == values.save(other, store)
    assert kept(other, store).equals(one)


def with_stray_bytes():
    """Arrays that differ from ordinary ones in bits past their end and in values under their nulls alone."""
    flags = pa.array([True, False, True])
    stray = pa.Array.from_buffers(pa.bool_(), 3, [None, pa.py_buffer(b"\xfd")])
    lists = pa.array([[1], None, [2, 3]])
    mask, offsets = pa.array([False, True, False]), pa.array([0, 1, 3, 5], pa.int32())
    hidden = pa.ListArray.from_arrays(offsets, pa.array([1, 8, 9, 2, 3]), mask=mask)
    texts, valid = pa.array(["a", None, "b"]), pa.py_buffer(b"\x05")
    ends = pa.py_buffer(np.array([0, 1, 2, 3], np.int32).tobytes())
    covered = pa.Array.from_buffers(pa.string(), 3, [valid, ends, pa.py_buffer(b"axb")])
    structs = pa.array([{"a": 1}, None, {"a": 2}])
    inner = pa.StructArray.from_arrays([pa.array([1, 7, 2])], ["a"], mask=mask)
    days = pa.array([1, None, 2], pa.date32())
    late = pa.Array.from_buffers(pa.date32(), 3, [valid, pa.py_buffer(np.array([1, 5, 2], "i4").tobytes())])
    return [(flags, stray), (lists, hidden), (texts, covered), (structs, inner), (days, late)]


@pytest.mark.parametrize(
    ("plain", "stray"), with_stray_bytes(), ids=["bool", "list", "text", "struct", "date"]
)
def test_stray_bytes_of_arrow_arrays_are_not_stored(plain, stray, store):
    assert plain.equals(stray)
    assert values.save(plain, store) == values.save(stray, store)
    assert kept(stray, store).equals(plain)


def test_equal_polars_frames_are_equal_bytes_whatever_categories_came_before(store):
    frame = pl.DataFrame({"c": pl.Series(["u", "v"], dtype=pl.Categorical), "s": ["a", None]})
    before = values.save(frame, store)
    pl.Series(["z", "v", "y"], dtype=pl.Categorical)
    again = pl.concat([frame[1:], frame])[1:].with_columns(pl.col("c").cast(pl.String).cast(pl.Categorical))
    assert values.save(again, store) == before
    words = pa.ipc.open_file(store.blob(before).open()).schema.field("c")
    assert words.type == pa.large_string()


@pytest.mark.parametrize(
    "value",
    [
        pl.Series("s", [1, None]),
        pl.DataFrame(),
        pl.DataFrame(
            {"d": [dt.timedelta(1), None], "t": [dt.time(1), None], "x": [decimal.Decimal("1.1"), None]}
        ),
        pl.DataFrame({"a": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int8, 2)), "n": [None, None]}),
        pa.table({}),
        pa.array([1.5, None]),
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.chunked_array([[1], [2]]),
        pa.record_batch({"a": [b"x", None]}),
        pa.table(
            {"a": [1]}, schema=pa.schema([pa.field("a", pa.int8(), metadata={"k": "v"})], metadata={"m": "n"})
        ),
    ],
    ids=str,
)
def test_polars_and_arrow_values_come_back_as_what_they_were(value, store):
    back = kept(value, store)
    assert type(back) is type(value)
    assert back.equals(value)
    assert getattr(back, "schema", None) == getattr(value, "schema", None)


def test_any_arrow_library_reads_the_file(store):
    ref = values.save(ONE, store)
    table = pa.ipc.open_file(io.BytesIO(store.blob(ref).read())).read_all()
    assert table.to_pydict() == {"a": [1, 2], "b": ["x", "y"]}
    assert pl.read_ipc(io.BytesIO(store.blob(ref).read())).to_dict(as_series=False) == table.to_pydict()


class Frame(pd.DataFrame):
    pass


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (pd.DataFrame({"a": [1, "x"]}), r"column 'a' of dtype object holds mixed-integer values.*astype"),
        (pd.DataFrame({"a": [object()]}), r"column 'a' of dtype object.*astype"),
        (pd.DataFrame({"a": [{"k": 1}, {"l": 1}]}), r"column 'a' of dtype object.*values would change"),
        (pd.DataFrame({"a": [(1, 2)]}), r"column 'a' of dtype object.*values would change"),
        (pd.DataFrame({"a": [1j]}), r"part that Arrow cannot hold.*expected columns of numbers"),
        (pd.DataFrame({"a": np.arange(3, dtype=">i4")}), r"column 'a' of dtype >i4 would come back as int32"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), r"column 'a' stands twice.*rename"),
        (
            pd.DataFrame([[1, 2]], columns=[1, "a"]),
            r"column labels \[1, 'a'\] are of several types.*map\(str\)",
        ),
        (Frame({"a": [1]}), r"of type Frame .*pandas\.DataFrame\(value\)"),
        (pl.LazyFrame({"a": [1]}), r"polars\.LazyFrame is a query.*frame\.collect\(\)"),
        (pl.DataFrame({"a": pl.Series([Frame], dtype=pl.Object)}), r"column 'a' has dtype Object.*cast it"),
    ],
    ids=lambda value: re.sub(r"\W+", " ", short(value))[:30],
)
def test_a_refusal_names_the_column_and_the_cure(value, message, store):
    with pytest.raises(SerializationError, match="return_value.*" + message):
        values.save(value, store)


def test_the_reference_tells_shape_and_columns(store):
    ref = values.save(ONE, store)
    assert ref.type == "pandas.DataFrame"
    assert dict(ref.meta) == {"shape": [2, 2], "columns": ["a", "b"], "dtypes": ["int64", "str"]}
    wide = values.save(pd.DataFrame(np.zeros((1, 500))), store)
    assert wide.meta["shape"] == [1, 500]
    assert 0 < len(wide.meta["columns"]) < 500
