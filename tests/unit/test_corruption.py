"""A damaged artifact is never decoded: 1,000 corruptions over every format, through a store on disk."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import artifact_samples as samples
from lading_runner import values
from lading_runner.contract import ArtifactRef, Producer
from lading_runner.errors import ArtifactCorrupt, ArtifactMissing
from lading_runner.serializers import FORMATS

CORRUPTIONS = 1000
PRODUCER = Producer("churn", "manual__1", "train", 2)


class WatchedStore:
    """The real store, with a list of the digests whose bytes it gave to a decoder."""

    def __init__(self, store):
        self._store = store
        self.given: list[str] = []

    def blob(self, ref):
        blob = self._store.blob(ref)
        self.given.append(ref.digest)
        return blob


def truncate(raw, chance, others):
    return raw[: chance.randrange(len(raw))]


def flip(raw, chance, others):
    place, bit = chance.randrange(len(raw)), 1 << chance.randrange(8)
    return raw[:place] + bytes([raw[place] ^ bit]) + raw[place + 1 :]


def empty(raw, chance, others):
    return b""


def swap(raw, chance, others):
    return chance.choice([other for other in others if other != raw])


def append(raw, chance, others):
    return raw + chance.randbytes(chance.randrange(1, 100))


def shuffle(raw, chance, others):
    half = chance.randrange(1, len(raw))
    return raw[half:] + raw[:half] if raw[half:] + raw[:half] != raw else raw[::-1] + b"x"


KINDS = (truncate, flip, empty, swap, append, shuffle)


class Stored:
    """One sample in the store, and the files of its blobs: the whole, and elements of a collection."""

    def __init__(self, name, store):
        saved = samples.save(name, store)
        self.ref = ArtifactRef(saved.digest, saved.size, saved.format, saved.type, saved.meta, PRODUCER)
        self.files = [
            self._file(digest, store) for digest in (saved.digest, *samples.parts(name, saved, store))
        ]

    def _file(self, digest, store):
        return digest, Path(store.objects.local_path(f"blobs/sha256/{digest[7:9]}/{digest[7:]}"))


@pytest.fixture(scope="module")
def stored():
    store = samples.new_store()
    return store, [Stored(name, store) for name in samples.SAMPLES]


def corruptions(stored):
    """In turn over samples and kinds: the sample, the damaged digest, its file, the damaged bytes."""
    chance = random.Random(20261120)
    everything = [path.read_bytes() for one in stored for _, path in one.files]
    for number in range(CORRUPTIONS):
        one = stored[number % len(stored)]
        digest, path = chance.choice(one.files)
        damage = KINDS[(number // len(stored)) % len(KINDS)]
        raw = path.read_bytes()
        yield one, digest, path, damage(raw, chance, everything)


def test_a_thousand_corruptions_are_typed_errors_and_none_is_decoded(stored):
    store, everything = stored
    counted = {}
    for one, digest, path, damaged in corruptions(everything):
        whole = path.read_bytes()
        assert damaged != whole
        path.write_bytes(damaged)
        watched = WatchedStore(store)
        with pytest.raises(ArtifactCorrupt) as caught:
            values.load(one.ref, watched, allow_pickle=True)
        path.write_bytes(whole)
        assert digest not in watched.given
        for part in (digest, "churn.manual__1.train[2].return_value", "run its producer again"):
            assert part in str(caught.value)
        counted[one.ref.format] = counted.get(one.ref.format, 0) + 1
    assert sum(counted.values()) == CORRUPTIONS
    assert set(counted) == {*FORMATS, values.COLLECTION} - samples.ABSENT
    assert min(counted.values()) >= 30


def test_healed_artifacts_are_read_again(stored):
    store, everything = stored
    for name, one in zip(samples.SAMPLES, everything, strict=True):
        watched = WatchedStore(store)
        assert samples.same(samples.SAMPLES[name](), values.load(one.ref, watched, allow_pickle=True))
        assert one.ref.digest in watched.given


def test_a_deleted_artifact_is_a_typed_error_in_every_format(stored):
    store, everything = stored
    for one in everything:
        for digest, path in one.files:
            whole = path.read_bytes()
            path.unlink()
            with pytest.raises(ArtifactMissing, match=digest):
                values.load(one.ref, store, allow_pickle=True)
            path.write_bytes(whole)
