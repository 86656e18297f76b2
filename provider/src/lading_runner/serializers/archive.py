"""Folders to tar and back, without trust in the tar."""

from __future__ import annotations

import os
import stat
import tarfile
import unicodedata
from pathlib import Path
from typing import BinaryIO, Dict, Iterator, Tuple

from lading_runner.errors import ArtifactUndecodable, SerializationError

MEMBERS = 1_000_000
_COPY = 1 << 20  # bytes


def pack(folder: Path, file: BinaryIO) -> None:
    """:raises SerializationError: a link, a device, names that are one on another system, too many of them"""
    seen: Dict[str, str] = {}
    try:
        with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for name, path in _members(folder):
                _check_new(name, seen)
                _add(tar, name, path)
    except OSError as e:
        raise SerializationError(
            f"folder {str(folder)!r} cannot be read: {e}; expected files that are there, readable and "
            "complete; finish writing it before it is returned"
        ) from e


def unpack(file: BinaryIO, folder: Path, size: int) -> None:
    """The members of the tar in ``file``, of ``size`` bytes, into the new, empty ``folder``.

    :raises ArtifactUndecodable: a member that is no plain file or folder inside it; earlier ones are left
    """
    seen: Dict[str, str] = {}
    total = 0
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                _check_member(member, seen)
                total += member.size
                if total > size:
                    raise ArtifactUndecodable(f"its members claim more than its own {size} bytes")
                _extract(tar, member, folder)
    except (tarfile.TarError, FileNotFoundError, FileExistsError, NotADirectoryError) as e:
        raise ArtifactUndecodable(f"it is no tar: {e}") from e


def is_executable(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IXUSR)


def _members(folder: Path) -> Iterator[Tuple[str, Path]]:
    """Everything below ``folder`` by its name in the tar, each folder before its content."""
    found: Dict[str, Path] = {}
    for top, folders, files in os.walk(folder, onerror=_unreadable):
        for name in (*folders, *files):
            path = Path(top, name)
            found[path.relative_to(folder).as_posix()] = path
    if len(found) > MEMBERS:
        raise SerializationError(
            f"folder {str(folder)!r} has {len(found):,} entries; expected at most {MEMBERS:,}; put them into "
            "an archive"
        )
    return iter(sorted(found.items(), key=lambda item: item[0].encode("utf-8", "surrogateescape")))


def _unreadable(error: OSError) -> None:
    """``os.walk`` would go on as if that folder were empty."""
    raise error


def _add(tar: tarfile.TarFile, name: str, path: Path) -> None:
    mode = path.lstat().st_mode
    entry = tarfile.TarInfo(name)
    if stat.S_ISDIR(mode):
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(entry)
        return
    if not stat.S_ISREG(mode):
        raise SerializationError(
            f"{name!r} in folder is {'a link' if stat.S_ISLNK(mode) else 'no regular file'}; expected files "
            "and folders; replace it by the file it stands for"
        )
    entry.mode = 0o755 if mode & stat.S_IXUSR else 0o644
    with path.open("rb") as source:
        entry.size = os.fstat(source.fileno()).st_size
        tar.addfile(entry, source)


def _check_new(name: str, seen: Dict[str, str]) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as e:
        raise SerializationError(
            f"name {name!r} in folder is not UTF-8; expected a name that is; rename it"
        ) from e
    if "\\" in name:
        raise SerializationError(
            f"name {name!r} in folder has a backslash, which divides folders elsewhere; rename it"
        )
    other = seen.setdefault(_folded(name), name)
    if other != name:
        raise SerializationError(
            f"names {other!r} and {name!r} in folder are one name on some systems; expected names that "
            "differ in more than case; rename one"
        )


def _folded(name: str) -> str:
    """What a file system may take for the same name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _check_member(member: tarfile.TarInfo, seen: Dict[str, str]) -> None:
    name = member.name
    if member.type not in (tarfile.REGTYPE, tarfile.DIRTYPE):
        raise ArtifactUndecodable(f"member {name!r} is no plain file or folder")
    if any(part in ("", ".", "..") for part in name.split("/")) or any(c in name for c in "\\\0"):
        raise ArtifactUndecodable(f"member {name!r} may lead out of its folder")
    if _folded(name) in seen or len(seen) >= MEMBERS:
        raise ArtifactUndecodable(f"member {name!r} stands twice, or is one of more than {MEMBERS:,}")
    seen[_folded(name)] = name


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    path = folder / member.name
    if member.isdir():
        path.mkdir()
        return
    source = tar.extractfile(member)
    if source is None:
        raise ArtifactUndecodable(f"member {member.name!r} has no content")
    with source, path.open("xb") as file:
        left = member.size
        while left and (chunk := source.read(min(_COPY, left))):
            left -= file.write(chunk)
    if left:
        raise ArtifactUndecodable(f"member {member.name!r} is cut")
    if member.mode & stat.S_IXUSR:
        path.chmod(0o755)
