"""What any process of the job prints goes on to stdout, and into numbered chunks in the store.

A step never fails for its logs: where a chunk cannot be stored, the rest goes to stdout alone, which says so.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Optional

from lading_runner.errors import StoreError

if TYPE_CHECKING:
    from lading_runner.masks import Masker
    from lading_runner.store.base import ObjectStore

_CHUNK = 256 * 1024  # bytes; at most this and one read are in memory
_READ = 64 * 1024
_FLUSH_S = 5.0


class LogTee:
    """Between ``start`` and ``stop`` the file descriptors 1 and 2 lead here."""

    def __init__(self, objects: ObjectStore, folder: str, masker: Masker, flush_s: float = _FLUSH_S) -> None:
        self._objects = objects
        self._prefix = f"{folder}/log/"
        self._stream = MaskedStream(masker)
        self._flush_s = flush_s
        self._number = 0
        self._store_works = True
        self._thread: Optional[threading.Thread] = None

    def start(self, restarted: bool = False) -> None:
        """``restarted``: an earlier process of this job wrote chunks; numbers go on after them."""
        if restarted:
            self._number = sum(1 for _ in self._objects.list(self._prefix))
        sys.stdout.flush()
        sys.stderr.flush()
        self._saved = [os.dup(1), os.dup(2)]
        reader, writer = os.pipe()
        stopped, self._stop = os.pipe()
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        os.close(writer)
        self._thread = threading.Thread(
            target=self._run, args=(reader, stopped), name="lading-log", daemon=True
        )
        self._thread.start()

    def stop(self, wait_s: float = 60.0) -> None:
        """Give stdout and stderr back, and store what was printed until now.

        Processes that the step left behind are not waited for; the store is, for ``wait_s`` at most.
        """
        if self._thread is None:
            return
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(ValueError, OSError):  # the step closed it
                stream.flush()
        for number, saved in zip((1, 2), self._saved):
            os.dup2(saved, number)
        os.close(self._stop)
        self._thread.join(wait_s)
        self._thread = None

    def _run(self, reader: int, stopped: int) -> None:
        import select

        flushed = time.monotonic()
        while True:
            ready, _, _ = select.select([reader, stopped], [], [], self._flush_s)
            data = os.read(reader, _READ) if reader in ready else b""
            if ready and not data:  # stopped, and nothing is left to read
                break
            self._emit(self._stream.take(data))
            if len(self._stream) >= _CHUNK or time.monotonic() - flushed >= self._flush_s:
                self._store()
                flushed = time.monotonic()
        self._emit(self._stream.take(b"", last=True))
        self._store(last=True)

    def _emit(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._saved[0], view) :]

    def _store(self, last: bool = False) -> None:
        chunk = self._stream.cut(last)
        if not chunk or not self._store_works:
            return
        try:
            self._objects.write(f"{self._prefix}{self._number:06d}", chunk)
            self._number += 1
        except StoreError as e:
            self._store_works = False
            self._emit(f"lading: the log is no longer stored: {e}\n".encode())


class MaskedStream:
    """Bytes in as they come; bytes out without secrets, and in chunks without half characters."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._begun = b""  # perhaps the beginning of a secret
        self._chunk = b""

    def __len__(self) -> int:
        return len(self._chunk)

    def take(self, data: bytes, last: bool = False) -> bytes:
        """What may be shown now."""
        ready = self._masker.data(self._begun + data)
        held = 0 if last else self._masker.begun(ready)
        ready, self._begun = ready[: len(ready) - held], ready[len(ready) - held :]
        self._chunk += ready
        return ready

    def cut(self, last: bool = False) -> bytes:
        """What was shown since the last cut."""
        whole = len(self._chunk) if last else _whole_characters(self._chunk)
        chunk, self._chunk = self._chunk[:whole], self._chunk[whole:]
        return chunk


def _whole_characters(data: bytes) -> int:
    """Length of ``data`` without a UTF-8 character that is cut off at its end."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 != 0x80:  # the first byte of a character
            length = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if back < length else len(data)
    return len(data)
