"""Secrets that the worker hands over, so that nothing of what the job writes shows them."""

from __future__ import annotations

import json
from typing import Any, Iterable, List

MASK = "***"
_TELLING = 4  # bytes; fewer of a secret may end any text, and tell nothing


class Masker:
    """Replaces each secret, and the spellings that JSON, URLs and ``repr`` give it, by ``***``."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spelled = {form for secret in secrets if secret for form in _spellings(secret)}
        self._texts = sorted(spelled, key=lambda form: (-len(form), form))  # whole before part
        self._bytes = [text.encode() for text in self._texts]

    def text(self, text: str) -> str:
        for secret in self._texts:
            text = text.replace(secret, MASK)
        return text

    def is_in(self, data: bytes) -> bool:
        """Whether ``data``, text or JSON, holds a secret in any spelling."""
        return any(secret in data for secret in self._bytes)

    def data(self, data: bytes) -> bytes:
        for secret in self._bytes:
            data = data.replace(secret, MASK.encode())
        return data

    def cut(self, data: bytes) -> bytes:
        """Of ``data`` that was cut off at its end: a secret that the cut went through is hidden, too."""
        ready = self.data(data)
        begun = self.begun(ready)
        return ready[: len(ready) - begun] + MASK.encode() if begun >= _TELLING else ready

    def begun(self, data: bytes) -> int:
        """Length of the longest end of ``data`` that may become a secret with what follows."""
        return max((_overlap(data, secret) for secret in self._bytes), default=0)


NO_SECRETS = Masker()


def masked(value: Any, masker: Any) -> Any:
    """``value`` (JSON) with ``masker`` applied to every string in it, keys too."""
    if isinstance(value, str):
        return masker(value)
    if isinstance(value, dict):
        return {masker(key): masked(item, masker) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item, masker) for item in value]
    return value


def _spellings(secret: str) -> List[str]:
    from urllib.parse import quote, quote_plus

    escaped = [json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]]
    return [secret, *escaped, quote(secret, safe=""), quote(secret), quote_plus(secret)]


def _overlap(data: bytes, secret: bytes) -> int:
    for length in range(min(len(secret) - 1, len(data)), 0, -1):
        if data.endswith(secret[:length]):
            return length
    return 0
