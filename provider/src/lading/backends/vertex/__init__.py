"""Custom jobs of Vertex AI."""

from __future__ import annotations

from lading.backends.vertex.backend import VertexBackend

__all__ = ["VertexBackend"]
