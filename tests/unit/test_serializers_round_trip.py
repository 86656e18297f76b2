"""Every format gives back what it was given, as the same bytes in every process and every release."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import artifact_samples as samples
from lading_runner import values
from lading_runner.contract import ArtifactRef
from lading_runner.serializers import FORMATS

ROOT = Path(__file__).parents[2]
GOLDEN = json.loads(samples.INDEX.read_text())


@pytest.fixture(scope="module")
def store():
    return samples.new_store()


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_a_value_comes_back_with_its_type(name, store):
    ref = samples.save(name, store)
    assert samples.same(samples.SAMPLES[name](), samples.load(ref, store))


@pytest.mark.parametrize("name", sorted(set(samples.SAMPLES) - {"figure_line"}))
def test_what_came_back_has_the_same_bytes_again(name, store):
    ref = samples.save(name, store)
    again = values.save(samples.load(ref, store), store, allow_pickle=True)
    assert (again.digest, again.format, again.type) == (ref.digest, ref.format, ref.type)


def test_the_samples_cover_every_format(store):
    found = {samples.save(name, store).format for name in samples.SAMPLES}
    assert found == {*FORMATS, values.COLLECTION} - samples.ABSENT


def test_other_processes_with_other_hash_seeds_write_the_same_bytes(store):
    here = {name: samples.save(name, store).digest for name in samples.SAMPLES}
    for seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-W", "error", "tests/artifact_samples.py", "digests"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": "provider/src"},
            stdout=subprocess.PIPE,
            check=True,
        )
        assert json.loads(there.stdout) == here


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_bytes_written_by_earlier_releases_are_still_read(name, store):
    ref = ArtifactRef.from_json(GOLDEN[name]["ref"])
    for part in golden_parts(ref, store):
        assert (samples.GOLDEN / part.removeprefix("sha256:")).exists()
    assert samples.same(samples.SAMPLES[name](), samples.load(ref, store))


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_bytes_are_those_of_earlier_releases(name, store):
    ref = ArtifactRef.from_json(GOLDEN[name]["ref"])
    if (here := samples.versions(ref.format)) != GOLDEN[name]["versions"]:
        pytest.skip(f"the golden file is of {GOLDEN[name]['versions']}, here is {here}")
    assert samples.save(name, store).to_json() == ref.to_json()


def golden_parts(ref, store):
    """Puts the golden bytes of ``ref`` and of its elements into the store."""
    raw = (samples.GOLDEN / ref.digest.removeprefix("sha256:")).read_bytes()
    assert store.put_bytes(raw) == (ref.digest, ref.size)
    yield ref.digest
    if ref.format == values.COLLECTION:
        for _place, inner, small in values.elements(ref, store).refs:
            if small is values.ABSENT:
                yield from golden_parts(inner, store)
