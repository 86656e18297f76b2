"""What a step asks of its environment, read once and given a digest; nothing is resolved or installed."""

from __future__ import annotations

import hashlib
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from lading.environment import sources
from lading.errors import ConfigError
from lading_runner.contract import Digest, canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence

_OLDEST = (3, 9)  # of the runner


@dataclass(frozen=True)
class EnvironmentRequest:
    lines: tuple[str, ...]  # PEP 508, hashes behind; sorted, since their order means nothing
    options: tuple[str, ...] = ()  # "--index-url https://…", in order
    constraints: tuple[str, ...] = ()
    python: str | None = None  # "3.12"; None: the worker's, or what requires_python says
    requires_python: tuple[str, ...] = ()  # specifiers from a script block or lock
    locked: bool = False  # lines are pinned and complete already

    @property
    def digest(self) -> Digest:
        """Names the request; an unpinned request may be locked differently at another time."""
        parts = [self.lines, self.options, self.constraints, self.python, self.requires_python, self.locked]
        return Digest("sha256:" + hashlib.sha256(canonical_json(parts)).hexdigest())


def resolve(
    requirements: str | Sequence[str] | None, python: str | None = None, folder: Path | None = None
) -> EnvironmentRequest:
    """Read ``requirements``: PEP 508 lines, requirement files, a script with a PEP 723 block, or ``uv.lock``.

    ``requirements=__file__`` is the block of the DAG file itself. Relative files are relative to ``folder``.
    Reads files; starts no tool and opens no connection.

    :raises ConfigError: a file cannot be read, a line is no requirement, or ``python`` does not fit
    """
    folder = folder or Path.cwd()
    if python is not None:
        check_minor(python)
    found = sources.read(sources.anchor(requirements, folder), folder)
    request = EnvironmentRequest(
        tuple(sorted(set(found.lines))),
        tuple(dict.fromkeys(found.options)),
        tuple(sorted(set(found.constraints))),
        python,
        tuple(sorted(set(found.requires_python))),
        found.locked,
    )
    _check_python(request)
    return request


def python_allowed(request: EnvironmentRequest, version: str) -> bool:
    """Whether some ``X.Y`` release satisfies every ``requires-python``."""
    patches = [f"{version}.{patch}" for patch in (0, 99)]
    return all(
        any(SpecifierSet(text).contains(patch) for patch in patches) for text in request.requires_python
    )


def default_python() -> str:
    """``X.Y`` of this interpreter."""
    return ".".join(platform.python_version_tuple()[:2])


def check_minor(python: str) -> None:
    """:raises ConfigError: ``python`` is not ``X.Y`` of a release that steps run on"""
    found = re.fullmatch(r"(\d+)\.(\d+)", python)
    if found is None:
        raise ConfigError(
            f"python={python!r} is not understood, expected a minor version; write python='3.12'"
        )
    if (int(found[1]), int(found[2])) < _OLDEST:
        raise ConfigError(f"python={python!r} is too old, steps run on 3.9 and later; write python='3.12'")


def _check_python(request: EnvironmentRequest) -> None:
    for text in request.requires_python:
        try:
            SpecifierSet(text)
        except InvalidSpecifier as e:
            raise ConfigError(
                f"requires-python = {text!r} is not understood; write a version specifier such as '>=3.11'"
            ) from e
    if request.python is not None and not python_allowed(request, request.python):
        raise ConfigError(
            f"python={request.python!r} does not satisfy requires-python "
            f"{', '.join(request.requires_python)} of the requirements; "
            "leave python= out, or name a version that does"
        )
