"""Writes the description of the API that is committed beside it; a test compares the two."""

from __future__ import annotations

import json
from pathlib import Path

from lading.plugin.api.app import build, describe

PATH = Path(__file__).parents[1] / "provider" / "src" / "lading" / "plugin" / "api" / "openapi.json"


def text() -> str:
    return json.dumps(describe(build()), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text())
