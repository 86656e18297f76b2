"""Whether a container fits an engine: its host's processors, memory and disk."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from lading.backends.base import Finding
from lading.resources import parse_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lading.resources import Resources

_LITTLE = 2**30  # no room for a layer of packages
_CURE = 'ask for less, "resources" of the target, or name an engine on a larger host'


def findings(asked: Resources, info: Mapping[str, Any]) -> Iterator[Finding]:
    """``info``: what the engine says of its host."""
    cpus, memory = int(info["NCPU"]), int(info["MemTotal"])
    wanted = "" if asked.cpu is None else f"; the step asks {asked.cpu:g}"
    # the engine itself refuses such a container
    yield Finding("processors", asked.cpu is None or asked.cpu <= cpus, f"{cpus} on the host{wanted}", _CURE)
    wanted = "" if asked.memory is None else f"; the step asks {asked.memory}"
    fits = asked.memory is None or parse_size(asked.memory) <= memory
    yield Finding("memory", fits, f"{memory / 2**30:.1f} GiB on the host{wanted}", _CURE)


def free_disk(folder: str) -> Finding:
    """``folder``: where an engine on this machine keeps images and containers."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as e:
        return Finding("disk", None, f"not known: {e}")
    cure = "remove what is not in use: docker system prune"
    return Finding("disk", free >= _LITTLE, f"{free / 2**30:.1f} GiB free in {folder}", cure)
