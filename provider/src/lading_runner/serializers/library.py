"""Optional packages, and their objects' memory."""

from __future__ import annotations

import importlib
import mmap
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from lading_runner.errors import DependencyError

if TYPE_CHECKING:
    from lading_runner.serializers.base import Blob

#: Distribution by import name, where they differ.
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}


def need(name: str, purpose: str) -> Any:
    """The imported module ``name``; ``purpose`` ends the sentence "… is needed …".

    :raises DependencyError: it is not installed
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as e:
        package = (e.name or name).partition(".")[0]
        distribution = _DISTRIBUTIONS.get(package, package)
        raise DependencyError(
            f"package {distribution!r} is not installed for {sys.executable}; it is needed {purpose}; add it "
            f"to the requirements of the step, or run: {sys.executable} -m pip install {distribution}"
        ) from e


def private(blob: Blob) -> Union[mmap.mmap, bytearray]:
    """The content as memory that may be written without anybody noticing: where the file is local its pages
    are mapped and copied on the first write to each, else a copy."""
    path = blob.local_path()
    if path is not None and blob.size:
        with Path(path).open("rb") as file:
            return mmap.mmap(file.fileno(), blob.size, access=mmap.ACCESS_COPY)
    room = bytearray(blob.size)
    view, done = memoryview(room), 0
    with blob.open() as file:
        while done < blob.size and (count := file.readinto(view[done:])):  # type: ignore[attr-defined]
            done += count
    return room
