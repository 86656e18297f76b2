"""The artifact store: ``open_object_store`` finds the storage, ``ArtifactStore`` keeps bytes in it."""

from __future__ import annotations

from typing import Any, Mapping, Optional
from urllib.parse import unquote, urlsplit

from lading_runner.errors import ContractError
from lading_runner.store.artifacts import ArtifactStore
from lading_runner.store.base import ObjectStore, Stat
from lading_runner.store.local import LocalStore

__all__ = ["ArtifactStore", "LocalStore", "ObjectStore", "Stat", "open_object_store"]

_EXPECTED = (
    "expected file:///path, an absolute path, s3://bucket/prefix, gs://bucket/prefix, az://container/prefix "
)
_EXPECTED += "or abfss://container@account.dfs.core.windows.net/prefix"


def open_object_store(url: str, options: Optional[Mapping[str, Any]] = None) -> ObjectStore:
    """The storage at ``url``; nothing is contacted yet.

    ``options`` are those of obstore's ``S3Store``, ``GCSStore`` or ``AzureStore`` (``endpoint``, ``region``,
    ``access_key_id``, …, ``client_options``); what is absent comes from the environment.

    :raises ContractError: not such a URL, or credentials in it, or an option that the storage does not know
    :raises DependencyError: obstore is needed and not installed
    """
    if url.startswith("/"):
        return LocalStore(url)
    scheme = urlsplit(url).scheme
    if scheme == "file":
        return _local(url)
    from lading_runner.store.connect import SCHEMES, open_cloud_store  # not at the start of every local job

    if scheme in SCHEMES:
        return open_cloud_store(url, options or {})
    raise ContractError(f"store {url!r} is not understood; {_EXPECTED}")


def _local(url: str) -> LocalStore:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        raise ContractError(f"store {url!r} is not a local folder; {_EXPECTED} ('#' and '?' percent-encoded)")
    return LocalStore(unquote(parts.path))
