"""``figure``: media type, width and height in pixels, and the picture itself in base64 if it is small."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

if TYPE_CHECKING:
    from lading_runner.contract import ArtifactRef
    from lading_runner.store.artifacts import ArtifactStore

SMALL = 300 << 10  # bytes
_PNG = b"\x89PNG\r\n\x1a\n"


def figure(value: Any, ref: ArtifactRef, store: ArtifactStore) -> Optional[Dict[str, Any]]:
    """Of what was stored, since drawing it again would cost as much."""
    if ref.size > SMALL:
        return {
            "kind": "figure",
            "media": "image/png",
            "width": None,
            "height": None,
            "alt": None,
            "data": None,
        }
    return picture(store.blob_of(ref.digest).read())


def picture(raw: bytes) -> Optional[Dict[str, Any]]:
    """None: not a picture that a browser shows, or too big."""
    media = media_type(raw)
    if media is None or len(raw) > SMALL:
        return None
    width, height = _size(raw) if media == "image/png" else (None, None)
    data = base64.b64encode(raw).decode()
    return {"kind": "figure", "media": media, "width": width, "height": height, "alt": None, "data": data}


def media_type(raw: bytes) -> Optional[str]:
    if raw.startswith(_PNG):
        return "image/png"
    if raw.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if raw.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    start = raw[:1024].lstrip()
    return "image/svg+xml" if start.startswith((b"<svg", b"<?xml")) and b"<svg" in raw[:4096] else None


def _size(png: bytes) -> Tuple[Optional[int], Optional[int]]:
    return struct.unpack(">II", png[16:24]) if len(png) >= 24 else (None, None)
