"""What goes wrong under a store is a typed error that says where, what was expected and what to do."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lading_runner.contract import ArtifactRef
from lading_runner.errors import ArtifactMissing, ContractError, StoreForbidden, StoreFull, StoreUnavailable
from lading_runner.store import ArtifactStore, LocalStore, ObjectStore, Stat, open_object_store
from lading_runner.store.errnos import typed
from lading_runner.store.probe import probe

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL = """
import os, sys
from lading_runner.errors import StoreFull
from lading_runner.store import ArtifactStore, LocalStore
store = ArtifactStore(LocalStore(sys.argv[1] + "/store"))
kept = store.put_bytes(b"kept")[0]
small = b"s" * 1000
def many(file):
    for _ in range(5000):
        file.write(small)
def swallowing(file):
    try:
        many(file)
    except StoreFull:
        pass
def other(file):
    try:
        many(file)
    except StoreFull as e:
        raise RuntimeError("a library's own words") from e
attempts = {
    "big": lambda: store.put_bytes(bytes(5 << 20)),
    "many small": lambda: store.put(many),
    "swallowed": lambda: store.put(swallowing),
    "wrapped": lambda: store.put(other),
    "write": lambda: store.objects.write("k", bytes(5 << 20)),
    "create": lambda: store.objects.create("k", bytes(5 << 20)),
}
for name, attempt in attempts.items():
    try:
        attempt()
    except StoreFull as e:
        assert "bytes are free" in str(e) and "make room" in str(e) and sys.argv[1] in str(e), e
        print(name, "is full;", len(list(store.objects.list(""))), "objects;",
              sum(len(files) for _, _, files in os.walk(sys.argv[1])), "files;", store.blob_of(kept).read())
