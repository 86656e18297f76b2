"""The values of the ``[lading]`` section, each with where it came from."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lading.config.options import OPTIONS, Option
from lading.config.sources import TargetEntry, from_json, from_toml
from lading.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TRUE, _FALSE = ("t", "true", "1", "yes", "on"), ("f", "false", "0", "no", "off")


@dataclass(frozen=True)
class Settings:
    store: str  # URL, or id of a connection of type lading
    default_target: str
    inline_limit: int  # bytes
    allow_pickle: bool
    previews: bool
    environments: Path
    infra_retries: int
    poll_interval_s: float
    deferrable: bool
    cancel_grace_s: float
    lineage_budget_s: float
    targets: Mapping[str, TargetEntry] = field(default_factory=dict)
    targets_file: Path | None = None
    origins: Mapping[str, str] = field(default_factory=dict)  # by option

    @property
    def store_connection(self) -> str | None:
        """Id of the connection that the store is; None: it is a URL, or a path."""
        return None if "://" in self.store or self.store.startswith("/") else self.store

    def value(self, option: str) -> object:
        """The value of ``option`` in JSON types, for people."""
        if option == "targets":
            return {name: dict(entry.keys) for name, entry in self.targets.items()} or None
        found = getattr(self, option)
        return str(found) if isinstance(found, Path) else cast("object", found)


def load(
    read: Callable[[str], str | None], origin: Callable[[str], str], *, home: Path | None = None
) -> Settings:
    """The section as ``read(option)`` gives it; an option for which it gives None or blanks has its default.

    ``origin(option)`` names the place that set a value; it is asked only for values that were set.
    ``home`` (default ``$AIRFLOW_HOME``) is where the store and the environments are unless configured.

    :raises ConfigError: a value of the wrong type or out of range, or targets that cannot be read
    """
    home = home or Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser()
    texts = {name: text.strip() for name in OPTIONS if (text := read(name)) is not None and text.strip()}
    origins = {name: origin(name) if name in texts else "default" for name in OPTIONS}
    texts.setdefault("store", (home / "lading").absolute().as_uri())
    texts.setdefault("environments", str(home / "lading-environments"))
    values: dict[str, Any] = {}
    for name, option in OPTIONS.items():
        text = texts.get(name, option.default)
        if text is not None:
            values[name] = _parse(name, option, text, origins[name])
    for name in ("environments", "targets_file"):
        if name in values:
            values[name] = Path(values[name]).expanduser()
    values["targets"] = _targets(values.get("targets"), values.get("targets_file"), origins)
    return Settings(**values, origins=origins)


def _targets(text: str | None, file: Path | None, origins: Mapping[str, str]) -> dict[str, TargetEntry]:
    named = from_json(text, origins["targets"]) if text else {}
    filed = from_toml(file, origins["targets_file"]) if file else {}
    if both := sorted(set(named) & set(filed)):
        raise ConfigError(
            f"target {both[0]!r} is defined twice, in {named[both[0]].source} and {filed[both[0]].source}; "
            f"keep one"
        )
    return {**filed, **named}


def _parse(name: str, option: Option, text: str, origin: str) -> str | int | float | bool:
    parse = _PARSERS.get(option.type)
    if parse is None:
        return text
    try:
        value: float = parse(text)
    except ValueError as e:
        raise ConfigError(f"[lading] {name} is {text!r} ({origin}), expected {_expected(option)}") from e
    if not option.minimum <= value <= (option.maximum if option.maximum is not None else float("inf")):
        raise ConfigError(f"[lading] {name} is {text} ({origin}), expected {_expected(option)}")
    return value


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


_PARSERS: Mapping[str, Callable[[str], float]] = {"integer": int, "float": float, "boolean": _boolean}


def _expected(option: Option) -> str:
    if option.type == "boolean":
        return "True or False"
    limits = f"from {option.minimum:g}" + (f" to {option.maximum:g}" if option.maximum is not None else " up")
    return (
        f"{'a whole number' if option.type == 'integer' else 'a number'} {limits}; such as {option.example}"
    )
