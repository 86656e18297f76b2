"""The file that a run starts: the bootstrap with the runner in it."""

from __future__ import annotations

import base64
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lading.code.archive import digest_of
from lading.code.runner_zip import runner_archive

if TYPE_CHECKING:
    from lading_runner.contract import Digest

_EMPTY = 'RUNNER = ""'
_START = '\n\nif __name__ == "__main__":\n    main(*sys.argv[1:3])\n'


@cache
def script() -> tuple[bytes, Digest]:
    """Its bytes and digest: the same wherever the same release is installed."""
    text = Path(__file__).with_name("bootstrap.py").read_text()
    packed = base64.b64encode(zlib.compress(runner_archive()[0], 9)).decode()
    data = (text.replace(_EMPTY, f'RUNNER = "{packed}"', 1) + _START).encode()
    return data, digest_of(data)
