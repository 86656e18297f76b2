"""Packages that the job brought along, in the folder that ``LADING_PACKAGES`` names."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Sequence

from lading_runner.errors import DependencyError

_INSTALLED = ("site-packages", "dist-packages")


def use_packages(folder: str) -> None:
    """Import from ``folder`` after the standard library and before what is installed with the interpreter.

    Child processes find the packages by ``PYTHONPATH``, since joblib starts its workers anew, and their
    scripts by ``PATH``.

    :raises DependencyError: there is no such folder
    """
    import site

    if not Path(folder).is_dir():
        raise DependencyError(
            f"LADING_PACKAGES names {folder!r}, which is no folder; expected the packages that were "
            "installed for this job; see what the installer said, or unset it"
        )
    before = list(sys.path)
    site.addsitedir(folder)
    added = [path for path in sys.path if path not in before]
    first = next((n for n, path in enumerate(before) if Path(path).name in _INSTALLED), len(before))
    sys.path[:] = [*before[:first], *added, *before[first:]]
    os.environ["PYTHONPATH"] = _joined([*added, os.environ.get("PYTHONPATH", "")])
    os.environ["PATH"] = _joined([str(Path(folder, "bin")), os.environ.get("PATH", os.defpath)])


def _joined(paths: Sequence[str]) -> str:
    return os.pathsep.join(filter(None, paths))
