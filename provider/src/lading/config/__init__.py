"""``[lading]``: its options, the targets, and what wins. Imports no Airflow: values come through a reader."""

from __future__ import annotations

from lading.config.masking import mask
from lading.config.options import OPTIONS, SECTION, Option, provider_options, variable
from lading.config.settings import Settings, load
from lading.config.targets import COMMON_KEYS, Target, merge, resolve_target

__all__ = [
    "COMMON_KEYS",
    "OPTIONS",
    "SECTION",
    "Option",
    "Settings",
    "Target",
    "load",
    "mask",
    "merge",
    "provider_options",
    "resolve_target",
    "variable",
]
