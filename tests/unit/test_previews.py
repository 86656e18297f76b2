"""What people see of an artifact: every format, its caps, and that nothing of it can hurt a step."""

from __future__ import annotations

import json

import matplotlib.figure
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import artifact_samples as samples
from lading_runner import previews, serializers, values
from lading_runner.masks import NO_SECRETS, Masker
from lading_runner.previews import Previews, plain


@pytest.fixture
def store():
    return samples.new_store()


def shown(value, store, *, masker=NO_SECRETS, **options):
    ref = values.save(value, store, previews=Previews(store, masker), **options)
    raw = store.objects.read(previews.key_of(ref.digest, ref.format))
    assert len(raw) <= previews.LIMIT
    found = json.loads(raw)
    assert (found["preview"], found["format"], found["type"], found["size"]) == (
        previews.VERSION, ref.format, ref.type, ref.size,
    )  # fmt: skip
    return found


KINDS = {
    "json_plain": "json", "json_tagged": "json", "text_long": "text", "bytes_raw": "bytes",
    "npy_floats": "array", "npy_fortran": "array", "npy_structured": "array",
    "arrow_pandas": "table", "arrow_series": "table", "arrow_polars": "table", "arrow_table": "table",
    "tensors_state": "model", "tensors_one": "array", "skops_forest": "model", "skops_words": "model",
    "skops_set": "model", "xgboost_classifier": "model", "lightgbm_classifier": "model",
    "figure_line": "figure", "file_script": "text", "directory_tree": "directory",
    "collection_mixed": "collection", "pickle_class": "object",
}  # fmt: skip


def test_every_built_in_format_has_a_preview_here():
    assert set(previews._BY_FORMAT) == {*serializers.FORMATS, values.COLLECTION}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_value(name, store):
    if name.startswith("tensors") and not samples.HAS_TORCH:
        pytest.skip("needs torch")
    found = shown(getattr(samples, name)(), store, allow_pickle=name.startswith("pickle"))
    assert found["kind"] == KINDS[name]


def test_columns_of_a_table(store):
    frame = pd.DataFrame(
        {
            "n": [1, 2, 3, 4],
            "x": [0.5, np.nan, np.inf, 1.5],
            "word": ["a", None, "b", "a"],
            "when": pd.to_datetime(["2026-01-02", None, "2026-01-01", "2026-01-03"]),
            "kind": pd.Categorical(["u", "v", "u", "u"]),
        }
    )
    found = shown(frame, store)
    assert (found["rows"], found["column_count"], found["statistics_rows"]) == (4, 5, 4)
    n, x, word, when, kind = found["columns"]
    assert (n["name"], n["type"], n["min"], n["max"], n["mean"], n["distinct"]) == (
        "n",
        "int64",
        1,
        4,
        2.5,
        4,
    )
    assert sum(n["histogram"]["counts"]) == 4
    assert len(n["histogram"]["edges"]) == len(n["histogram"]["counts"]) + 1
    assert (x["missing"], x["min"], x["max"]) == (1, 0.5, 1.5)  # infinity has no place on an axis
    assert (word["missing"], word["distinct"], word["top"]) == (1, 2, [["a", 2], ["b", 1]])
    assert (when["missing"], when["min"], when["max"]) == (1, "2026-01-01 00:00:00", "2026-01-03 00:00:00")
    assert kind["top"] == [["u", 3], ["v", 1]]
    assert found["head"][1] == [2, None, None, None, "v"]
    assert found["head"][2][1] is None  # JSON has no infinity


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_missing_values_are_counted_in_all_rows_and_the_rest_in_a_sample(library, store):
    rows = 120_001
    table = pa.table({"x": pa.array([None if i % 3 == 1 else i for i in range(rows)])})
    value = {"pandas": table.to_pandas, "polars": lambda: pl.from_arrow(table), "pyarrow": lambda: table}[
        library
    ]()
    found = shown(value, store)
    (column,) = found["columns"]
    assert (found["rows"], column["missing"]) == (rows, 40_000)
    assert 50_000 <= found["statistics_rows"] <= 100_000
    assert column["distinct"] is None  # nobody counted


def test_wide_and_long_content_is_cut(store):
    wide = shown(pd.DataFrame([["x" * 5000] * 300] * 50), store)
    assert (wide["column_count"], len(wide["columns"])) == (300, 100)
    assert len(wide["head"]) <= 20
    deep = value = []
    for _ in range(40):
        value.append(inner := [])
        value = inner
    assert shown({"deep": deep, "long": list(range(10_000))}, store)["truncated"]
    text = shown("é" * 100_000, store)
    assert (len(text["text"]), text["truncated"]) == (65_536, True)


