"""Reads targets out of JSON text and TOML files; every complaint names the place."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class TargetEntry:
    """A target as written; nothing but its being a table is checked yet."""

    keys: Mapping[str, object]
    source: str  # "environment variable AIRFLOW__LADING__TARGETS" or a path


def from_json(text: str, source: str) -> dict[str, TargetEntry]:
    """:raises ConfigError: not a JSON object of objects, or a key that stands twice"""
    try:
        found = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as e:
        raise ConfigError(
            f"[lading] targets is not JSON: {e.msg} at line {e.lineno}, column {e.colno} ({source}); "
            f'write an object such as {{"py312": {{"backend": "venv", "python": "3.12"}}}}'
        ) from e
    except _Twice as e:
        raise ConfigError(
            f"[lading] targets has {e.args[0]!r} twice ({source}); remove one of the two"
        ) from e
    return _entries(found, source)


def from_toml(path: Path, named_by: str) -> dict[str, TargetEntry]:
    """:raises ConfigError: the file cannot be read, or is not TOML with one table per target"""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigError(
            f"[lading] targets_file {str(path)!r} cannot be read: {e.strerror or e} ({named_by}); "
            f"it must be a TOML file that the worker and the DAG processor can read"
        ) from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path} is not TOML: {e}; write one [table] per target ({named_by})") from e
    return _entries(found, str(path))


class _Twice(ValueError):
    pass


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _Twice(key)
        found[key] = value
    return found


def _entries(found: object, source: str) -> dict[str, TargetEntry]:
    if not isinstance(found, dict):
        raise ConfigError(
            f"targets are a {type(found).__name__}, expected a table of targets by name ({source}); "
            f'write {{"name": {{"backend": "…"}}}}'
        )
    for name, keys in found.items():
        if not isinstance(keys, dict):
            raise ConfigError(
                f"target {name!r} is {keys!r}, expected a table of keys such as backend and image ({source})"
            )
    return {name: TargetEntry(keys, source) for name, keys in found.items()}
