"""Hash and write in one pass, without a copy of big buffers."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from typing import TYPE_CHECKING, Any, Optional

from lading_runner.store.errnos import typed
from lading_runner.store.keys import digest_of

if TYPE_CHECKING:
    from lading_runner.contract import Digest
    from lading_runner.errors import StoreError

_GATHER = 1 << 20  # smaller writes are gathered up to this many bytes
_DIRECT = 1 << 16  # from here on a write goes straight through
_BIG = 4 << 20  # from here on room is reserved first
_SLICE = 1 << 20
CHUNK = 1 << 20  # bytes per read when hashing a file


class HashingWriter(io.RawIOBase):
    """A binary file that cannot seek; ``finish`` tells what went through it.

    A write that fails is remembered: libraries that swallow the error of their file do not hide it.
    """

    def __init__(self, fd: int, folder: str) -> None:
        self._fd = fd
        self._folder = folder  # for messages
        self._hash = hashlib.sha256()
        self._gathered = bytearray()
        self._size = 0
        self.failure: Optional[StoreError] = None

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: Any) -> int:  # anything with the buffer protocol
        view = memoryview(data)
        if view.nbytes == 0:
            return 0
        if view.ndim != 1 or view.format != "B":
            view = view.cast("B")
        self._size += len(view)
        if len(view) < _DIRECT:
            self._gathered += view
            if len(self._gathered) >= _GATHER:
                self._drain()
        else:
            self._drain()
            self._through(view)
        return len(view)

    def finish(self) -> tuple[Digest, int]:
        """:raises StoreError: a write failed"""
        self._drain()
        self.close()
        return digest_of(self._hash.hexdigest()), self._size

    def flush(self) -> None:
        """Nothing: ``finish`` writes what is gathered, so that a forgotten wrapper cannot write later."""

    def _drain(self) -> None:
        if self._gathered:
            gathered, self._gathered = self._gathered, bytearray()
            self._through(memoryview(gathered))

    def _through(self, view: memoryview) -> None:
        """Hash and write in slices that stay in the processor's cache.

        On a busy machine one write of 256 MiB costs up to three times the processor time of its slices, and
        hashing on a second core costs more still; on an idle one it would save a quarter of the time.
        """
        if self.failure is not None:
            raise self.failure
        try:
            if len(view) >= _BIG:
                _reserve(self._fd, len(view))
            for start in range(0, len(view), _SLICE):
                part = view[start : start + _SLICE]
                self._hash.update(part)
                while part:
                    part = part[os.write(self._fd, part) :]
        except OSError as e:
            self.failure = typed(e, f"cannot write {self._size:,} bytes", self._folder)
            raise self.failure from e


_NOT_HERE = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.ESPIPE, errno.ENODEV}


def _reserve(fd: int, length: int) -> None:
    """Allocate ahead where possible: a third off the cost of the write, and a full disk is told early."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(fd, os.lseek(fd, 0, os.SEEK_CUR), length)
    except OSError as e:
        if e.errno in _NOT_HERE:
            return
        raise


def hash_fd(fd: int) -> str:
    """Hex SHA-256 of the file from its beginning; its position does not matter and does not move."""
    found = hashlib.sha256()
    offset = 0
    if hasattr(os, "preadv"):
        room = memoryview(bytearray(CHUNK))
        while count := os.preadv(fd, [room], offset):
            found.update(room[:count])
            offset += count
        return found.hexdigest()
    while chunk := os.pread(fd, CHUNK, offset):
        found.update(chunk)
        offset += len(chunk)
    return found.hexdigest()