"""


def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size=2m none {tmp_path}"
    if shutil.which("unshare") is None:
        pytest.skip("a small file system cannot be mounted here: no unshare")
    tried = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", mount], check=False, capture_output=True, text=True
    )
    if tried.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {tried.stderr.strip()}")
    script = f'{mount} && exec "$0" -c "$1" {tmp_path}'
    argv = ["unshare", "-Urm", "sh", "-c", script, sys.executable, FULL]
    ran = subprocess.run(argv, check=False, capture_output=True, text=True, env=with_source())
    assert ran.stderr == ""
    names = ["big", "many small", "swallowed", "wrapped", "write", "create"]
    assert ran.stdout.splitlines() == [f"{name} is full; 1 objects; 1 files; b'kept'" for name in names]


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Permissions do not bind root: be nobody for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_folder_without_permission_is_forbidden_and_names_it() -> None:
    folder = tempfile.mkdtemp()
    try:
        store = LocalStore(folder)
        ArtifactStore(store).put_bytes(b"x")
        Path(folder).chmod(0o555)
        Path(folder, "blobs").chmod(0o000)
        with unprivileged():
            for attempt in (
                lambda: store.write("k", b""),
                lambda: store.create("k", b""),
                lambda: store.read("blobs/x"),
                lambda: store.stat("blobs/x"),
                lambda: store.delete("blobs/x"),
                lambda: list(store.list("blobs/")),
                lambda: ArtifactStore(LocalStore(folder)).put_bytes(b"y"),
            ):
                with pytest.raises(StoreForbidden) as caught:
                    attempt()
                assert folder in str(caught.value)
                assert f"uid {os.geteuid()}" in str(caught.value)
            checks = probe(store)
        assert [(check.name, check.ok) for check in checks] == [("write", False)]
        assert checks[0].cure.startswith("grant")
    finally:
        Path(folder).chmod(0o755)
        Path(folder, "blobs").chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("number", "kind"),
    [(28, StoreFull), (122, StoreFull), (13, StoreForbidden), (30, StoreForbidden), (5, StoreUnavailable)],
)
def test_system_errors_have_a_kind_each(number: int, kind: type[Exception]) -> None:
    error = typed(OSError(number, os.strerror(number)), "cannot write 'k'", "/")
    assert type(error) is kind
    assert os.strerror(number) in str(error)


class MemoryStore:
    """A stateful store that is nothing but an ``ObjectStore``, as a third party would write it."""

    root = "memory://"

    def __init__(self, *, forgets_conditions: bool = False, refuses_deletes: bool = False) -> None:
        self.objects: dict[str, bytes] = {}
        self._forgets_conditions = forgets_conditions
        self._refuses_deletes = refuses_deletes

    def read(self, key: str) -> bytes:
        return self.objects[key]

    def open(self, key: str) -> io.BytesIO:
        return io.BytesIO(self.objects[key])

    def write(self, key: str, data: bytes) -> None:
        self.objects[key] = data

    def create(self, key: str, data: bytes) -> bool:
        if key in self.objects and not self._forgets_conditions:
            return False
        self.objects[key] = data
        return True

    def stat(self, key: str) -> Stat | None:
        return Stat(key, len(self.objects[key]), 0) if key in self.objects else None

    def list(self, prefix: str) -> Iterator[Stat]:
        return (Stat(k, len(v), 0) for k, v in sorted(self.objects.items()) if k.startswith(prefix))

    def delete(self, key: str) -> None:
        if self._refuses_deletes:
            raise StoreForbidden("deletes are denied")
        self.objects.pop(key, None)

    def local_path(self, key: str) -> str | None:
        return None


def test_a_plain_object_store_can_hold_artifacts() -> None:
    objects: ObjectStore = MemoryStore()
    store = ArtifactStore(objects)
    digest, size = store.put_bytes(b"abc")
    blob = store.blob(ArtifactRef(digest, size, "bytes", "bytes"))
    assert (blob.read(), blob.local_path()) == (b"abc", None)
    with pytest.raises(ArtifactMissing, match="unknown producer"):
        store.blob(ArtifactRef("sha256:" + "0" * 64, 1, "bytes", "bytes"))


def test_a_big_remote_artifact_waits_in_a_file_that_goes_with_the_blob(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    data = os.urandom(65 << 20)
    store = ArtifactStore(MemoryStore())
    blob = store.blob(ArtifactRef(*store.put_bytes(data), "bytes", "bytes"))
    assert [str(path) for path in tmp_path.iterdir()] == [blob.local_path()]
    assert blob.read() == data
    with blob.open() as file:
        file.seek(64 << 20)
        assert file.read() == data[64 << 20 :]
    del blob, file
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("store", "failing", "seen"),
    [
        (MemoryStore(forgets_conditions=True), "conditional create", "answers [True, True]"),
        (MemoryStore(refuses_deletes=True), "delete", "deletes are denied"),
    ],
)
def test_the_probe_names_what_a_store_cannot_do(store: MemoryStore, failing: str, seen: str) -> None:
    checks = probe(store)
    assert [check.ok for check in checks] == [True] * (len(checks) - 1) + [False]
    assert checks[-1].name == failing
    assert seen in checks[-1].detail
    assert checks[-1].cure


@pytest.mark.parametrize(
    "url",
    ["s3://key:s3cr3t@bucket/x", "s3://s3cr3t@bucket/x", "gs://bucket/x?token=s3cr3t",
     "abfss://box:s3cr3t@account.dfs.core.windows.net/x", "az://box/x#s3cr3t"],
)  # fmt: skip
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ContractError, match="credentials") as caught:
        open_object_store(url)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("option", ["secret_acess_key", "skip_signature", "checksum_algorithm"])
def test_an_option_that_does_not_fit_is_named_and_its_value_not_shown(option: str) -> None:
    pytest.importorskip("obstore")
    with pytest.raises(ContractError, match=option) as caught:
        open_object_store("s3://bucket/x", {option: "s3cr3t"})
    assert "s3cr3t" not in str(caught.value)


def test_without_obstore_a_cloud_store_names_every_cure() -> None:
    code = (
        "import sys; sys.modules['obstore'] = None\n"
        "from lading_runner.errors import DependencyError\n"
        "from lading_runner.store import open_object_store\n"
        "try: open_object_store('s3://bucket/x')\n"
        "except DependencyError as e: print(e)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=with_source()
    )
    assert "airflow-provider-lading[cloud]" in ran.stdout
    assert "requirements=['obstore'], or an image that has it, or mount the store" in ran.stdout


def test_importing_the_store_loads_no_client() -> None:
    code = (
        "import sys, lading_runner.store\n"
        "print([name for name in ('obstore', 'asyncio', 'airflow') if name in sys.modules])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=with_source()
    )
    assert ran.stdout.strip() == "[]"


def test_a_zip_can_be_written_straight_into_an_artifact(tmp_path: Path) -> None:
    def write(file: io.BufferedIOBase) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a", b"x" * 100_000)
            archive.writestr("b", b"y")

    store = ArtifactStore(LocalStore(str(tmp_path)))
    digest, _ = store.put(write)  # type: ignore[arg-type]
    with zipfile.ZipFile(store.blob_of(digest).open()) as archive:
        assert archive.testzip() is None
        assert archive.read("b") == b"y"


def test_a_file_is_put_as_it_is(tmp_path: Path) -> None:
    data = os.urandom(9 << 20)
    (tmp_path / "f").write_bytes(data)
    store = ArtifactStore(LocalStore(str(tmp_path / "store")))
    digest, size = store.put_file(tmp_path / "f")
    assert size == len(data)
    assert store.blob_of(digest).read() == data


def with_source() -> dict[str, str]:
    import lading_runner

    return {**os.environ, "PYTHONPATH": str(Path(lading_runner.__file__).parents[1])}
