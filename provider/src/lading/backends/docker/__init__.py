"""Containers of a Docker engine."""

from __future__ import annotations

from lading.backends.docker.backend import DockerBackend

__all__ = ["DockerBackend"]
