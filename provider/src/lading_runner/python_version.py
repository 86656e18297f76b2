"""Whether the Python that runs is one that the step asks for."""

from __future__ import annotations

import sys
from typing import Callable, Dict, Sequence, Tuple

from lading_runner.errors import ContractError

_Version = Tuple[int, ...]

_COMPARE: Dict[str, Callable[[_Version, _Version], bool]] = {
    ">=": lambda found, asked: found >= asked,
    "<=": lambda found, asked: found[: len(asked)] <= asked,
    "==": lambda found, asked: found[: len(asked)] == asked,
    "!=": lambda found, asked: found[: len(asked)] != asked,
    ">": lambda found, asked: found[: len(asked)] > asked,
    "<": lambda found, asked: found < asked,
    "~=": lambda found, asked: found >= asked and found[: len(asked) - 1] == asked[:-1],
}


def check_python(asked: str, found: Sequence[int] = sys.version_info[:3]) -> None:
    """``asked``: comma-separated comparisons, ``">=3.9,<3.13"`` or ``"==3.12.*"``.

    :raises ContractError: another Python runs, or the comparison is not understood
    """
    for part in asked.split(","):
        operator, version = _parse(part.strip(), asked)
        if not _COMPARE[operator](tuple(found), version):
            running = ".".join(map(str, found))
            raise ContractError(
                f"Python {running} runs this job, expected {asked}; "
                f"give the step an image or environment with that Python, or change its python="
            )


def _parse(part: str, asked: str) -> Tuple[str, _Version]:
    operator = part[:2] if part[:2] in _COMPARE else part[:1]
    version = part[len(operator) :].strip()
    numbers = (version[:-2] if version.endswith(".*") else version).split(".")
    if operator not in _COMPARE or not all(number.isdigit() for number in numbers):
        raise ContractError(
            f"Python requirement {asked!r} is not understood, expected comparisons such as '>=3.9,<3.13' or "
            f"'==3.12.*'; correct python= of the step"
        )
    return operator, tuple(map(int, numbers))
