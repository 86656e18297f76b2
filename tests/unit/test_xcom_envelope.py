"""Rows: small whatever they describe, read back exactly, and foreign values left alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.xcom import envelope
from lading.xcom.traced import Handle, TracedDict, TracedList, handles, json_ref, trace_json
from lading_runner.contract import ArtifactRef, Producer
from lading_runner.errors import ContractError

NAMES = st.text(
    st.characters(codec="ascii", categories=["L", "N"], include_characters="._-"), min_size=1, max_size=250
)
DIGEST = "sha256:" + "ab" * 32


def producer(dag: str = "dag", run: str = "run", task: str = "task") -> Producer:
    return Producer(dag, run, task, -1, "return_value")


@given(NAMES, NAMES, NAMES, st.dictionaries(st.text(max_size=20), st.text(max_size=200), max_size=40))
def test_a_row_of_an_artifact_is_small_and_read_back(
    dag: str, run: str, task: str, meta: dict[str, str]
) -> None:
    ref = ArtifactRef(DIGEST, 10**12, "arrow", "pandas.DataFrame", {**meta, "shape": [10**9, 10**4]})
    row = envelope.pack(Handle(ref, producer(dag, run, task)))
    assert len(json.dumps(row, ensure_ascii=False).encode()) <= 2048
    found = envelope.unpack(json.loads(json.dumps(row)))
    assert (found.ref, found.producer) == (ref, producer(dag, run, task))
    assert found.ref.meta["shape"] == [10**9, 10**4]


def test_a_row_says_what_it_is_in_one_line() -> None:
    ref = ArtifactRef(DIGEST, 115_097, "arrow", "pandas.DataFrame", {"shape": [455, 31]})
    assert envelope.preview(ref) == "pandas.DataFrame 455×31 · 112.4 KiB"
    assert envelope.preview(json_ref(3, "int")) == "int · 1 B"


@pytest.mark.parametrize("value", [None, 3, "text", [1], {"a": 1}, {"__lading__": None}, {"__lading__": 1}])
def test_what_has_no_whole_tag_is_not_ours(value: object) -> None:
    assert not envelope.is_ours(value)


def test_a_row_of_a_newer_release_is_refused_with_both_versions() -> None:
    row = {**envelope.pack(Handle(json_ref(3, "int"), producer(), 3)), "__lading__": 2}
    with pytest.raises(ContractError, match=r"version 2.*reads 1.*upgrade"):
        envelope.unpack(row)


@pytest.mark.parametrize(
    "change", [{"digest": "sha256:zz"}, {"producer": ["dag"]}, {"size": None, "digest": None}]
)
def test_a_damaged_row_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ContractError):
        envelope.unpack({**envelope.pack(Handle(json_ref(3, "int"), producer(), 3)), **change})


def test_a_traced_value_is_a_list_or_dict_of_handles_that_know_their_places() -> None:
    data = {"a": [1, {"b": 2}], "c": "x"}
    traced = trace_json(Handle(json_ref(data, "dict"), producer(), data))
    assert isinstance(traced, TracedDict)
    assert isinstance(traced["a"], TracedList)
    assert traced["a"][1]["b"].producer.element == "['a'][1]['b']"
    assert traced["a"][1]["b"].ref.digest == json_ref(2, "int").digest
    assert [path for path, _ in handles({"left": [traced["a"][0]], "right hand": traced}, "p")] == [
        "p.left[0]",
        "p['right hand']",
    ]
