"""The local store passes the contract, and what only files can get wrong."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lading.testing import StoreContract
from lading.testing.store import at_once, ref_of
from lading_runner.errors import ArtifactCorrupt, ContractError, StoreForbidden
from lading_runner.store import ArtifactStore, LocalStore, open_object_store
from lading_runner.store.keys import blob_key


class TestLocal(StoreContract):
    @pytest.fixture
    def objects(self, tmp_path: Path) -> LocalStore:
        return LocalStore(str(tmp_path / "a store"))


@pytest.fixture
def objects(tmp_path: Path) -> LocalStore:
    return LocalStore(str(tmp_path / "store"))


@pytest.fixture
def store(objects: LocalStore) -> ArtifactStore:
    return ArtifactStore(objects)


def files(objects: LocalStore) -> list[Path]:
    return [path for path in Path(objects.folder).rglob("*") if path.is_file()]


def test_a_store_opens_again_by_its_root(tmp_path: Path) -> None:
    first = open_object_store(str(tmp_path / "with space, ü and %20"))
    first.write("k", b"v")
    assert first.root.startswith("file:///")
    assert open_object_store(first.root).read("k") == b"v"


@pytest.mark.parametrize(
    "url", ["relative/path", "file://host/x", "file:relative", "file:///x?y", "ftp://x/y", "", "s3:///x"]
)
def test_a_url_that_is_no_store_is_refused(url: str) -> None:
    with pytest.raises(ContractError, match="expected"):
        open_object_store(url)


def test_a_link_out_of_the_store_is_refused(objects: LocalStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    objects.write("in/x", b"")
    (Path(objects.folder) / "in" / "door").symlink_to(outside)
    (Path(objects.folder) / "in" / "file").symlink_to(outside / "secret")
    for key in ("in/door/secret", "in/file"):
        with pytest.raises(StoreForbidden, match="remove the link"):
            objects.read(key)
        with pytest.raises(StoreForbidden):
            objects.write(key, b"")
        with pytest.raises(StoreForbidden):
            objects.delete(key)
    assert [s.key for s in objects.list("")] == ["in/x"]
    assert (outside / "secret").read_bytes() == b"secret"


def test_nothing_temporary_remains(store: ArtifactStore, objects: LocalStore) -> None:
    objects.write("a", b"1")
    objects.create("a", b"2")
    objects.create("b", b"3")
    store.put_bytes(b"x" * 100)
    assert len(files(objects)) == 3


def test_a_killed_writer_leaves_nothing_visible_and_is_swept_later(
    objects: LocalStore, tmp_path: Path
) -> None:
    code = (
        "import os, sys; from lading_runner.store import ArtifactStore, LocalStore\n"
        "def write(file):\n"
        "    file.write(b'x' * (5 << 20))\n"
        "    os.kill(os.getpid(), 9)\n"
        "ArtifactStore(LocalStore(sys.argv[1])).put(write)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, objects.folder], check=False, env=with_source())
    assert killed.returncode == -9
    (left,) = files(objects)
    assert list(objects.list("")) == []
    ArtifactStore(LocalStore(objects.folder)).put_bytes(b"young ones stay: their writer may live")
    assert left.exists()
    os.utime(left, (0, 0))
    ArtifactStore(LocalStore(objects.folder)).put_bytes(b"old ones go")
    assert not left.exists()


def test_a_blob_reads_the_bytes_that_it_verified_whatever_becomes_of_the_name(store: ArtifactStore) -> None:
    data = os.urandom(1 << 20)
    ref = ref_of(*store.put_bytes(data))
    blob = store.blob(ref)
    store.objects.write(blob_key(ref.digest), b"poison" * 1000)
    assert blob.read() == data
    with pytest.raises(ArtifactCorrupt):
        blob.local_path()
    store.put_bytes(data)
    path = blob.local_path()
    assert path is not None
    assert Path(path).read_bytes() == data
    store.objects.delete(blob_key(ref.digest))
    assert blob.read() == data


def test_a_mapped_blob_survives_its_replacement(store: ArtifactStore) -> None:
    import mmap

    data = os.urandom(1 << 16)
    ref = ref_of(*store.put_bytes(data))
    path = store.blob(ref).local_path()
    assert path is not None
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        store.put_bytes(data)
        assert mapped[:] == data


def test_a_blob_closes_its_descriptor(store: ArtifactStore) -> None:
    ref = ref_of(*store.put_bytes(b"x"))
    before = len(os.listdir("/dev/fd"))
    for _ in range(50):
        store.blob(ref).read()
    assert len(os.listdir("/dev/fd")) <= before + 2


def test_without_hard_links_one_create_wins_all_the_same(
    objects: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "link", no_links)
    for turn in range(4):
        won = at_once(16, lambda n, turn=turn: objects.create(f"claims/{turn}", str(n).encode()))
        assert won.count(True) == 1
        assert objects.read(f"claims/{turn}") == str(won.index(True)).encode()
    (Path(objects.folder) / "claims" / ".tmp-taken-4").touch()  # somebody is about to create it
    assert not objects.create("claims/4", b"late")
    assert objects.stat("claims/4") is None
    objects.write("written", b"1")
    assert not objects.create("written", b"2")
    objects.delete("claims/0")
    assert objects.create("claims/0", b"again")
    assert [s.key for s in objects.list("claims/0")] == ["claims/0"]


def test_a_link_whose_answer_was_lost_still_wins(
    objects: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def lossy(source: str, target: str, **options: bool) -> None:
        link(source, target, **options)
        raise FileExistsError(errno.EEXIST, "the answer was lost, and the second try found the first")

    monkeypatch.setattr(os, "link", lossy)
    assert objects.create("claim", b"mine")


def test_of_processes_too_one_create_wins(objects: LocalStore) -> None:
    code = (
        "import sys; from lading_runner.store import LocalStore; store = LocalStore(sys.argv[1])\n"
        "sys.stdin.readline(); print(store.create('claim', sys.argv[2].encode()))\n"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-S", "-c", code, objects.folder, str(n)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=with_source(),
        )
        for n in range(8)
    ]  # fmt: skip
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = [racer.communicate(timeout=60)[0].strip() for racer in racers]
    assert won.count("True") == 1
    assert won.count("False") == 7
    assert objects.read("claim") == str(won.index("True")).encode()


def with_source() -> dict[str, str]:
    import lading_runner

    return {**os.environ, "PYTHONPATH": str(Path(lading_runner.__file__).parents[1])}
