"""The artifact XCom backend. ``LadingXComBackend`` is resolved lazily: every Airflow process imports this
path."""

from __future__ import annotations

from lading.xcom.backend import LadingXComBackend

__all__ = ["LadingXComBackend"]
