"""The remote half as one file: ``python -I runner.pyz --spec <address>`` on every CPython from 3.9 up."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import lading_runner
from lading.code.archive import archive, digest_of

if TYPE_CHECKING:
    from lading_runner.contract import Digest


@cache
def runner_archive() -> tuple[bytes, Digest]:
    """The zip and its digest: the same bytes wherever the same release is installed."""
    files = _files(Path(lading_runner.__file__).parent)
    content = digest_of(archive(files)).removeprefix("sha256:")
    files["__main__.py"] = files["__main__.py"].replace(b"@content@", content.encode())
    data = archive(files)
    return data, digest_of(data)


def _files(package: Path) -> dict[str, bytes]:
    """``lading_runner``, and at the top what ``shim`` holds: the entry, and ``lading`` as a job has it."""
    found = {}
    for path in package.rglob("*.py"):
        name = path.relative_to(package)
        inside = name.parts[1:] if name.parts[0] == "shim" else ("lading_runner", *name.parts)
        found["/".join(inside)] = path.read_bytes()
    return found
