"""Which machine type holds a job: the smallest that fits, out of a dated table.

Vertex AI has no fields for processors and memory: a job gets a whole machine.
"""

from __future__ import annotations

import difflib
import json
import math
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from lading.backends.base import Problem
from lading.resources import parse_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lading.resources import GPU, Resources

_SERIES = ("e2", "n1", "n2", "c2", "g2", "m1", "a2", "a3")  # of two that are as large, the cheaper first
_OVERRIDE = 'name a machine in the target or the step: machine_type="n1-standard-8"'
SMALLEST_DISK_GB, LARGEST_DISK_GB = 100, 64000


@dataclass(frozen=True)
class Machine:
    name: str
    cpu: float
    memory_gib: float
    gpus: Mapping[str, Sequence[int]] = field(default_factory=dict)  # how many of a type it takes
    spot_only: bool = False

    @property
    def built_in(self) -> bool:
        """Whether it comes with its GPUs; to others they are attached."""
        return not self.name.startswith("n1-") and bool(self.gpus)


@cache
def table() -> dict[str, Any]:
    text = resources.files("lading.backends.vertex").joinpath("machines.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found


@cache
def machines() -> dict[str, Machine]:
    """By name, the smallest first."""
    found = [Machine(name, **facts) for name, facts in table()["machines"].items()]
    ordered = sorted(found, key=lambda m: (m.cpu, m.memory_gib, _SERIES.index(m.name.partition("-")[0])))
    return {machine.name: machine for machine in ordered}


def choose(asked: Resources) -> Machine | None:
    """The smallest machine that holds what is asked; None: there is none."""
    return next((machine for machine in machines().values() if _fits(machine, asked)), None)


def spec(asked: Resources, machine_type: str | None) -> dict[str, Any]:
    """``machineSpec``."""
    machine = choose(asked)
    found: dict[str, Any] = {"machineType": machine_type or (machine.name if machine else "")}
    named = machines().get(found["machineType"])
    if asked.gpu is not None:
        gpu = asked.gpu.type or (_only_type(named) if named else None) or ""
        found["acceleratorType"] = table()["accelerators"].get(gpu, gpu)
        found["acceleratorCount"] = asked.gpu.count
    elif named is not None and named.built_in:  # it is what makes the machine, and has to be said
        gpu = _only_type(named)
        found["acceleratorType"] = table()["accelerators"][gpu]
        found["acceleratorCount"] = named.gpus[gpu][0]
    return found


def disk_gb(asked: Resources) -> int:
    """Of the boot disk, which is where a job's scratch lies."""
    wanted = math.ceil(parse_size(asked.disk) / 2**30) if asked.disk else SMALLEST_DISK_GB
    return max(wanted, SMALLEST_DISK_GB)


def problems(asked: Resources, machine_type: str | None) -> Iterator[Problem]:
    if asked.disk and disk_gb(asked) > LARGEST_DISK_GB:
        yield Problem("resources.disk", f"{asked.disk!r} is more than Vertex AI has", "at most 64000 GiB")
    if asked.gpu is not None and (wrong := _gpu_problem(asked.gpu, machine_type)) is not None:
        yield wrong
    elif machine_type is not None:
        yield from _named_problems(asked, machine_type)
    elif choose(asked) is None:
        yield _nothing_fits(asked)


def _fits(machine: Machine, asked: Resources) -> bool:
    if machine.spot_only and not asked.spot:
        return False
    return _large_enough(machine, asked) and _takes(machine, asked.gpu)


def _large_enough(machine: Machine, asked: Resources) -> bool:
    memory_gib = parse_size(asked.memory) / 2**30 if asked.memory else 0
    return (asked.cpu or 0) <= machine.cpu and memory_gib <= machine.memory_gib


def _takes(machine: Machine, gpu: GPU | None) -> bool:
    if gpu is None:
        return not machine.built_in
    return gpu.count in machine.gpus.get(gpu.type or "", ())


def _only_type(machine: Machine) -> str:
    return next(iter(machine.gpus)) if len(machine.gpus) == 1 else ""


def _gpu_problem(gpu: GPU, machine_type: str | None) -> Problem | None:
    known = table()["accelerators"]
    if gpu.type is None:
        named = machines().get(machine_type or "")
        if named is not None and _only_type(named):
            return None
        cure = f"name one: {', '.join(sorted(known))}"
        return Problem("resources.gpu", "Vertex AI has no GPU without a type", cure)
    # a name of Google's own is for what the table does not have yet
    if gpu.type not in known and not (machine_type and gpu.type.startswith("NVIDIA_")):
        near = difflib.get_close_matches(gpu.type, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        cure = f"{hint}known: {', '.join(sorted(known))}"
        return Problem("resources.gpu", f"{gpu.type!r} is no type of GPU that Lading knows", cure)
    return None


def _named_problems(asked: Resources, machine_type: str) -> Iterator[Problem]:
    """What is not in the table is the service's to judge: it may be newer."""
    machine = machines().get(machine_type)
    if machine is None:
        return
    if not _large_enough(machine, asked):
        text = f"{machine_type} has {machine.cpu:g} CPUs and {machine.memory_gib:g} GiB, less than is asked"
        yield Problem("machine_type", text, "ask for less, drop machine_type, or name a larger one")
    gpu = asked.gpu
    if gpu is not None and gpu.type and gpu.count not in machine.gpus.get(gpu.type, ()):
        takes = "; ".join(f"{n} of {t}" for t, counts in machine.gpus.items() for n in [_counts(counts)])
        text = f"{machine_type} does not take {gpu.count} of {gpu.type!r}"
        yield Problem("resources.gpu", text, f"it takes {takes or 'no GPU'}; or drop machine_type")


def _nothing_fits(asked: Resources) -> Problem:
    as_of = table()["as_of"]
    wanted = ", ".join(f"{name}={value!r}" for name, value in asked.asked().items() if name != "disk")
    if asked.gpu is not None:
        with_type = [m for m in machines().values() if asked.gpu.type in m.gpus]
        sizes = "; ".join(f"{m.name}: {_counts(m.gpus[str(asked.gpu.type)])}" for m in with_type[:8])
        text = f"no machine type holds {wanted} (table of {as_of})"
        return Problem("resources.gpu", text, f"numbers of {asked.gpu.type}: {sizes}; or {_OVERRIDE}")
    text = f"no machine type holds {wanted} (table of {as_of})"
    return Problem("resources", text, f"ask for less, or {_OVERRIDE}")


def _counts(counts: Sequence[int]) -> str:
    return " or ".join(map(str, counts))
