"""Values into the store and back: what a reference says, collections, pickle, damage."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import artifact_samples as samples
from lading_runner import values
from lading_runner.contract import ArtifactRef, Producer, canonical_json
from lading_runner.errors import ArtifactMissing, ArtifactUndecodable, SerializationError
from lading_runner.serializers.json import from_jsonable
from lading_testkit import short

PRODUCER = Producer("churn", "manual__1", "load", 3)


@pytest.fixture(scope="module")
def store():
    return samples.new_store()


@dataclass
class Setting:
    trees: int
    when: dt.date


@dataclass
class Fitted:
    name: str
    weights: np.ndarray
    setting: Setting


def test_a_reference_says_format_type_and_size(store):
    ref = values.save({"accuracy": 0.5}, store)
    assert (ref.format, ref.type, ref.size) == ("json", "dict", len(b'{"accuracy":0.5}'))
    assert store.blob(ref).read() == b'{"accuracy":0.5}'


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (1, "int"),
        ((1,), "tuple"),
        (np.zeros(1), "numpy.ndarray"),
        (pd.DataFrame(), "pandas.DataFrame"),
        (pd.RangeIndex(1), "pandas.RangeIndex"),
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "datetime.datetime"),
        (Path(), "pathlib.Path"),
        (Setting(1, dt.date(2026, 1, 1)), "Setting"),
    ],
    ids=short,
)
def test_a_type_is_named_for_people(value, name):
    assert values.type_name(value) == name


def test_facts_are_cut_to_their_limit_and_those_that_reading_needs_stay():
    facts = {
        "name": "n" * 120,
        "columns": ["c" * 50] * 40,
        "note": "x" * 900,
        "shape": [1, 2],
        "deep": {"a": "y" * 700},
    }
    found = values.trimmed(facts)
    assert len(canonical_json(found)) <= values.META
    assert found["name"] == facts["name"]
    assert found["shape"] == [1, 2]
    assert 0 < len(found["columns"]) < 40


def test_facts_within_the_limit_are_left_alone():
    assert values.trimmed({"shape": [1], "columns": ["a"]}) == {"shape": [1], "columns": ["a"]}


def test_a_list_with_an_array_is_stored_element_by_element(store):
    value = [np.arange(3), {"a": 1}, "x" * 600, [np.zeros(1)]]
    ref = values.save(value, store)
    assert (ref.format, ref.type, dict(ref.meta)) == ("collection", "list", {"kind": "list", "length": 4})
    found = values.elements(ref, store)
    assert found.kind == "list"
    assert [(place, part.format, part.type) for place, part, _ in found.refs] == [
        ("[0]", "npy", "numpy.ndarray"),
        ("[1]", "json", "dict"),
        ("[2]", "json", "str"),
        ("[3]", "collection", "list"),
    ]
    assert [small for _, _, small in found.refs] == [values.ABSENT, {"a": 1}, values.ABSENT, values.ABSENT]
    assert samples.same(values.load(ref, store), value)


def test_one_element_is_read_without_the_others(store):
    ref = values.save([np.arange(3), np.arange(4)], store)
    first, second = (part for _, part, _ in values.elements(ref, store).refs)
    path = Path(store.objects.local_path(f"blobs/sha256/{first.digest[7:9]}/{first.digest[7:]}"))
    path.write_bytes(b"damaged")
    assert values.load(second, store).tolist() == [0, 1, 2, 3]
    values.save(np.arange(3), store)  # heals it


def test_a_dict_is_stored_under_its_keys(store):
    value = {"left": np.zeros(1), "top left": (1, 2), 3: None}
    found = values.elements(values.save(value, store), store)
    assert (found.kind, list(found.keys)) == ("dict", [3, "left", "top left"])
    assert [place for place, _, _ in found.refs] == ["[3]", "['left']", "['top left']"]
    assert from_jsonable(found.refs[2][2]) == (1, 2)


@pytest.mark.parametrize("value", [[1, "x" * 600], (1, 2), {"b": 1, "a": [2]}, [], {}], ids=short)
def test_a_split_value_has_elements_although_json_could_hold_it(value, store):
    ref = values.save(value, store, split=True)
    assert ref.format == values.COLLECTION
    assert len(values.elements(ref, store).refs) == len(value)
    back = values.load(ref, store)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("value", ["text", 1, {1.5: "a"}, np.zeros(2)], ids=short)
def test_what_has_no_elements_is_not_split(value, store):
    assert values.save(value, store, split=True) == values.save(value, store)


def test_an_inline_element_has_the_digest_that_it_would_have_alone(store):
    part = values.elements(values.save([{"a": 1}], store, split=True), store).refs[0][1]
    alone = values.save({"a": 1}, store)
    assert (part.digest, part.size) == (alone.digest, alone.size)


def test_equal_dicts_are_equal_bytes_whatever_their_order(store):
    one, other = {"a": np.zeros(1), "b": 1}, {"b": 1, "a": np.zeros(1)}
    assert values.save(one, store) == values.save(other, store)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ([1, {"model": object()}], r"return_value\[1\]\.model is of type object"),
        ([np.zeros(1), [object()]], r"return_value\[1\]\[0\] is of type object"),
        ({"a b": [np.array([object()])]}, r"return_value\['a b'\]\[0\]: array of dtype object"),
        ({"f": Fitted("n", np.zeros(1), object())}, r"return_value\.f\.setting is of type object"),
        ({1.5: np.zeros(1)}, r"return_value is of type dict"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_refusal_names_the_element(value, path, store):
    with pytest.raises(SerializationError, match=path):
        values.save(value, store)


def test_a_refusal_names_the_ways_out(store):
    with pytest.raises(SerializationError) as caught:
        values.save(object(), store)
    for way in ("dataclass", "lading.serializers", "allow_pickle=True on the step", "[lading] allow_pickle"):
        assert way in str(caught.value)


def test_a_collection_that_contains_itself_is_refused(store):
    loop: list = [np.zeros(1)]
    loop.append(loop)
    with pytest.raises(SerializationError, match="deeper than 64 levels, or contains itself"):
        values.save(loop, store)


def test_a_dataclass_comes_back_as_a_dict_or_as_its_class(store):
    setting = Setting(3, dt.date(2026, 1, 1))
    ref = values.save(setting, store)
    assert (ref.type, dict(ref.meta)) == ("Setting", {"class": "Setting", "fields": ["trees", "when"]})
    assert values.load(ref, store) == {"trees": 3, "when": setting.when}
    assert values.load(ref, store, annotation=Setting) == setting


def test_a_dataclass_with_an_array_comes_back_as_its_class(store):
    fitted = Fitted("n", np.arange(2), Setting(3, dt.date(2026, 1, 1)))
    ref = values.save(fitted, store)
    assert ref.format == values.COLLECTION
    back = values.load(ref, store, annotation=Fitted)
    assert (back.name, back.weights.tolist(), back.setting) == ("n", [0, 1], fitted.setting)


def test_data_that_does_not_fit_the_annotation_names_the_artifact(store):
    ref = values.save({"trees": 1, "depth": 2}, store)
    with pytest.raises(ArtifactUndecodable, match=rf"{ref.digest} .*unknown field 'depth'"):
        values.load(ref, store, annotation=Setting)


def test_pickle_is_refused_both_ways_unless_allowed(store):
    with pytest.raises(SerializationError):
        values.save(range(3), store)
    ref = values.save(range(3), store, allow_pickle=True)
    assert ref.format == "pickle"
    with pytest.raises(ArtifactUndecodable, match=r"is a pickle.*allow_pickle=True"):
        values.load(ref, store)
    assert values.load(ref, store, allow_pickle=True) == range(3)


def test_a_pickle_that_is_not_allowed_is_not_even_read():
    absent = ArtifactRef("sha256:" + "0" * 64, 9, "pickle", "object")
    with pytest.raises(ArtifactUndecodable, match="is a pickle"):
        values.load(absent, samples.new_store())


def test_where_pickle_is_allowed_open_formats_are_still_preferred(store):
    ref = values.save([np.zeros(1), range(3)], store, allow_pickle=True)
    assert [part.format for _, part, _ in values.elements(ref, store).refs] == ["npy", "pickle"]
    mixed = values.save(pd.DataFrame({"a": [1, "x"]}), store, allow_pickle=True)
    assert mixed.format == "pickle"


def test_what_cannot_be_pickled_either_says_so(store):
    with pytest.raises(SerializationError, match="cannot be pickled"):
        values.save(lambda: None, store, allow_pickle=True)


RAW = {
    "json": b"{",
    "text": b"\xff",
    "npy": b"\x93NUMPY\x09\x00",
    "arrow": b"ARROW1\0\0x",
    "safetensors": b"\x01",
    "xgboost": b"{x",
    "lightgbm": b"tree\n",
    "skops": b"PK",
    "directory": b"x" * 600,
    "pickle": b"\x80\x05x",
    "collection": b"{}",
    "unheard": b"x",
}


@pytest.mark.parametrize("format_id", sorted(RAW.keys() - samples.ABSENT))
def test_bytes_of_another_format_are_a_typed_error_that_names_artifact_producer_and_cure(format_id, store):
    digest, size = store.put_bytes(RAW[format_id])
    ref = ArtifactRef(digest, size, format_id, "dict", producer=PRODUCER)
    with pytest.raises(ArtifactUndecodable) as caught:
        values.load(ref, store, allow_pickle=True)
    for part in (digest, "churn.manual__1.load[3].return_value", "run the producer again"):
        assert part in str(caught.value)


def test_an_element_that_is_missing_is_named_with_its_place(store):
    ref = values.save([np.arange(5)], store)
    whole = ArtifactRef(ref.digest, ref.size, ref.format, ref.type, ref.meta, PRODUCER)
    lost = values.elements(ref, store).refs[0][1].digest
    store.objects.delete(f"blobs/sha256/{lost[7:9]}/{lost[7:]}")
    with pytest.raises(ArtifactMissing, match=r"churn\.manual__1\.load\[3\]\.return_value\[0\]"):
        values.load(whole, store)


def test_what_is_no_collection_has_no_elements(store):
    with pytest.raises(ArtifactUndecodable, match="has no elements"):
        values.elements(values.save(1, store), store)


@pytest.mark.parametrize("name", sorted(set(samples.SAMPLES)))
def test_bytes_tell_their_format_or_that_they_do_not(name, store):
    ref = samples.save(name, store)
    if ref.format in ("text", "bytes", "file"):
        with pytest.raises(ArtifactUndecodable, match="of no known format"):
            values.sniff(store.blob(ref))
    else:
        assert values.sniff(store.blob(ref)) == ref.format


def test_a_value_is_read_by_its_digest_alone(store):
    for name in (
        "arrow_pandas",
        *(["tensors_state"] if samples.HAS_TORCH else []),
        "xgboost_classifier",
        "lightgbm_classifier",
        "collection_mixed",
    ):
        ref = samples.save(name, store)
        blob = store.blob_of(ref.digest)
        bare = ArtifactRef(ref.digest, blob.size, values.sniff(blob), "unknown")
        assert samples.same(values.load(bare, store), samples.SAMPLES[name]())
