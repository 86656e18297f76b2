"""From a URL and options to obstore clients."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import Any, Dict, Mapping, NamedTuple
from urllib.parse import unquote, urlsplit

from lading_runner.errors import ContractError, DependencyError
from lading_runner.store.cloud import CloudStore

SCHEMES = frozenset({"s3", "gs", "az", "abfss"})

_CLASSES = {"s3": "S3Store", "gs": "GCSStore", "az": "AzureStore"}
_HTTP = {"s3": ("endpoint", "aws_endpoint_url_s3"), "gs": ("base_url",), "az": ("endpoint",)}
_HTTP_ENV = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": (),
}
_CLIENT = {"connect_timeout": "5s", "read_timeout": "20s", "timeout": "12h"}  # timeout is of whole bodies
_RETRY = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=30),  # no new try after that
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=5), "base": 3},
}
_ONCE = {"max_retries": 0}


class _Address(NamedTuple):
    kind: str  # "s3" | "gs" | "az"
    bucket: str
    prefix: str
    found: Mapping[str, str]  # options that the URL holds


def open_cloud_store(url: str, options: Mapping[str, Any]) -> CloudStore:
    """See ``open_object_store``."""
    address = _parse(url)
    try:
        import obstore.store
        from obstore.exceptions import BaseError
    except ImportError as e:
        raise DependencyError(
            f"store {url} needs the package obstore, which is not installed here; give the step or its "
            f"target requirements=['obstore'], or an image that has it, or mount the store as a folder; "
            f"where Airflow runs, install airflow-provider-lading[cloud]"
        ) from e
    build = getattr(obstore.store, _CLASSES[address.kind])
    config: Dict[str, Any] = {**address.found, **options}
    client = {**_CLIENT, **_plain_http(address.kind, config), **config.pop("client_options", {})}
    common = {"prefix": address.prefix or None, "client_options": client}
    try:
        clients = [build(address.bucket, config=config, retry_config=r, **common) for r in (_RETRY, _ONCE)]
    except (BaseError, ValueError, TypeError) as e:
        raise ContractError(
            f"store {url} does not take the options {', '.join(sorted(config)) or '(none)'}: "
            f"{_without_values(e, config)}; expected those of obstore's {_CLASSES[address.kind]}"
        ) from e
    return CloudStore(url.rstrip("/"), *clients)


def _parse(url: str) -> _Address:
    try:
        parts = urlsplit(url)
        secret = parts.password is not None or (parts.username is not None and parts.scheme != "abfss")
    except ValueError as e:
        raise ContractError(
            f"store URL is not understood: {e}; expected s3://bucket/prefix or the like"
        ) from e
    if secret or parts.query or parts.fragment:
        where = f"{parts.scheme}://…{parts.hostname or ''}{parts.path}"
        raise ContractError(
            f"store {where} holds credentials or a query; expected only bucket and prefix; "
            f"put credentials into an Airflow connection of type 'lading', or into the environment"
        )
    prefix = unquote(parts.path).strip("/")
    if parts.scheme != "abfss":
        if not parts.netloc:
            raise ContractError(f"store {url!r} names no bucket; expected {parts.scheme}://bucket/prefix")
        return _Address(parts.scheme, parts.netloc, prefix, {})
    account = re.match(r"([^.]+)\.(?:dfs|blob)\.", parts.hostname or "")
    if account is None or not parts.username:
        raise ContractError(
            f"store {url!r} is not understood; expected abfss://container@account.dfs.core.windows.net/prefix"
        )
    return _Address("az", parts.username, prefix, {"account_name": account[1]})


def _plain_http(kind: str, config: Mapping[str, Any]) -> Dict[str, bool]:
    """Who names an http:// endpoint means it: test servers, in-cluster storage."""
    named = [str(config.get(name, "")) for name in _HTTP[kind]]
    if not any(named):
        named = [os.environ.get(name, "") for name in _HTTP_ENV[kind]]
    return {"allow_http": True} if any(name.startswith("http://") for name in named) else {}


def _without_values(error: Exception, config: Mapping[str, Any]) -> str:
    """First line of ``error``; an option's value may be a secret."""
    text = str(error).split("\n")[0]
    for value in config.values():
        text = text.replace(str(value), "***") if str(value) else text
    return text
