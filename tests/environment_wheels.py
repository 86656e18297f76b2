"""Packages made here, and one tool at a time to resolve and install them."""

from __future__ import annotations

import base64
import hashlib
import shutil
import zipfile
from typing import TYPE_CHECKING

from lading_testkit import require_service

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def wheel(
    folder: Path, name: str, version: str, *requires: str, tag: str = "py3-none-any", python: str = ""
) -> Path:
    """A package ``name`` with one module that says its version."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    needs += f"Requires-Python: {python}\n" if python else ""
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    hashes = {n: base64.urlsafe_b64encode(hashlib.sha256(t.encode()).digest()) for n, t in files.items()}
    record = [f"{n},sha256={h.decode().rstrip('=')},{len(files[n])}" for n, h in hashes.items()]
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in files.items():
            archive.writestr(inner, text)
        archive.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,"]))
    return path


def only_tool(tool: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on ``uv`` is on PATH, or is not."""
    uv = shutil.which("uv")
    require_service("uv", tool == "pip" or uv is not None, "no uv on PATH")
    (folder / "bin").mkdir()
    if tool == "uv" and uv:
        (folder / "bin" / "uv").symlink_to(uv)
    monkeypatch.setenv("PATH", f"{folder}/bin:/usr/bin:/bin")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
