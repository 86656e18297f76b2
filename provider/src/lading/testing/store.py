"""What every object store must do, and the artifact store over it. Inherit, and give ``objects``."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import pytest

from lading_runner.contract import ArtifactRef, Producer
from lading_runner.errors import ArtifactCorrupt, ArtifactMissing, ContractError
from lading_runner.store import ArtifactStore, ObjectStore
from lading_runner.store.keys import blob_key
from lading_runner.store.probe import probe

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

T = TypeVar("T")

PRODUCER = Producer("churn", "manual__1", "train", 3, "model")
ODD_KEYS = [
    "a b/c  d",
    "ü/é/e\u0301",
    "100%/a%20b/%2F",
    "manual__2026-11-20T12%3A00%3A00%2B00%3A00/x",
    "日本/🚢",
    "a+b&c=d?e#f",
    "*/<x>/'q\"/{}[]|^`~",
    "a..b/...",
    "-/_/.hidden",
]
BAD_KEYS = [
    "",
    "/a",
    "a/",
    "a//b",
    "a/../b",
    "..",
    ".",
    "a\\b",
    "a\x00b",
    "a\nb",
    ".tmp/x",
    "a/.tmp-1",
    "x" * 1025,
]


def at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """Results of ``work(0) … work(count - 1)``, all begun at the same moment."""
    gate = threading.Barrier(count)

    def one(number: int) -> T:
        gate.wait(30)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def _create(objects: ObjectStore, key: str, bodies: list[bytes], number: int) -> bool:
    return objects.create(key, bodies[number])


def ref_of(digest: str, size: int) -> ArtifactRef:
    return ArtifactRef(digest, size, "bytes", "builtins.bytes", producer=PRODUCER)


class StoreContract:
    """Give a fixture ``objects``: an ``ObjectStore`` that is empty and this test's own."""

    @pytest.fixture
    def objects(self) -> ObjectStore:
        raise NotImplementedError(f"{type(self).__name__} has to define the fixture objects(self)")

    def test_what_is_written_is_read(self, objects: ObjectStore) -> None:
        objects.write("a/b", b"bytes")
        assert objects.read("a/b") == b"bytes"
        with objects.open("a/b") as file:
            assert (file.read(2), file.read()) == (b"by", b"tes")
        stat = objects.stat("a/b")
        assert stat is not None
        assert (stat.key, stat.size) == ("a/b", 5)

    def test_an_absent_key_is_a_key_error(self, objects: ObjectStore) -> None:
        objects.write("folder/x", b"")
        for key in ("nothing/here", "folder"):
            assert objects.stat(key) is None
            with pytest.raises(KeyError):
                objects.read(key)
            with pytest.raises(KeyError):
                objects.open(key)

    def test_an_empty_object_is_an_object(self, objects: ObjectStore) -> None:
        objects.write("empty", b"")
        assert objects.create("empty-too", b"")
        assert (objects.read("empty"), objects.read("empty-too")) == (b"", b"")
        assert [(s.key, s.size) for s in objects.list("empty")] == [("empty", 0), ("empty-too", 0)]

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_odd_keys_come_back_as_they_went_in(self, objects: ObjectStore, key: str) -> None:
        objects.write(key, key.encode())
        assert objects.create(key + "2", b"")
        assert objects.read(key) == key.encode()
        assert [s.key for s in objects.list("")] == [key, key + "2"]
        objects.delete(key)
        assert objects.stat(key) is None

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_keys_that_could_leave_the_store_are_refused(self, objects: ObjectStore, key: str) -> None:
        for use in (objects.read, objects.open, objects.stat, objects.delete):
            with pytest.raises(ContractError):
                use(key)
        for store in (objects.write, objects.create):
            with pytest.raises(ContractError):
                store(key, b"")
        assert list(objects.list("")) == []

    def test_a_listing_is_in_key_order_and_by_any_prefix(self, objects: ObjectStore) -> None:
        keys = ["a", "b-c/x", "b/1", "b/10", "b/2/deep/er", "b/é", "b0", "c"]
        for key in reversed(keys):
            objects.write(key, b"1")
        everything = [s.key for s in objects.list("")]
        assert everything == sorted(everything, key=str.encode)
        assert everything == keys
        assert [s.key for s in objects.list("b/1")] == ["b/1", "b/10"]
        assert [s.key for s in objects.list("b")] == ["b-c/x", "b/1", "b/10", "b/2/deep/er", "b/é", "b0"]
        assert [s.key for s in objects.list("b/")] == ["b/1", "b/10", "b/2/deep/er", "b/é"]
        assert [s.key for s in objects.list("b/2/de")] == ["b/2/deep/er"]
        assert list(objects.list("zzz/")) == []

    def test_deleting_twice_is_fine(self, objects: ObjectStore) -> None:
        objects.write("gone", b"x")
        objects.delete("gone")
        objects.delete("gone")
        assert objects.stat("gone") is None
        assert objects.create("gone", b"again")

    def test_of_sixteen_conditional_creates_exactly_one_wins(self, objects: ObjectStore) -> None:
        for turn in range(4):
            key = f"claims/{turn}"
            bodies = [f"job {n}".encode() for n in range(16)]
            won = at_once(16, partial(_create, objects, key, bodies))
            assert won.count(True) == 1
            assert won.count(False) == 15
            assert objects.read(key) == bodies[won.index(True)]

    def test_a_second_create_of_equal_bytes_loses_too(self, objects: ObjectStore) -> None:
        assert objects.create("claim", b"same")
        assert not objects.create("claim", b"same")

    def test_a_create_of_a_written_key_loses(self, objects: ObjectStore) -> None:
        objects.write("claim", b"first")
        assert not objects.create("claim", b"second")
        assert objects.read("claim") == b"first"

    def test_a_reader_sees_one_version_or_the_other(self, objects: ObjectStore) -> None:
        versions = [bytes([n]) * (1 << 20) for n in range(2)]
        objects.write("x", versions[0])
        stop = threading.Event()

        def replace() -> None:
            turn = 0
            while not stop.is_set():
                turn += 1
                objects.write("x", versions[turn % 2])

        writer = threading.Thread(target=replace)
        writer.start()
        try:
            for _ in range(25):
                assert objects.read("x") in versions
        finally:
            stop.set()
            writer.join()

    def test_the_probe_finds_nothing_wrong_and_leaves_nothing(self, objects: ObjectStore) -> None:
        assert [check.name for check in probe(objects)] == [
            "write",
            "read",
            "conditional create",
            "list",
            "delete",
        ]
        assert all(check.ok and not check.cure for check in probe(objects))
        assert list(objects.list("")) == []

    # The artifact store over it

    @pytest.fixture
    def store(self, objects: ObjectStore) -> ArtifactStore:
        return ArtifactStore(objects)

    @pytest.mark.parametrize("size", [0, 1, 70_000, 20 << 20])
    def test_an_artifact_comes_back_verified(self, store: ArtifactStore, size: int) -> None:
        data = os.urandom(size)
        digest, stored = store.put_bytes(data)
        assert (digest, stored) == ("sha256:" + hashlib.sha256(data).hexdigest(), size)
        blob = store.blob(ref_of(digest, size))
        assert blob.size == size
        assert blob.read() == data
        with blob.open() as file:
            file.seek(-min(size, 3), os.SEEK_END)
            assert file.read() == data[size - min(size, 3) :]
        assert store.exists(digest)

    def test_writes_of_every_size_stream_into_one_artifact(self, store: ArtifactStore) -> None:
        parts = [os.urandom(n) for n in (1, 0, 65_535, 65_536, 1 << 20, 7, (4 << 20) + 1, 3)]

        def write(file: BinaryIO) -> None:
            for part in parts:
                file.write(part)

        digest, size = store.put(write)
        assert store.blob(ref_of(digest, size)).read() == b"".join(parts)

    def test_a_writer_that_fails_leaves_nothing(self, store: ArtifactStore) -> None:
        def write(file: BinaryIO) -> None:
            file.write(b"x" * (5 << 20))
            raise ValueError("the user's own")

        with pytest.raises(ValueError, match="the user's own"):
            store.put(write)
        assert list(store.objects.list("")) == []

    def test_an_absent_artifact_says_what_whose_and_the_cure(self, store: ArtifactStore) -> None:
        digest = "sha256:" + "ab" * 32
        assert not store.exists(digest)
        with pytest.raises(ArtifactMissing) as caught:
            store.blob(ref_of(digest, 5))
        for part in (digest, "builtins.bytes", "churn.manual__1.train[3].model", "run its producer again"):
            assert part in str(caught.value)
        with pytest.raises(ArtifactMissing):
            store.blob_of(digest)

    @pytest.mark.parametrize(
        "damage", [lambda d: d[:-1], lambda d: d + b"!", lambda d: b"", lambda d: b"J" + d[1:]]
    )
    def test_a_damaged_artifact_is_refused_and_heals_by_putting_it_again(
        self, store: ArtifactStore, damage: Callable[[bytes], bytes]
    ) -> None:
        data = b"just some bytes" * 1000
        ref = ref_of(*store.put_bytes(data))
        store.objects.write(blob_key(ref.digest), damage(data))
        with pytest.raises(ArtifactCorrupt) as caught:
            store.blob(ref)
        for part in (
            ref.digest,
            "builtins.bytes",
            "churn.manual__1.train[3].model",
            "run its producer again",
        ):
            assert part in str(caught.value)
        assert store.put_bytes(data) == (ref.digest, ref.size)
        assert store.blob(ref).read() == data

    def test_digests_are_found_by_their_first_digits(self, store: ArtifactStore) -> None:
        digests = sorted(store.put_bytes(bytes([n]))[0] for n in range(12))
        for digest in digests:
            for prefix in (digest[7:13], digest[:13], digest, digest[7:].upper()):
                assert store.find(prefix) == [digest]
        assert store.find("0" * 64) == []
        for bad in ("", "abc", "xyz1", "sha256:ab", "a" * 65, "../../"):
            with pytest.raises(ContractError):
                store.find(bad)

    def test_many_writers_of_one_digest_all_succeed(self, store: ArtifactStore) -> None:
        data = os.urandom(300_000)
        results = at_once(32, lambda _: store.put_bytes(data))
        assert len(set(results)) == 1
        assert store.blob(ref_of(*results[0])).read() == data
        assert len(list(store.objects.list("blobs/"))) == 1
