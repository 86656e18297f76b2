"""Clients of the official library, one per configuration and process."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lading.backends.kubernetes.settings import KubernetesSettings, in_cluster
from lading.backends.kubernetes.sparing import sparing
from lading.errors import ConfigError

_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_made: dict[Access, tuple[Any, str]] = {}
_making = threading.Lock()  # the library's loaders write to a default configuration of the whole process


@dataclass(frozen=True)
class Access:
    """How to reach a cluster."""

    connection: str | None = None
    config_file: str | None = None
    context: str | None = None
    in_cluster: bool | None = None

    @classmethod
    def of(cls, settings: KubernetesSettings) -> Access:
        return cls(settings.connection, settings.config_file, settings.context, settings.in_cluster)

    def __str__(self) -> str:
        parts = (
            f"connection {self.connection!r}" if self.connection else "",
            self.config_file or "",
            f"context {self.context!r}" if self.context else "",
            "the service account of this pod" if self.in_cluster else "",
        )
        return ", ".join(filter(None, parts)) or "the default configuration (KUBECONFIG)"


def client(access: Access) -> tuple[Any, str]:
    """An ``ApiClient``, shared by all threads, and the namespace that the configuration names.

    :raises ConfigError: the library is not installed, or the configuration is not usable
    """
    with _making:
        if access not in _made:
            _made[access] = _make(access)
        return _made[access]


def forget(access: Access) -> None:
    """After a refusal of the credentials: others may be there by now."""
    with _making:
        _made.pop(access, None)


def _make(access: Access) -> tuple[Any, str]:
    try:
        with sparing():
            from kubernetes import config
    except ImportError as e:
        raise ConfigError(
            f"backend 'kubernetes' needs the official client, which is not installed here ({e}); "
            f"install airflow-provider-lading[kubernetes] where Airflow runs"
        ) from e
    try:
        if access.connection is not None:
            return _by_connection(access)
        if _from_inside(access):
            return _from_pod(config)
        contexts = config.list_kube_config_contexts(access.config_file)
        made = config.new_client_from_config(access.config_file, access.context)
        return made, _namespace_of(contexts, access.context)
    except (config.ConfigException, OSError, ValueError) as e:
        raise ConfigError(
            f"the cluster's configuration from {access} cannot be used: {e}; "
            f"set KUBECONFIG or config_file, or give the target a connection"
        ) from e


def _from_inside(access: Access) -> bool:
    if access.in_cluster is not None:
        return access.in_cluster
    import os

    named = access.config_file or access.context or os.environ.get("KUBECONFIG")
    return not named and in_cluster()


def _from_pod(config: Any) -> tuple[Any, str]:
    from kubernetes.client import ApiClient, Configuration

    found = Configuration()
    config.load_incluster_config(client_configuration=found)
    return ApiClient(found), _NAMESPACE_FILE.read_text().strip()


def _by_connection(access: Access) -> tuple[Any, str]:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

    hook = KubernetesHook(
        conn_id=access.connection,
        config_file=access.config_file,
        cluster_context=access.context,
        in_cluster=access.in_cluster,
    )
    return hook.get_conn(), hook.get_namespace() or "default"


def _namespace_of(contexts: tuple[list[dict[str, Any]], dict[str, Any]], name: str | None) -> str:
    every, active = contexts
    chosen = next((c for c in every if c["name"] == name), active)
    return str(chosen["context"].get("namespace") or "default")
