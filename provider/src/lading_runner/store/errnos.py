"""Operating system errors as store errors."""

from __future__ import annotations

import errno
import os
from typing import Type

from lading_runner.errors import StoreError, StoreForbidden, StoreFull, StoreUnavailable

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_LATER = {
    errno.EIO,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.EHOSTDOWN,
    errno.ENOTCONN,
    errno.EMFILE,
    errno.ENFILE,
}


def typed(error: OSError, doing: str, folder: str) -> StoreError:
    """``error`` as the store error that names ``doing`` ("cannot write 'a/b'"), ``folder`` and the cure."""
    kind, cure = _judge(error, folder)
    return kind(f"{doing} in {folder}: {error.strerror or error}; {cure}")


def _judge(error: OSError, folder: str) -> tuple[Type[StoreError], str]:
    if error.errno in _FULL:
        return StoreFull, f"{_free(folder)}; make room or raise the quota, then try again"
    if error.errno in _FORBIDDEN:
        who = f"uid {os.geteuid()}" if hasattr(os, "geteuid") else "this user"
        return (
            StoreForbidden,
            f"expected that {who} may read and write there; change its owner, mode or mount",
        )
    if error.errno in _LATER:
        return (
            StoreUnavailable,
            "expected a storage that answers; look at the mount and the disk, then try again",
        )
    if error.errno == errno.ENAMETOOLONG:
        return StoreError, "expected names of at most 255 bytes between slashes; shorten dag, run or task ids"
    return StoreError, "expected a folder that this process may read and write; look at the path"


def _free(folder: str) -> str:
    try:
        facts = os.statvfs(folder)
    except OSError:
        return "free space unknown"
    return f"{facts.f_bavail * facts.f_frsize:,} bytes are free"
