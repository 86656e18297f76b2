"""The wire contract: what one release wrote, every later one of the same protocol reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lading_runner.contract import PROTOCOL, Record, Result, Spec
from lading_runner.errors import ContractError

GOLDEN = Path(__file__).parent.parent / "golden" / "wire"
FILES = sorted(GOLDEN.glob("*/*.json"))
KINDS: dict[str, type[Record]] = {"spec": Spec, "result": Result}


def _kind(path: Path) -> type[Record]:
    return KINDS[path.stem.partition("-")[0]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_files_are_read_and_written_alike(path: Path) -> None:
    """Never edit them: jobs and workers of released versions speak so."""
    raw = path.read_bytes()
    assert _kind(path).loads(raw).dumps() == raw


def test_this_protocol_has_golden_files_that_show_every_field() -> None:
    here = GOLDEN / str(PROTOCOL)
    for name, kind in KINDS.items():
        files = [here / f"{name}.json", *here.glob(f"{name}-*.json")]  # those behind show what came later
        shown = {field for file in files for field in json.loads(file.read_bytes())}
        assert shown == set(kind._fields)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_fields_of_a_later_release_are_ignored(path: Path) -> None:
    data = json.loads(path.read_bytes())
    read = _kind(path).from_json({**data, "of_tomorrow": {"x": 1}})
    assert read.dumps() == path.read_bytes()


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_another_protocol_is_refused_naming_both(path: Path) -> None:
    data = {**json.loads(path.read_bytes()), "protocol": PROTOCOL + 1}
    with pytest.raises(ContractError, match=rf"protocol {PROTOCOL + 1}, this side speaks {PROTOCOL}; give"):
        _kind(path).from_json(data)
