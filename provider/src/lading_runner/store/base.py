"""The seam under the artifact store: a flat key space. Keys are relative, parts joined by ``/``."""

from __future__ import annotations

from typing import BinaryIO, Iterator, NamedTuple, Optional, Protocol


class Stat(NamedTuple):
    key: str
    size: int  # bytes
    modified: float  # POSIX seconds, by the store's clock


class ObjectStore(Protocol):
    """Objects by key. Readers see a whole object or none. Errors are ``StoreError`` and its kinds; an absent
    key is ``KeyError``, for the caller to name what it was."""

    root: str  # URL

    def read(self, key: str) -> bytes: ...

    def open(self, key: str) -> BinaryIO:
        """Stream of the object; the caller closes it."""
        ...

    def write(self, key: str, data: bytes) -> None:
        """Create or replace."""
        ...

    def create(self, key: str, data: bytes) -> bool:
        """Conditional create: True for exactly one of any number of concurrent callers, else False."""
        ...

    def stat(self, key: str) -> Optional[Stat]: ...

    def list(self, prefix: str) -> Iterator[Stat]:
        """Objects whose key starts with ``prefix``, in key order."""
        ...

    def delete(self, key: str) -> None:
        """Idempotent."""
        ...

    def local_path(self, key: str) -> Optional[str]:
        """Path of the object where the store is a local folder, else None."""
        ...
