"""Entry of the runner's zip: a job, or with ``--install`` the installer of its packages.

A zip of sources is compiled at each start, which takes longer than all the rest. So the first one unpacks it
into a folder beside itself, as Python does with ``__pycache__``; later ones run from there, with bytecode.
Where the folder cannot be made, or is open to others, the zip itself runs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

CONTENT = "@content@"  # names the folder: another release has another one


def unpacked(archive: str) -> str:
    """The folder that the sources of ``archive`` are in, the archive itself where there is none."""
    folder = Path(f"{archive}.{CONTENT[:16]}")
    try:
        if not folder.is_dir():
            _unpack(archive, folder)
        facts = folder.lstat()
    except OSError:
        return archive
    private = facts.st_uid == os.geteuid() and facts.st_mode & 0o170022 == 0o040000
    return str(folder) if private else archive


def _unpack(archive: str, folder: Path) -> None:
    import shutil
    import zipfile

    own = Path(f"{folder}.{os.getpid()}")
    own.mkdir(mode=0o700)
    try:
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(own)
        own.rename(folder)
    except OSError:
        shutil.rmtree(own, ignore_errors=True)
        if not folder.is_dir():  # another process was not faster: there is no folder
            raise


if __name__ == "__main__":
    sys.path[0] = unpacked(str(Path(sys.path[0]).absolute()))

    if sys.argv[1:2] == ["--install"]:
        from lading_runner.install import main

        sys.exit(main(sys.argv[2:]))

    from lading_runner.job import main

    sys.exit(main(sys.argv[1:]))
