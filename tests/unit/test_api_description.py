"""The committed description of the API is the one that the code gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def test_the_committed_description_is_current() -> None:
    tool = "import runpy; print(runpy.run_path('tools/write_openapi.py')['text'](), end='')"
    argv = [sys.executable, "-W", "ignore", "-c", tool]
    made = subprocess.run(argv, cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    made = made[made.index("{\n") :]
    committed = (_ROOT / "provider/src/lading/plugin/api/openapi.json").read_text()
    assert made == committed, "write it anew: .venv/bin/python tools/write_openapi.py"
