"""Isolated Python environments: from what a step says to a digest and an interpreter.

``resolve`` reads what a step says, ``lock`` pins it, ``ensure`` builds it once and gives its interpreter.
``lock_for`` pins for an interpreter that this machine does not have, such as the one in an image.
"""

from __future__ import annotations

from lading.environment.build import default_cache, ensure, folder_of
from lading.environment.driver import is_remote, with_driver
from lading.environment.installed import packages, packages_digest
from lading.environment.locking import Lock, lock, lock_for
from lading.environment.place import Place
from lading.environment.problems import problems
from lading.environment.request import EnvironmentRequest, resolve
from lading.environment.sources import anchor
from lading.environment.tools import Log

__all__ = [
    "EnvironmentRequest",
    "Lock",
    "Log",
    "Place",
    "anchor",
    "default_cache",
    "ensure",
    "folder_of",
    "is_remote",
    "lock",
    "lock_for",
    "packages",
    "packages_digest",
    "problems",
    "resolve",
    "with_driver",
]
