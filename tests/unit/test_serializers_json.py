"""JSON keeps exact types, and says where a value does not fit."""

from __future__ import annotations

import collections
import datetime as dt
import enum
import json
import math
from dataclasses import dataclass, field
from typing import NamedTuple, Optional

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel

from lading_runner.contract import canonical_json
from lading_runner.errors import ArtifactUndecodable, SerializationError
from lading_runner.serializers.annotation import fit
from lading_runner.serializers.json import from_jsonable, to_jsonable
from lading_runner.serializers.untag import parse
from lading_testkit import short


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Inner:
    when: dt.date
    colour: Colour = Colour.RED


@dataclass
class Config:
    name: str
    inner: Inner
    points: list[Point] = field(default_factory=list)
    other: Optional[Inner] = None  # noqa: UP045 -- both spellings are to be understood
    more: dict[str, Inner] | None = None


class Model(BaseModel):
    size: int = Field(alias="Size")
    inner: Config


class Names(RootModel[list[str]]):
    pass


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters())  # with halves of surrogate pairs
    | st.binary(max_size=20)
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.datetimes(timezones=st.none() | st.timezones() | st.just(dt.UTC), allow_imaginary=True)
    | st.complex_numbers(allow_nan=False)
)
keys = st.text(max_size=3) | st.integers() | st.just("$tuple") | st.booleans()
plain = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.frozensets(scalars.filter(lambda value: value == value), max_size=3)
        | st.sets(st.text(max_size=2), max_size=3)
    ),
    max_leaves=12,
)


@given(plain)
def test_any_plain_value_comes_back_through_bytes(value):
    raw = canonical_json(to_jsonable(value))
    back = from_jsonable(json.loads(raw))
    assert repr_sorted(back) == repr_sorted(value)
    assert canonical_json(to_jsonable(back)) == raw


def repr_sorted(value):
    """Tells types, signs of zero and time zones apart, but not the order of dicts and sets."""
    if isinstance(value, (list, tuple)):
        return (type(value), [repr_sorted(item) for item in value])
    if isinstance(value, dict):
        return (dict, sorted(repr((repr_sorted(k), repr_sorted(v))) for k, v in value.items()))
    if isinstance(value, (set, frozenset)):
        return (type(value), sorted(repr(repr_sorted(item)) for item in value))
    return (type(value), repr(value), getattr(value, "fold", 0))


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ((1, [2]), {"$tuple": [1, [2]]}),
        ({"b", "a"}, {"$set": ["a", "b"]}),
        ({2: "x", 1: "y"}, {"$dict": [[1, "y"], [2, "x"]]}),
        ({"$x": 1}, {"$dict": [["$x", 1]]}),
        (math.nan, {"$float": "nan"}),
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), {"$datetime": "2026-01-01T00:00:00+00:00"}),
        (b"x", {"$bytes": "eA=="}),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Point(1, 2), {"$tuple": [1, 2]}),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.float64("nan"), {"$float": "nan"}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (Inner(dt.date(2026, 1, 1)), {"when": {"$date": "2026-01-01"}, "colour": "red"}),
        (Names(["a"]), ["a"]),
    ],
    ids=short,
)
def test_the_stored_form_is(value, data):
    assert to_jsonable(value) == data
    assert type(to_jsonable(value)) is type(data)


class Words(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "path", "type_name"),
    [
        ({"frames": [object()]}, "value.frames[0]", "object"),
        ({"a b": {3: {1j: print}}}, "value['a b'][3][1j]", "builtin_function_or_method"),
        ([1, (2, Words("x"))], "value[1][1]", "Words"),
        (Config("n", object()), "value.inner", "object"),  # type: ignore[arg-type]
        (np.longdouble(1), "value", "numpy.longdouble"),
        (np.datetime64("2026"), "value", "numpy.datetime64"),
        ({"big": b"x" * 5000}, "value.big", "bytes"),
        (Colour, "value", "EnumType"),
        (Config, "value", "type"),
    ],
    ids=short,
)
def test_a_refusal_names_the_place_and_the_type(value, path, type_name):
    with pytest.raises(SerializationError) as caught:
        to_jsonable(value)
    assert str(caught.value).startswith(f"{path} is of type {type_name}, which JSON cannot hold")


def test_a_value_that_contains_itself_is_refused():
    loop: list = []
    loop.append({"again": loop})
    with pytest.raises(SerializationError, match=r"value\[0\]\.again contains itself"):
        to_jsonable(loop)


def test_a_dataclass_that_contains_itself_is_refused():
    config = Config("n", None)  # type: ignore[arg-type]
    config.inner = config  # type: ignore[assignment]
    with pytest.raises(SerializationError, match=r"value\.inner contains itself"):
        to_jsonable(config)


def test_the_same_list_twice_is_no_loop():
    twice = [1]
    assert to_jsonable([twice, twice]) == [[1], [1]]


def test_sixty_four_levels_fit_and_one_more_does_not():
    value: list = []
    for _ in range(63):
        value = [value]
    assert from_jsonable(to_jsonable(value)) == value
    with pytest.raises(SerializationError, match="deeper than 64 levels"):
        to_jsonable([value])


@pytest.mark.parametrize(
    "data",
    [
        {"$new": 1},
        {"$tuple": 3},
        {"$uuid": "x"},
        {"$zone": "No/Where"},
        {"$decimal": "?"},
        {"$dict": [[[], 1]]},
    ],
    ids=short,
)
def test_a_damaged_or_newer_tag_is_a_typed_error(data):
    with pytest.raises(ArtifactUndecodable, match=r"tag '\$"):
        from_jsonable(data)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[" * 100_000, b"\xff"], ids=["empty", "cut", "deep", "not UTF-8"]
)
def test_what_is_not_json_is_a_typed_error(raw):
    with pytest.raises(ArtifactUndecodable, match="not JSON"):
        parse(raw)


def test_an_annotation_makes_the_users_classes_again():
    inner = Inner(dt.date(2026, 1, 1))
    config = Config("n", inner, [Point(1, 2)], inner, {"k": inner})
    assert fit(from_jsonable(to_jsonable(config)), Config) == config
    model = Model(Size=3, inner=config)
    assert fit(from_jsonable(to_jsonable(model)), Model) == model
    assert fit(["a"], Names) == Names(["a"])
    assert fit("red", Colour) is Colour.RED


def test_without_a_class_to_fit_the_data_stays_as_it_is():
    assert fit({"name": 1}, "Config") == {"name": 1}
    assert fit({"name": 1}, dict) == {"name": 1}
    assert fit([1], list[int]) == [1]
    assert fit(None, Config) is None


@pytest.mark.parametrize(
    ("data", "kind", "why"),
    [
        ({"name": "n"}, Config, "inner"),
        ({"when": 1, "colors": 2}, Inner, "unknown field 'colors'"),
        ({"size": "much"}, Model, "valid integer"),
        ("blue", Colour, "'blue' is not a valid Colour"),
    ],
    ids=short,
)
def test_data_that_does_not_fit_its_class_is_a_typed_error(data, kind, why):
    with pytest.raises(ArtifactUndecodable, match=why):
        fit(data, kind)
