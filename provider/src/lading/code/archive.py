"""Zip files whose bytes depend only on the names and contents in them."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

from lading_runner.contract import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping


def archive(files: Mapping[str, bytes]) -> bytes:
    """Stored, not deflated: zlib and its forks compress the same content to different bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as zipped:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            zipped.writestr(entry, files[name])
    return out.getvalue()


def digest_of(data: bytes) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")
