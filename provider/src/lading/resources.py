"""What a step asks of the place it runs in, in words that every backend understands or refuses."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any

from lading.errors import ConfigError

_UNITS = {
    "": 1,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B)?\s*\Z", re.IGNORECASE)


def parse_size(text: str) -> int:
    """Bytes of ``"4GiB"``, ``"500 MB"`` or ``"1024"``.

    :raises ConfigError: not a number with KiB, MiB, GiB, TiB, kB, MB, GB or TB
    """
    found = _SIZE.match(text)
    if found is None:
        raise ConfigError(
            f"size {text!r} is not understood; write a number and a unit, such as '4GiB' or '500MB'"
        )
    return int(float(found[1]) * _UNITS[(found[2] or "").upper()])


@dataclass(frozen=True)
class GPU:
    """``count`` devices of one ``type`` (``"l4"``, ``"a100-80"``, …; None: any)."""

    type: str | None = None
    count: int = 1


@dataclass(frozen=True)
class Resources:
    """None means "whatever the place gives"."""

    cpu: float | None = None  # cores
    memory: str | None = None  # "4GiB"
    gpu: GPU | None = None
    disk: str | None = None  # "100GiB" of scratch
    shm: str | None = None  # "1GiB" of shared memory
    spot: bool = False

    def __post_init__(self) -> None:
        for name in ("memory", "disk", "shm"):
            if (size := getattr(self, name)) is not None:
                parse_size(size)
        if self.cpu is not None and self.cpu <= 0:
            raise ConfigError(f"cpu={self.cpu!r} is not a number of cores above zero")

    @classmethod
    def of(cls, value: Resources | dict[str, Any] | None) -> Resources:
        """From a mapping as configuration has it.

        :raises ConfigError: an unknown resource
        """
        if value is None:
            return cls()
        if isinstance(value, Resources):
            return value
        known = [f.name for f in fields(cls)]
        if unknown := sorted(set(value) - set(known)):
            raise ConfigError(f"unknown resource {', '.join(map(repr, unknown))}; known: {', '.join(known)}")
        gpu = value.get("gpu")
        return cls(**{**value, "gpu": GPU(**gpu) if isinstance(gpu, dict) else gpu})

    def asked(self) -> dict[str, Any]:
        """The fields that are set, by name."""
        return {f.name: v for f in fields(self) if (v := getattr(self, f.name)) not in (None, False)}
