"""The format of bytes whose reference is lost."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Callable, Dict, Optional

from lading_runner.errors import ArtifactUndecodable
from lading_runner.serializers.untag import parse

if TYPE_CHECKING:
    from lading_runner.serializers.base import Blob

_MAGIC = {
    b"ARROW1": "arrow",
    b"\x93NUMPY": "npy",
    b"\x89PNG\r\n\x1a\n": "figure",
    b"tree\nversion=": "lightgbm",
    b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner": "xgboost",
    b"\x80\x05": "pickle",
}
_HEAD = 1 << 16


def sniff(blob: Blob) -> str:
    """Format of ``blob`` by its first bytes.

    :raises ArtifactUndecodable: they fit none, or could be anything: text, bytes and files have no mark
    """
    with blob.open() as file:
        head = file.read(_HEAD)
    for magic, found in _MAGIC.items():
        if head.startswith(magic):
            return found
    for found, test in _TESTS.items():
        if test(head, blob):
            return found
    kind = _json_kind(blob) if head[:1] in b'{["-0123456789tfn' else None
    if kind is None:
        raise ArtifactUndecodable(
            f"{blob.size} bytes that begin with {head[:12]!r} are of no known format; expected one with a "
            "mark; text, bytes and files have none: load it by its reference, or read its bytes"
        )
    return kind


def _is_skops(head: bytes, blob: Blob) -> bool:
    return head.startswith(b"PK\x03\x04") and b"schema.json" in _tail(blob)


def _is_tar(head: bytes, blob: Blob) -> bool:
    return head[257:262] == b"ustar" or (blob.size >= 1024 and not head.strip(b"\0") and blob.size % 512 == 0)


def _is_safetensors(head: bytes, blob: Blob) -> bool:
    return head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] <= blob.size - 8


_TESTS: Dict[str, Callable[[bytes, Blob], bool]] = {
    "skops": _is_skops,
    "directory": _is_tar,
    "safetensors": _is_safetensors,
}


def _tail(blob: Blob) -> bytes:
    with blob.open() as file:
        file.seek(max(blob.size - _HEAD, 0))
        return file.read()


def _json_kind(blob: Blob) -> Optional[str]:
    try:
        data = parse(blob.read())
    except ArtifactUndecodable:
        return None
    return "collection" if isinstance(data, dict) and "$collection" in data else "json"
