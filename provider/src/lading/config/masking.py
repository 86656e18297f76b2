"""Hides secrets in what people are shown of a configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

_SECRET_KEY = re.compile(
    r"(?i)(secret|token|passw|passphrase|api_?key|access_?key|credential|private|authorization)"
)
MASK = "***"


def mask(value: object, key: str = "") -> object:
    """``value`` with passwords in URLs, and what stands under a key that sounds secret, as ``***``."""
    if isinstance(value, Mapping):
        return {str(k): mask(v, str(k)) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask(item, key) for item in value]
    if value is not None and _SECRET_KEY.search(key):
        return MASK
    return _mask_url(value) if isinstance(value, str) else value


def _mask_url(text: str) -> str:
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        port = parts.port
    except ValueError:  # not a URL after all: an unclosed bracket, a port that is no number
        return re.sub(r"://[^/@\s]*@", f"://{MASK}@", text)
    where = parts.netloc
    # abfss://container@account: the part before @ is no credential there
    if "@" in where and not (parts.scheme in ("abfss", "abfs") and ":" not in where.split("@")[0]):
        where = f"{MASK}@{host}" + (f":{port}" if port else "")
    query = re.sub(
        r"(?i)\b(sig|signature|[^=&]*(?:token|secret|key|password)[^=&]*)=[^&]*", rf"\1={MASK}", parts.query
    )
    return urlunsplit((parts.scheme, where, parts.path, query, parts.fragment))
