"""Immutable values by the SHA-256 of their bytes, over any object store."""

from __future__ import annotations

import contextlib
import hashlib
import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Callable, List, NamedTuple, Optional, Protocol, Union, cast

from lading_runner.contract import ArtifactRef, Digest, Producer, is_digest
from lading_runner.errors import ArtifactCorrupt, ArtifactMissing
from lading_runner.store.blobs import FileBlob, MemoryBlob
from lading_runner.store.errnos import typed
from lading_runner.store.hashing import HashingWriter, hash_fd
from lading_runner.store.keys import blob_key, blob_prefix, digest_of

if TYPE_CHECKING:
    from lading_runner.serializers.base import Blob
    from lading_runner.store.base import ObjectStore

#: Bytes of a remote artifact that are kept in memory; more go to a temporary file.
IN_MEMORY = 64 << 20
_COPY = 4 << 20  # bytes per read of a file that is put


class _Intake(Protocol):
    """What our own stores have beyond ``ObjectStore``, so that big files are moved or streamed in."""

    def spool(self) -> BinaryIO: ...

    def take(self, spooled: BinaryIO, key: str, sha256: str) -> None: ...

    def drop(self, spooled: BinaryIO) -> None: ...


class ArtifactStore:
    """Put bytes, get verified bytes. The same content is stored once; nothing is ever deleted.

    ``bytes_in`` and ``bytes_out``: sizes of the artifacts that were got and put here so far, code excepted.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self.bytes_in = self.bytes_out = 0
        self.objects = objects
        self.root = objects.root
        self._intake = cast(_Intake, objects) if hasattr(objects, "take") else _ByMemory(objects)

    def put(self, write: Callable[[BinaryIO], None]) -> tuple[Digest, int]:
        """Digest and size in bytes of what ``write`` writes into its file, which cannot seek.

        One pass, at most 64 MiB of memory; nothing is left behind where ``write`` fails. It repairs a blob
        whose stored bytes were damaged.
        """
        spooled = self._intake.spool()
        try:
            sink = HashingWriter(spooled.fileno(), str(spooled.name))
            try:
                write(cast(BinaryIO, sink))
            finally:
                if sink.failure is not None:  # also where ``write`` made another error of it
                    raise sink.failure
            digest, size = sink.finish()
            self._intake.take(spooled, blob_key(digest), digest[len("sha256:") :])
            self.bytes_out += size
            return digest, size
        finally:
            self._intake.drop(spooled)

    def put_bytes(self, data: Union[bytes, memoryview]) -> tuple[Digest, int]:
        return self.put(lambda file: _write(file, data))

    def put_file(self, path: Union[str, os.PathLike[str]]) -> tuple[Digest, int]:
        """The digest is of the bytes that were stored, should the file change meanwhile."""
        return self.put(lambda file: _copy(os.fspath(path), file))

    def blob(self, ref: ArtifactRef) -> Blob:
        """Verified bytes of ``ref``; one hash pass.

        :raises ArtifactMissing: not in the store
        :raises ArtifactCorrupt: cut, or other bytes than were stored
        """
        found = self._verified(_Wanted(ref.digest, ref.size, _described(ref)))
        self.bytes_in += ref.size
        return found

    def blob_of(self, digest: str) -> Blob:
        """``blob`` where only the digest is known."""
        stat = self.objects.stat(blob_key(digest))
        wanted = _Wanted(digest, stat.size if stat else 0, f"artifact {_both(digest)}")
        if stat is None:
            raise self._missing(wanted)
        return self._verified(wanted)

    def exists(self, digest: str) -> bool:
        """Whether an object lies there; ``blob`` tells whether its bytes are right."""
        return self.objects.stat(blob_key(digest)) is not None

    def find(self, prefix: str) -> List[Digest]:
        """Digests that begin with ``prefix``, 4 or more hex digits, sorted.

        :raises ContractError: not a beginning of a digest
        """
        found = (digest_of(stat.key.rpartition("/")[2]) for stat in self.objects.list(blob_prefix(prefix)))
        return [digest for digest in found if is_digest(digest)]

    def _verified(self, wanted: _Wanted) -> Blob:
        if self.objects.local_path(blob_key(wanted.digest)) is not None:
            return self._mapped(wanted)
        with self._opened(wanted) as stream:
            return self._fetched(wanted, stream)

    def _opened(self, wanted: _Wanted) -> BinaryIO:
        try:
            return self.objects.open(blob_key(wanted.digest))
        except KeyError as e:
            raise self._missing(wanted) from e

    def _mapped(self, wanted: _Wanted) -> Blob:
        with self._opened(wanted) as file:
            fd = os.dup(file.fileno())
        verified = _identity(fd)
        blob = FileBlob(fd, wanted.size, lambda: self._name(wanted, verified))
        self._check_file(wanted, fd)
        return blob

    def _name(self, wanted: _Wanted, verified: tuple[int, ...]) -> str:
        """Path of the blob; verified again if another put replaced the file since."""
        with self._opened(wanted) as file:
            if _identity(file.fileno()) != verified:
                self._check_file(wanted, file.fileno())
            return str(file.name)

    def _check_file(self, wanted: _Wanted, fd: int) -> None:
        try:
            size = os.fstat(fd).st_size
            found = hash_fd(fd) if size == wanted.size else ""
        except OSError as e:
            raise typed(e, f"cannot read {wanted.described}", self.root) from e
        self._check(wanted, size, found)

    def _fetched(self, wanted: _Wanted, stream: BinaryIO) -> Blob:
        if wanted.size <= IN_MEMORY:
            data = stream.read(wanted.size + 1)
            self._check(wanted, len(data), hashlib.sha256(data).hexdigest())
            return MemoryBlob(data)
        import tempfile  # a tenth of a start of the runner, for remote stores alone

        fd, path = tempfile.mkstemp(prefix="lading-")
        blob = FileBlob(fd, wanted.size, lambda: path)
        weakref.finalize(blob, _unlink, path)
        size, found = _download(stream, fd, wanted.size + 1, path)
        self._check(wanted, size, found)
        return blob

    def _check(self, wanted: _Wanted, size: int, sha256: str) -> None:
        if size != wanted.size:
            wrong = f"has {size:,}{' or more' if size > wanted.size else ''} bytes, expected {wanted.size:,}"
        elif sha256 != wanted.digest[len("sha256:") :]:
            wrong = f"hashes to sha256:{sha256}, expected its own digest"
        else:
            return
        raise ArtifactCorrupt(f"{wanted.described} is damaged in {self.root}: it {wrong}; {_CURE}")

    def _missing(self, wanted: _Wanted) -> ArtifactMissing:
        return ArtifactMissing(
            f"{wanted.described} is not in {self.root}; expected an object at {blob_key(wanted.digest)}; "
            f"{_CURE}"
        )


class _Wanted(NamedTuple):
    digest: str
    size: int  # bytes
    described: str


_CURE = "run its producer again (it writes the same bytes), or restore the store from a backup"


def _described(ref: ArtifactRef) -> str:
    return f"artifact {_both(ref.digest)} of type {ref.type}, from {_producer(ref.producer)},"


def _both(digest: str) -> str:
    return f"{digest[len('sha256:') :][:12]} ({digest})"


def _producer(producer: Optional[Producer]) -> str:
    """``dag.run.task[map].key``"""
    if producer is None:
        return "unknown producer"
    task = f"{producer.dag_id}.{producer.run_id}.{producer.task_id}"
    mapped = "" if producer.map_index < 0 else f"[{producer.map_index}]"
    return f"{task}{mapped}.{producer.key}{producer.element or ''}"


def _identity(fd: int) -> tuple[int, ...]:
    facts = os.fstat(fd)
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def _download(stream: BinaryIO, fd: int, limit: int, path: str) -> tuple[int, str]:
    """Size and hex SHA-256 of what was written to ``fd``: at most ``limit`` bytes."""
    sink = HashingWriter(fd, path)
    while sink.tell() < limit and (chunk := stream.read(min(_COPY, limit - sink.tell()))):
        sink.write(chunk)
    digest, size = sink.finish()
    return size, digest[len("sha256:") :]


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()


def _write(file: BinaryIO, data: Union[bytes, memoryview]) -> None:
    file.write(data)


def _copy(path: str, file: BinaryIO) -> None:
    with Path(path).open("rb", buffering=0) as source:
        room = memoryview(bytearray(_COPY))
        while count := source.readinto(room):
            file.write(room[:count])


class _ByMemory:
    """Intake of a store that only is an ``ObjectStore``: each artifact passes through memory."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def spool(self) -> BinaryIO:
        import tempfile

        return cast(BinaryIO, tempfile.TemporaryFile(buffering=0, prefix="lading-"))

    def take(self, spooled: BinaryIO, key: str, sha256: str) -> None:
        spooled.seek(0)
        self._objects.write(key, spooled.read())

    def drop(self, spooled: BinaryIO) -> None:
        spooled.close()
