"""Versions of what matters, without importing any of it."""

from __future__ import annotations

import platform
from importlib import metadata

import lading

_DISTRIBUTION = "airflow-provider-lading"


def versions() -> dict[str, str]:
    return {
        "lading": installed(_DISTRIBUTION) or lading.__version__,
        "Airflow": installed("apache-airflow") or installed("apache-airflow-core") or "not installed",
        "Python": platform.python_version(),
    }


def installed(distribution: str) -> str | None:
    """Version of an installed distribution; None: not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
