"""A store in a folder that jobs see through a mount, and who may write there."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

STORE = "/lading/store"  # where a mounted store is in a job's file system
_NOBODY = "65534:65534"


def is_folder(url: str) -> bool:
    return url.startswith(("file:", "/"))


def folder_of(url: str) -> str:
    return unquote(urlsplit(url).path) if url.startswith("file:") else url


def own_user() -> str:
    """``uid:gid`` of this process; nobody's where it is root."""
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else _NOBODY


def open_folder(store_root: str, folder: str, user: str) -> None:
    """Let ``user`` ("uid:gid") write into the attempt's folder, where the worker has the store as a folder
    too."""
    if not is_folder(store_root):
        return
    root = Path(folder_of(store_root))
    (root / "blobs").mkdir(parents=True, exist_ok=True)
    own = root / folder
    own.mkdir(parents=True, exist_ok=True)
    uid, _, gid = user.partition(":")
    if own.stat().st_uid == int(uid):
        return
    if os.geteuid() == 0:
        os.chown(own, int(uid), int(gid or uid))
    else:
        own.chmod(0o777)
