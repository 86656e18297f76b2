"""Objects as files under one folder. Durable against the death of a process; a power loss may lose the last
writes, which a read then reports, since every read of an artifact is verified."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import time
from pathlib import Path
from typing import BinaryIO, Iterator, Optional, cast

from lading_runner.errors import ContractError, StoreForbidden
from lading_runner.store.base import Stat
from lading_runner.store.errnos import typed
from lading_runner.store.keys import TEMPORARY, check_key, check_prefix

_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}  # file systems without hard links
_STALE_S = 24 * 3600  # a temporary file untouched for so long has no writer any more


class LocalStore:
    """Every object appears by one rename or link of a complete file, so no reader sees a half of one.

    Temporary files lie beside their target, on the same mount whatever is mounted where; spooled artifacts in
    ``.tmp`` under the root.
    """

    def __init__(self, folder: str) -> None:
        """:raises ContractError: the path is not absolute"""
        if not Path(folder).is_absolute():
            raise ContractError(f"store folder {folder!r} is relative; expected an absolute path")
        self.folder = os.path.normpath(folder)
        self.root = Path(self.folder).as_uri()
        self._real = os.path.realpath(self.folder)
        self._spool = Path(self.folder, TEMPORARY)
        self._swept = False

    def read(self, key: str) -> bytes:
        with self.open(key) as file:
            try:
                return file.read()
            except OSError as e:
                raise typed(e, f"cannot read {key!r}", self.folder) from e

    def open(self, key: str) -> BinaryIO:
        path = self._path(key)
        try:
            return path.open("rb")
        except _ABSENT as e:
            raise KeyError(key) from e
        except OSError as e:
            raise typed(e, f"cannot read {key!r}", self.folder) from e

    def write(self, key: str, data: bytes) -> None:
        path = self._path(key)
        with self._errors(key), _complete(path, data) as temporary:
            temporary.replace(path)

    def create(self, key: str, data: bytes) -> bool:
        path = self._path(key)
        with self._errors(key), _complete(path, data) as temporary:
            return _link(temporary, path)

    def stat(self, key: str) -> Optional[Stat]:
        path = self._path(key)
        try:
            facts = path.stat()
        except _ABSENT:
            return None
        except OSError as e:
            raise typed(e, f"cannot look at {key!r}", self.folder) from e
        return None if stat.S_ISDIR(facts.st_mode) else Stat(key, facts.st_size, facts.st_mtime)

    def list(self, prefix: str) -> Iterator[Stat]:
        """Symbolic links are not followed."""
        check_prefix(prefix)
        return self._walk(prefix.rpartition("/")[0], prefix)

    def delete(self, key: str) -> None:
        path = self._path(key)
        for name in (path, _reservation(path)):
            try:
                name.unlink()
            except _ABSENT:
                continue
            except OSError as e:
                raise typed(e, f"cannot delete {key!r}", self.folder) from e

    def local_path(self, key: str) -> Optional[str]:
        return str(self._path(key))

    def spool(self) -> BinaryIO:
        """A new, empty, unbuffered file on the store's file system, for ``take``."""
        self._sweep()
        try:
            return cast(BinaryIO, _new(self._spool))
        except OSError as e:
            raise typed(e, "cannot write a temporary file", self.folder) from e

    def take(self, spooled: BinaryIO, key: str, sha256: str) -> None:
        """Moves the spooled file to ``key``. It always replaces: a damaged blob heals."""
        path = self._path(key)
        with self._errors(key):
            try:
                Path(spooled.name).replace(path)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                Path(spooled.name).replace(path)

    def drop(self, spooled: BinaryIO) -> None:
        """Closes the spooled file, and removes it unless it was taken."""
        spooled.close()
        with contextlib.suppress(OSError):
            Path(spooled.name).unlink()

    def _path(self, key: str) -> Path:
        path = Path(self.folder, check_key(key))
        real = os.path.realpath(path)
        if not real.startswith(self._real.rstrip("/") + "/"):
            raise StoreForbidden(
                f"store key {key!r} leads to {real}, outside of {self._real}; expected no symbolic link "
                f"out of the store; remove the link"
            )
        return path

    @contextlib.contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise typed(e, f"cannot write {key!r}", self.folder) from e

    def _walk(self, folder: str, prefix: str) -> Iterator[Stat]:
        """Files and folders sorted as their keys: the folder ``a`` counts as ``a/``, after ``a-b``."""
        try:
            with os.scandir(self._path(folder) if folder else self.folder) as here:
                entries = sorted(
                    (e.name + "/" if e.is_dir(follow_symlinks=False) else e.name, e) for e in here
                )
        except _ABSENT:
            return
        except OSError as e:
            raise typed(e, f"cannot list {folder!r}", self.folder) from e
        for name, entry in entries:
            key = f"{folder}/{name}" if folder else name
            if name.startswith(TEMPORARY) or not (key.startswith(prefix) or prefix.startswith(key)):
                continue
            if name.endswith("/"):
                yield from self._walk(key[:-1], prefix)
            elif key.startswith(prefix) and (found := _stat(key, entry)) is not None:
                yield found

    def _sweep(self) -> None:
        """Remove, once per store, what writers that were killed left behind."""
        if self._swept:
            return
        self._swept = True
        with contextlib.suppress(OSError), os.scandir(self._spool) as found:
            for entry in found:
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE_S:
                    Path(entry.path).unlink()


def _stat(key: str, entry: os.DirEntry[str]) -> Optional[Stat]:
    if not entry.is_file(follow_symlinks=False):
        return None
    try:
        facts = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # deleted while we listed
        return None
    return Stat(key, facts.st_size, facts.st_mtime)


def _new(folder: Path) -> io.FileIO:
    """A new, empty, unbuffered file under a temporary name; makes the folder."""
    name = folder / f"{TEMPORARY}-{os.getpid()}-{os.urandom(8).hex()}"
    try:
        return io.FileIO(name, "x+")
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        return io.FileIO(name, "x+")


@contextlib.contextmanager
def _complete(path: Path, data: bytes) -> Iterator[Path]:
    """Name of a temporary file beside ``path`` that holds ``data``; gone afterwards."""
    file = _new(path.parent)
    name = Path(str(file.name))
    try:
        with file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
        yield name
    finally:
        with contextlib.suppress(FileNotFoundError):
            name.unlink()


def _link(temporary: Path, path: Path) -> bool:
    try:
        os.link(temporary, path)
    except FileExistsError:
        # NFS may lose the answer of a link that it made, and find it on the second try.
        return temporary.stat().st_nlink > 1
    except OSError as e:
        if e.errno not in _NO_LINKS:
            raise
        return _reserve(temporary, path)
    return True


def _reservation(path: Path) -> Path:
    return path.with_name(f"{TEMPORARY}-taken-{path.name}")


def _reserve(temporary: Path, path: Path) -> bool:
    """Conditional create where there are no hard links: who makes the reservation may rename."""
    try:
        _reservation(path).touch(exist_ok=False)
    except FileExistsError:
        return False
    if os.path.lexists(path):
        return False
    temporary.replace(path)
    return True
