"""The store of a job that may write into its own folder only, so that no job can touch another's bytes.

What would go under ``blobs/`` and ``previews/`` waits there under ``<folder>/``; the worker moves it after it
has looked at it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Iterator, Optional

from lading_runner.store.keys import BLOBS, PREVIEWS
from lading_runner.store.local import LocalStore

if TYPE_CHECKING:
    from lading_runner.store.base import Stat


class Outbox:
    """``store`` with new blobs in ``folder``, a key of it without a trailing slash."""

    def __init__(self, store: LocalStore, folder: str) -> None:
        self._store = store
        self._own = LocalStore(str(Path(store.folder, folder)))
        self.root = store.root

    def read(self, key: str) -> bytes:
        return self._holder(key).read(key)

    def open(self, key: str) -> BinaryIO:
        return self._holder(key).open(key)

    def write(self, key: str, data: bytes) -> None:
        self._writable(key).write(key, data)

    def create(self, key: str, data: bytes) -> bool:
        return self._writable(key).create(key, data)

    def stat(self, key: str) -> Optional[Stat]:
        return self._holder(key).stat(key)

    def list(self, prefix: str) -> Iterator[Stat]:
        """Without what waits in the outbox."""
        return self._store.list(prefix)

    def delete(self, key: str) -> None:
        self._writable(key).delete(key)

    def local_path(self, key: str) -> Optional[str]:
        return self._holder(key).local_path(key)

    def spool(self) -> BinaryIO:
        return self._own.spool()

    def take(self, spooled: BinaryIO, key: str, sha256: str) -> None:
        self._own.take(spooled, key, sha256)

    def drop(self, spooled: BinaryIO) -> None:
        self._own.drop(spooled)

    def _writable(self, key: str) -> LocalStore:
        return self._own if key.startswith((BLOBS, PREVIEWS)) else self._store

    def _holder(self, key: str) -> LocalStore:
        written_here = key.startswith((BLOBS, PREVIEWS)) and self._own.stat(key) is not None
        return self._own if written_here else self._store