def test_an_array_with_nothing_to_count(store):
    assert shown(np.empty((0, 3)), store)["statistics_items"] == 0
    assert shown(np.array(["a", "b"]), store)["head"] == ["a", "b"]
    assert shown(np.array(3.5), store)["head"] == 3.5
    planes = shown(np.arange(2 * 30 * 40, dtype="int16").reshape(2, 30, 40), store)
    assert (planes["shape"], planes["head"][1][:2]) == ([2, 30, 40], [40, 41])
    assert (planes["min"], planes["max"]) == (0, 2399)


def test_a_figure_is_shown_as_it_was_stored(store):
    figure = matplotlib.figure.Figure((2, 1), dpi=100)
    figure.add_subplot().plot([1, 2])
    found = shown(figure, store)
    assert (found["media"], found["width"], found["height"]) == ("image/png", 200, 100)


def test_files_by_their_content(store, tmp_path):
    (tmp_path / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (tmp_path / "b.csv").write_text("a,b\n1,2\n")
    (tmp_path / "c.bin").write_bytes(b"\x00\xff" * 1000)
    assert shown(tmp_path / "a.svg", store)["media"] == "image/svg+xml"
    assert shown(tmp_path / "b.csv", store)["text"] == "a,b\n1,2\n"
    assert shown(tmp_path / "c.bin", store)["head"] == "00ff" * 128
    folder = shown(tmp_path, store)
    assert [entry["path"] for entry in folder["entries"]] == ["a.svg", "b.csv", "c.bin"]
    assert folder["total_size"] == sum(path.stat().st_size for path in tmp_path.iterdir())


SECRET = 'tr0ub4dor"&3 ünd more'


def test_secrets_are_taken_out(store):
    masker = Masker([SECRET])
    for value in (pd.DataFrame({SECRET: [SECRET]}), {"key": SECRET}, SECRET * 200):
        assert "tr0ub4dor" not in json.dumps(shown(value, store, masker=masker))


LONG = "-" * 490


@pytest.mark.parametrize(
    "value",
    [
        f"{LONG}{SECRET}{LONG}",
        "-" * (plain.TEXT - 10) + SECRET + LONG,
        {"key": [f"{LONG}{SECRET}"]},
        pd.DataFrame({f"{LONG}{SECRET}": [f"{LONG}{SECRET}"]}),
        f"--{SECRET}--".encode(),
        b"-" * (plain.HEAD - 10) + SECRET.encode(),
    ],
    ids=["text", "long text", "json", "table", "bytes", "many bytes"],
)
def test_a_secret_that_the_end_of_a_preview_goes_through_is_taken_out(store, value):
    found = json.dumps(shown(value, store, masker=Masker([SECRET])))
    half = SECRET[:8]
    assert [form for form in (half, half.encode().hex()) if form in found] == []
    found = json.dumps(shown(value, samples.new_store()))
    assert half in found or half.encode().hex() in found


def test_elements_get_previews_up_to_a_number(store):
    arrays = [np.array([n]) for n in range(150)]
    found = values.save(arrays, store, previews=Previews(store))
    written = list(store.objects.list("previews/"))
    assert len(written) == previews._MOST
    assert found.meta["length"] == 150


class Broken:
    def __init__(self):
        self.asked = 0

    format = "broken"

    def preview(self, value):
        self.asked += 1
        raise RuntimeError("no")


def test_a_preview_that_fails_is_left_out(store):
    ref = values.save({"a": 1}, store)
    broken = Broken()
    Previews(store).write({"a": 1}, ref, broken)
    assert broken.asked == 1
    assert not list(store.objects.list("previews/"))


def test_the_first_preview_stays(store):
    ref = values.save([1], store, previews=Previews(store))
    key = previews.key_of(ref.digest, ref.format)
    before = store.objects.read(key)
    values.save([1], store, previews=Previews(store, Masker(["json"])))
    assert store.objects.read(key) == before


def test_what_does_not_fit_is_halved_or_left_out():
    raw = previews.fitting({"kind": "table", "head": ["x" * 1000] * 2000, "rows": 5})
    assert raw is not None
    found = json.loads(raw)
    assert found["cut"]
    assert 0 < len(found["head"]) < 2000
    assert previews.fitting({"text": "x" * (previews.LIMIT + 1)}) is None
