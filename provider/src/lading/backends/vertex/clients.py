"""Google's clients, made by the hook of Airflow's Google provider: one per connection and region."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.backends.vertex import refusals
from lading.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lading.backends.vertex.settings import VertexSettings

_made: dict[Access, Clients] = {}
_making = threading.Lock()


@dataclass(frozen=True)
class Access:
    connection: str
    region: str
    impersonate: str | None = None

    @classmethod
    def of(cls, settings: VertexSettings) -> Access:
        return cls(settings.connection, str(settings.region), settings.impersonate)


@dataclass(frozen=True)
class Clients:
    """Shared by all threads."""

    jobs: Any  # JobServiceClient
    credentials: Any
    project: str | None  # of the connection


def clients(access: Access) -> Clients:
    """:raises ConfigError: the provider is not installed, or the connection has no usable credentials"""
    with _making:
        if access not in _made:
            with _no_collection():
                _made[access] = _make(access)
        return _made[access]


def forget(access: Access) -> None:
    """After a refusal of the credentials: others may be there by now."""
    with _making:
        _made.pop(access, None)


def _make(access: Access) -> Clients:
    try:
        from airflow.providers.google.cloud.hooks.vertex_ai.custom_job import CustomJobHook
    except ImportError as e:
        raise ConfigError(
            f"backend 'vertex' needs Airflow's Google provider, which cannot be imported here ({e}); "
            f"install airflow-provider-lading[vertex] where Airflow runs"
        ) from e
    from airflow.sdk.exceptions import AirflowException
    from google.auth.exceptions import GoogleAuthError

    where = {"connection": access.connection, "region": access.region, "project": ""}
    try:
        hook = CustomJobHook(gcp_conn_id=access.connection, impersonation_chain=access.impersonate)
        credentials, project = hook.get_credentials_and_project_id()
        return Clients(hook.get_job_service_client(access.region), credentials, project)
    except (AirflowException, GoogleAuthError, ValueError, OSError) as e:
        raise refusals.no_credentials(str(e), where) from e


@contextmanager
def _no_collection() -> Iterator[None]:
    """Thousands of generated modules make no garbage, and looking for it takes a third of their import."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
