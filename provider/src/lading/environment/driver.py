"""What a job needs to reach a store by network, beside what its step asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lading.environment.request import EnvironmentRequest

_DRIVER = "obstore"  # any version: the newest does not run on every Python that a step may ask for


def is_remote(url: str) -> bool:
    """Whether a store at ``url``, or what lies in it, is reached by network."""
    return "://" in url and not url.startswith("file:")


def with_driver(request: EnvironmentRequest, url: str) -> EnvironmentRequest:
    """``request`` with what the runner reaches the store at ``url`` by; a lock is complete by itself."""
    if request.locked or not is_remote(url):
        return request
    return replace(request, lines=tuple(sorted({*request.lines, _DRIVER})))
