"""The remote half as one file: ``python -I runner.pyz --spec <address>`` on every CPython from 3.9 up."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import lading_runner
from lading.code.archive import archive, digest_of
from lading_runner.contract import Digest

_MAIN = b"""import sys

from lading_runner.job import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


@cache
def runner_archive() -> tuple[bytes, Digest]:
    """The zip and its digest: the same bytes wherever the same release is installed."""
    package = Path(lading_runner.__file__).parent
    files = {"__main__.py": _MAIN}
    for path in package.rglob("*.py"):
        name = path.relative_to(package)
        if name.parts[0] == "shim":
            files["/".join(name.parts[1:])] = path.read_bytes()
        else:
            files[f"lading_runner/{name.as_posix()}"] = path.read_bytes()
    data = archive(files)
    return data, digest_of(data)
