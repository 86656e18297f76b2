"""Names that every worker computes alike."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lading.execution import attempt_folder, event_id, fingerprint, job_name
from lading.resources import GPU, Resources
from lading_runner.contract import Attempt
from lading_runner.store.keys import check_key

TRAIN = Attempt("dag", "run", "train")
PARTS: dict[str, Any] = {
    "code_digest": "sha256:1",
    "entry": "m:f",
    "args": [1],
    "params": {"trees": 2},
    "inputs": {"rows": "sha256:2"},
    "resources": Resources(cpu=1),
    "image": "i",
    "environment": {"requirements": []},
    "options": {},
    "python": "3.12",
}


def test_a_job_is_named_by_forty_hex_digits_and_not_by_the_try() -> None:
    assert job_name(TRAIN) == job_name(TRAIN.replace(try_number=7))
    assert len(job_name(TRAIN)) == 40
    assert int(job_name(TRAIN), 16)


def test_parts_of_a_name_cannot_flow_into_each_other() -> None:
    places = [("a", "b|c", "d"), ("a|b", "c", "d"), ("a", "b", "c|d"), ("a", "b", "d")]
    names = [Attempt(*place) for place in places]
    assert len({job_name(a) for a in names}) == len({attempt_folder(a) for a in names}) == 4
    assert job_name(TRAIN) != job_name(TRAIN.replace(generation=2))


def test_a_folder_is_readable_and_percent_encoded() -> None:
    attempt = Attempt("my.dag", "manual__2026-01-01T00:00:00+00:00", "a/b", 3, generation=2)
    expected = "attempts/my.dag/manual__2026-01-01T00%3A00%3A00%2B00%3A00/a%2Fb/3/2"
    assert attempt_folder(attempt) == expected


@settings(max_examples=200, deadline=None)
@example(["ü" * 250] * 3)
@example([".", "..", ".tmp"])
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=250), min_size=3, max_size=3
    )
)
def test_every_store_can_hold_every_folder(names: list[str]) -> None:
    assert check_key(f"{attempt_folder(Attempt(*names))}/result.json")


@pytest.mark.parametrize("name", [".", "..", ".tmp", "x" * 250, "ü" * 100])
def test_awkward_names_keep_their_own_folders(name: str) -> None:
    others = {attempt_folder(Attempt(other, "r", "t")) for other in (f"{name}y", f"%2E{name}", "x" * 200)}
    assert attempt_folder(Attempt(name, "r", "t")) not in others


@pytest.mark.parametrize(("part", "other"), [
    ("code_digest", "sha256:9"), ("code_digest", None), ("entry", "m:g"), ("args", []),
    ("params", {"trees": 3}),
    ("inputs", {"rows": "sha256:3"}), ("inputs", {"cols": "sha256:2"}), ("resources", Resources(cpu=2)),
    ("resources", Resources(cpu=1, gpu=GPU())), ("image", None), ("environment", {"requirements": ["x"]}),
    ("options", {"a": 1}), ("python", "3.13"),
])  # fmt: skip
def test_whatever_the_job_depends_on_changes_its_fingerprint(part: str, other: Any) -> None:
    assert fingerprint(**PARTS) != fingerprint(**{**PARTS, part: other})


def test_the_order_of_keys_does_not_change_a_fingerprint() -> None:
    one, two = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert fingerprint(**{**PARTS, "params": one}) == fingerprint(**{**PARTS, "params": two})


def test_the_kind_of_gpu_changes_a_fingerprint() -> None:
    one, two = Resources(gpu=GPU("l4")), Resources(gpu=GPU("a100"))
    assert fingerprint(**{**PARTS, "resources": one}) != fingerprint(**{**PARTS, "resources": two})


def test_an_event_is_a_version_seven_uuid_of_its_generation_and_start() -> None:
    started = "2026-01-01T00:00:00.123+00:00"
    found = uuid.UUID(event_id(TRAIN, started))
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert found.int >> 80 == 1767225600123
    assert str(found) == event_id(TRAIN.replace(try_number=2), started)
    assert str(found) != event_id(TRAIN.replace(generation=2), started)
