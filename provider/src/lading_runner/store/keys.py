"""What a key may be, and where the bytes of a digest live."""

from __future__ import annotations

import re

from lading_runner.contract import Digest, is_digest
from lading_runner.errors import ContractError

MAX_KEY_BYTES = 1024  # S3, GCS and Azure all end here
BLOBS = "blobs/sha256/"
PREVIEWS = "previews/"
#: First characters of temporary names; no key part begins so, and no listing shows them.
TEMPORARY = ".tmp"

_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_HEX_PREFIX = re.compile(r"[0-9a-f]{4,64}\Z")


def check_key(key: str) -> str:
    """``key``, if every store can hold it.

    :raises ContractError: absolute, empty parts, ``.`` or ``..``, control characters, backslashes, too long
    """
    parts = key.split("/")
    if _CONTROL.search(key) or any(p in ("", ".", "..") or p.startswith(TEMPORARY) for p in parts):
        raise ContractError(
            f"store key {key!r} is refused; expected a relative path, no part of it empty, '.', '..' "
            f"or begun with '{TEMPORARY}', no control character, no backslash"
        )
    _check_length(key)
    return key


def _check_length(key: str) -> None:
    try:
        length = len(key.encode())
    except UnicodeEncodeError as e:
        raise ContractError(f"store key {key!r} is not UTF-8 text; percent-encode its parts") from e
    if length > MAX_KEY_BYTES:
        raise ContractError(
            f"store key {key[:80]!r}… has {length} bytes, at most {MAX_KEY_BYTES} fit; shorten its names"
        )


def check_prefix(prefix: str) -> str:
    """``prefix``, if some key can begin with it; the empty one is every key's."""
    if prefix:
        check_key(prefix[:-1] if prefix.endswith("/") else prefix)
    return prefix


def blob_key(digest: str) -> str:
    """:raises ContractError: not a digest"""
    if not is_digest(digest):
        raise ContractError(f"{digest!r} is not a digest, expected 'sha256:' and 64 hex digits")
    hex_digits = digest[len("sha256:") :]
    return f"{BLOBS}{hex_digits[:2]}/{hex_digits}"


def blob_prefix(text: str) -> str:
    """Key prefix of blobs whose digest begins with ``text``: 4 to 64 hex digits, after ``sha256:`` or not.

    :raises ContractError: too short to be meant, or not hexadecimal
    """
    hex_digits = text.strip().lower()
    if hex_digits.startswith("sha256:"):
        hex_digits = hex_digits[len("sha256:") :]
    if _HEX_PREFIX.match(hex_digits) is None:
        raise ContractError(f"{text!r} is not the beginning of a digest, expected 4 to 64 hex digits")
    return f"{BLOBS}{hex_digits[:2]}/{hex_digits}"


def digest_of(hex_digits: str) -> Digest:
    return Digest("sha256:" + hex_digits)
