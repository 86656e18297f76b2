"""What the processes of this machine hold: Linux only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_PROC = Path("/proc")


@dataclass(frozen=True)
class Held:
    """By one process."""

    descriptors: int
    threads: int
    memory_mib: float  # resident, with what forks share: a page that stops to be shared is nobody's leak

    def __sub__(self, before: Held) -> Held:
        return Held(
            self.descriptors - before.descriptors,
            self.threads - before.threads,
            self.memory_mib - before.memory_mib,
        )


def held(pid: int) -> Held | None:
    """None: it is gone."""
    try:
        rollup = (_PROC / f"{pid}/smaps_rollup").read_text().splitlines()[1:]
        fields = {line.split(":")[0]: int(line.split()[1]) for line in rollup}
        return Held(
            len(list((_PROC / f"{pid}/fd").iterdir())),
            len(list((_PROC / f"{pid}/task").iterdir())),
            (fields["Rss"] + fields["Swap"]) / 1024,
        )
    except (FileNotFoundError, ProcessLookupError):
        return None


def held_below(pid: int) -> dict[int, Held]:
    """By process id, of ``pid`` and of all that it started."""
    found = {number: held(number) for number in descendants(pid)}
    return {number: what for number, what in found.items() if what is not None}


def descendants(pid: int) -> list[int]:
    """With ``pid`` itself."""
    parents = dict(_parents())
    found = [pid]
    for above in found:  # grows while it is walked
        found += [number for number, parent in parents.items() if parent == above]
    return found


def command(pid: int) -> str:
    try:
        return (_PROC / f"{pid}/cmdline").read_text().replace("\0", " ").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _parents() -> Iterable[tuple[int, int]]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                yield int(folder.name), int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
