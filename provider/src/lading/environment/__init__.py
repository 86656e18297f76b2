"""Isolated Python environments: from what a step says to a digest and an interpreter.

``resolve`` reads what a step says, ``lock`` pins it, ``ensure`` builds it once and gives its interpreter.
"""

from __future__ import annotations

from lading.environment.build import ensure, folder_of
from lading.environment.installed import packages, packages_digest
from lading.environment.locking import Lock, lock
from lading.environment.request import EnvironmentRequest, resolve
from lading.environment.sources import anchor

__all__ = [
    "EnvironmentRequest",
    "Lock",
    "anchor",
    "ensure",
    "folder_of",
    "lock",
    "packages",
    "packages_digest",
    "resolve",
]
