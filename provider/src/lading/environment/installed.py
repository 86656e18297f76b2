"""What an environment holds, by its ``*.dist-info`` folders: milliseconds for hundreds of packages."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from lading_runner.contract import Digest, canonical_json

if TYPE_CHECKING:
    from pathlib import Path


def packages(environment: Path) -> tuple[str, ...]:
    """``name==version``, sorted, of the virtual environment in ``environment``."""
    folders = environment.glob("lib/python3.*/site-packages/*.dist-info")
    parts = (folder.name.removesuffix(".dist-info").rpartition("-") for folder in folders)
    return tuple(sorted(f"{canonicalize_name(name)}=={version}" for name, _, version in parts))


def packages_digest(packages: tuple[str, ...]) -> Digest:
    return Digest("sha256:" + hashlib.sha256(canonical_json(list(packages))).hexdigest())
