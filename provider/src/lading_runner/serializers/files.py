"""Paths: a file as its bytes, a folder as a tar. They come back as a path to a copy of one's own.

The folder's archive depends on its content alone: members in the order of their names, no times, no owners,
of the permissions only whether a file is executable.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Dict, Mapping

from lading_runner.errors import SerializationError
from lading_runner.serializers import archive, names, scratch

if TYPE_CHECKING:
    from lading_runner.serializers.base import Blob

_NAME = 120  # characters of a file's name that are kept, its end first
_COPY = 4 << 20  # bytes


class FileSerializer:
    format = "file"

    def accepts(self, value: Any) -> bool:
        return names.is_path(type(value)) and not value.is_dir()

    def dump(self, value: Any, file: BinaryIO) -> None:
        if not value.is_file():
            raise SerializationError(
                f"path {str(value)!r} {'is no regular file' if value.exists() else 'does not exist'}; "
                "expected a file or folder with the content to keep; write it first, or return str(path) if "
                "the path is the value"
            )
        try:
            with value.open("rb", buffering=0) as source:
                room = memoryview(bytearray(_COPY))
                while count := source.readinto(room):
                    file.write(room[:count])
        except OSError as e:
            raise SerializationError(
                f"file {str(value)!r} cannot be read: {e}; make it readable first"
            ) from e

    def load(self, blob: Blob, meta: Mapping[str, Any]) -> Any:
        path = scratch.new_folder() / safe_name(str(meta.get("name", "file")))
        with blob.open() as source, path.open("xb") as file:
            shutil.copyfileobj(source, file, _COPY)
        if meta.get("executable") is True:
            path.chmod(0o755)
        return path

    def describe(self, value: Any) -> Mapping[str, Any]:
        facts: Dict[str, Any] = {"name": safe_name(value.name)}
        return {**facts, "executable": True} if archive.is_executable(value) else facts


class DirectorySerializer:
    format = "directory"

    def accepts(self, value: Any) -> bool:
        return names.is_path(type(value)) and value.is_dir()

    def dump(self, value: Any, file: BinaryIO) -> None:
        archive.pack(value, file)

    def load(self, blob: Blob, meta: Mapping[str, Any]) -> Any:
        folder = scratch.new_folder() / safe_name(str(meta.get("name", "folder")))
        folder.mkdir()
        with blob.open() as file:
            archive.unpack(file, folder, blob.size)
        return folder

    def describe(self, value: Any) -> Mapping[str, Any]:
        return {
            "name": safe_name(value.resolve().name),
            "files": sum(1 for p in value.rglob("*") if p.is_file()),
        }


def safe_name(name: str) -> str:
    """A name for one file on any system: no folders, nothing unprintable, nothing with a meaning."""
    last = name.replace("\\", "/").rpartition("/")[2]
    clean = "".join(c if c.isprintable() and c not in '<>:"|?*\ufffd' and not _half(c) else "_" for c in last)
    clean = clean.strip(" .") and clean.rstrip(" .")
    suffix = Path(clean).suffix[:20]
    if len(clean.encode()) > _NAME:
        clean = clean.encode()[: _NAME - len(suffix.encode())].decode(errors="ignore") + suffix
    return clean or "file"


def _half(character: str) -> bool:
    """Half of a surrogate pair: a byte of a name that is not UTF-8."""
    return "\ud800" <= character <= "\udfff"
