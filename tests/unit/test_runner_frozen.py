"""Immutable classes that are made without ``dataclasses``, so that the runner starts quickly."""

from __future__ import annotations

import copy
import pickle
import subprocess
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from lading_runner.errors import ContractError
from lading_runner.frozen import Frozen
from lading_testkit import pythons
from runner_jobs import job

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Point(Frozen):
    x: int
    y: int = 0
    facts: Mapping[str, Any] = {}
    note: str | None = None

    _uncompared: ClassVar[frozenset[str]] = frozenset({"facts", "note"})

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError(f"x is {self.x}")


class Other(Frozen):
    x: int
    y: int = 0


class Point3(Point):
    z: int = 0


ANY: Any = Point  # calls that a type checker refuses


def test_fields_are_given_by_place_and_by_name() -> None:
    shown = "Point(x=1, y=2, facts={'a': 1}, note=None)"
    assert [repr(Point(1, 2, {"a": 1})), repr(Point(y=2, facts={"a": 1}, x=1))] == [shown, shown]
    assert repr(Point3(1, z=3)) == "Point3(x=1, y=0, facts={}, note=None, z=3)"


@pytest.mark.parametrize(
    ("args", "named", "message"),
    [
        ((), {}, "Point needs x"),
        ((), {"y": 1}, "Point needs x"),
        ((1,), {"w": 1}, "Point takes x, y, facts, note, each once; got 1 values, w"),
        ((1,), {"x": 1}, "each once; got 1 values, x"),
        ((1, 2, {}, "", 5), {}, "each once; got 5 values"),
    ],
)
def test_other_fields_than_the_class_has_are_refused(
    args: tuple[Any, ...], named: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        ANY(*args, **named)


def test_equality_leaves_uncompared_fields_and_other_classes_out() -> None:
    one = Point(1, 2, {"a": 1}, "left")
    assert one == Point(1, 2, note="right")
    assert len({one, Point(1, 2), Point(2, 2)}) == 2
    assert one != Point(1, 3, {"a": 1}, "left")
    assert Other(1, 2) != one != Point3(1, 2)


def test_no_field_is_set_or_deleted() -> None:
    point: Any = Point(1)
    with pytest.raises(AttributeError, match=r"Point\.x is not to be set; use replace\(x=\.\.\.\)"):
        point.x = 2
    with pytest.raises(AttributeError, match=r"Point\.x is not to be deleted"):
        del point.x
    assert point.x == 1


def test_a_default_dict_is_nobody_elses() -> None:
    one: Any = Point(1)
    one.facts["a"] = 1
    assert Point(1).facts == {}


def test_replace_changes_some_fields_and_checks_all() -> None:
    one = Point(1, 2, {"a": 1}, "left")
    assert repr(one.replace(y=3, note=None)) == "Point(x=1, y=3, facts={'a': 1}, note=None)"
    assert one.y == 2
    with pytest.raises(ValueError, match="x is -1"):
        one.replace(x=-1)
    with pytest.raises(TypeError, match="got 0 values, x, y, facts, note, w"):
        one.replace(w=1)


def test_copies_and_pickles_are_equal_in_every_field() -> None:
    one = Point(1, 2, {"a": 1}, "left")
    copies = (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one)))
    assert {repr(made) for made in copies} == {repr(one)}


@pytest.mark.parametrize("python", pythons())
def test_a_start_loads_no_module_that_takes_long(tmp_path: Path, python: str) -> None:
    made = job(tmp_path, "def run():\n    pass\n")
    (made.folder / "spec.json").unlink()
    assert made.run(python).code == ContractError.exit_code  # the first start unpacks the zip
    argv = [python, "-X", "importtime", *made.argv]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "lading_runner.store.local" in loaded, done.stderr
    long = {"ast", "dataclasses", "datetime", "inspect", "random", "shutil", "socket", "tempfile", "zipfile"}
    assert loaded & long == set()
