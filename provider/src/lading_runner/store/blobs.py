"""Verified bytes, in memory or in a file; see ``serializers.base.Blob``."""

from __future__ import annotations

import io
import os
import weakref
from typing import Any, BinaryIO, Callable, Optional, cast


class MemoryBlob:
    def __init__(self, data: bytes, path: Optional[str] = None) -> None:
        self.size = len(data)
        self._data = data
        self._path = path

    def read(self) -> bytes:
        return self._data

    def open(self) -> BinaryIO:
        return io.BytesIO(self._data)

    def local_path(self) -> Optional[str]:
        return self._path


class FileBlob:
    """Bytes behind one open descriptor: what was verified is what is read, whatever happens to the name.

    ``fd`` belongs to the blob and closes with it; ``path`` tells, each time, a name under which the same
    verified bytes can be mapped.
    """

    def __init__(self, fd: int, size: int, path: Callable[[], str]) -> None:
        self.size = size
        self._fd = fd
        self._path = path
        weakref.finalize(self, os.close, fd)

    def read(self) -> bytes:
        with self.open() as file:
            return file.read()

    def open(self) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(_Window(self, self._fd), 1 << 17))

    def local_path(self) -> Optional[str]:
        return self._path()


class _Window(io.RawIOBase):
    """An own position over a shared descriptor; keeps the blob, and so the descriptor, alive."""

    def __init__(self, blob: FileBlob, fd: int) -> None:
        self._blob = blob
        self._fd = fd
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._blob.size}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}, expected an offset from 0 on")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, room: Any) -> int:
        if hasattr(os, "preadv"):
            count = os.preadv(self._fd, [room], self._at)
        else:
            data = os.pread(self._fd, len(room), self._at)
            count = len(data)
            room[:count] = data
        self._at += count
        return count

    def readall(self) -> bytes:
        """One allocation of the right size, where one call reads it all (Linux: 2 GiB)."""
        parts = []
        while part := os.pread(self._fd, self._blob.size - self._at, self._at):
            parts.append(part)
            self._at += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)
