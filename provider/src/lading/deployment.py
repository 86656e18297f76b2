"""What this Airflow deployment says: settings, the artifact store, the secrets to hide.

The one place that reads Airflow's configuration. Nothing here is resolved while a DAG is parsed except the
settings themselves, which come from memory and the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from lading import config
from lading.backends.base import Connection
from lading_runner.masks import Masker
from lading_runner.store import ArtifactStore, open_object_store


def _read(option: str) -> str | None:
    from airflow.sdk.configuration import conf

    value: str | None = conf.get("lading", option, fallback=None)
    return value or None


def _origin(option: str) -> str:
    variable = f"AIRFLOW__LADING__{option.upper()}"
    if variable in os.environ:
        return f"environment variable {variable}"
    return "default" if _read(option) == config.OPTIONS[option].default else "airflow.cfg"


@cache
def settings() -> config.Settings:
    """The ``[lading]`` section, read once per process: each XCom asks for it.

    :raises ConfigError: a value is malformed, with the file or variable that holds it
    """
    return config.load(_read, _origin)


@cache
def _open(url: str, connection: str | None) -> ArtifactStore:
    return ArtifactStore(open_object_store(url, _connection_options(connection) if connection else None))


def _connection_options(connection: str) -> Mapping[str, Any]:
    from lading.hooks.artifact_store import ArtifactStoreHook

    return ArtifactStoreHook(connection).options()


def store() -> ArtifactStore:
    """The artifact store of ``[lading] store``: a URL, or the id of a connection of type ``lading``."""
    named = settings().store_connection
    if named is None:
        return _open(settings().store, None)
    from lading.hooks.artifact_store import ArtifactStoreHook

    return _open(ArtifactStoreHook(named).url(), named)


def store_options() -> Mapping[str, Any]:
    """Options of the store's client that a connection holds, for jobs that reach the store themselves."""
    named = settings().store_connection
    return {} if named is None else _connection_options(named)


def connection(name: str) -> Connection:
    """The Airflow connection ``name``, for backends."""
    from airflow.sdk import Connection as AirflowConnection

    found = AirflowConnection.get(name)
    host = f"{found.host or ''}:{found.port}" if found.port else found.host or ""
    return Connection(host, found.login or "", found.password or "", found.extra_dejson)


def secrets() -> tuple[str, ...]:
    """Every string that Airflow's masker knows to be secret in this process."""
    from airflow.sdk.log import _secrets_masker

    return _unescaped(frozenset(_secrets_masker().patterns))


@lru_cache(maxsize=1)  # each XCom asks, and new secrets are rare
def _unescaped(patterns: frozenset[str]) -> tuple[str, ...]:
    """The masker keeps each secret as an escaped pattern; a secret may have more than one line."""
    return tuple(re.sub(r"(?s)\\(.)", r"\1", pattern) for pattern in patterns)


def mask(text: str) -> str:
    """``text`` with every known secret, and the spellings that JSON, URLs and ``repr`` give it, replaced by
    ``***``, whatever ``[logging]`` says of log masking."""
    return masker().text(text)


def masker() -> Masker:
    """Of every known secret."""
    return _masker(secrets())


@lru_cache(maxsize=1)
def _masker(known: tuple[str, ...]) -> Masker:
    return Masker(known)


def mask_json(value: Any, name: str | None = None) -> Any:
    """JSON ``value`` with secrets replaced, also values whose key sounds secret (``password``, …)."""
    from airflow.sdk.log import _secrets_masker

    if isinstance(value, Mapping):
        return {key: mask_json(item, key) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_json(item, name) for item in value]
    if name and _secrets_masker().should_hide_value_for_key(name):
        return "***"
    return mask(value) if isinstance(value, str) else value


def holds_secret(data: bytes) -> bool:
    """Whether ``data``, canonical JSON, contains a secret, so that it must not stand in a database row."""
    return masker().is_in(data)
