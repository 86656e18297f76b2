"""The job service of one project and region; its answers as JSON of the published API."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lading.backends.vertex import clients, names, refusals, request
from lading.backends.vertex.clients import Access
from lading.errors import ConfigError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lading.backends.vertex.settings import VertexSettings

_TIMEOUT_S = 30.0  # of one call; who waits asks again by itself


class JobService:
    """Every call may raise ``TransientError``, and ``ConfigError`` for what a second try does not mend."""

    settle_s = 10.0  # until a job that was accepted is surely in the list

    def __init__(self, settings: VertexSettings) -> None:
        self._settings = settings
        self._access = Access.of(settings)
        self._unsure: dict[str, float] = {}  # jobs that may have been accepted: since when, monotonic

    @property
    def project(self) -> str:
        """:raises ConfigError: neither the target nor its connection names one"""
        found = self._settings.project or clients.clients(self._access).project
        if not found:
            raise ConfigError(
                f"the target names no project, and connection {self._access.connection!r} has none; "
                f'set it in either: "project": "acme-ml-1234"'
            )
        return found

    def create(self, job_name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """``body``: see ``request.create``."""
        since = self._unsure.get(job_name)
        if since is not None and time.monotonic() - since < self.settle_s:
            raise TransientError("it is not known yet whether the service accepted the job; it is looked for")
        given = {"parent": body["parent"], "custom_job": request.checked(body["customJob"])}
        try:
            with self._answers("create the custom job"):
                made = self._jobs.create_custom_job(request=given, retry=None, timeout=_TIMEOUT_S)
        except TransientError:
            self._unsure[job_name] = time.monotonic()
            raise
        return _as_json(made)

    def get(self, name: str) -> dict[str, Any] | None:
        """None: certainly absent."""
        from google.api_core.exceptions import NotFound

        try:
            with self._answers("look at the custom job", NotFound):
                found = self._jobs.get_custom_job(request={"name": name}, retry=None, timeout=_TIMEOUT_S)
        except NotFound:
            return None
        return _as_json(found)

    def named(self, job_name: str) -> list[dict[str, Any]]:
        """Every job of that label, the oldest first."""
        asked = {
            "parent": request.parent(self._settings, self.project),
            "filter": f'labels.{names.JOB_LABEL}="{job_name}"',
        }
        with self._answers("list custom jobs"):
            found = [
                _as_json(job)
                for job in self._jobs.list_custom_jobs(request=asked, retry=None, timeout=_TIMEOUT_S)
            ]
        return sorted(found, key=lambda job: str(job.get("createTime", "")))

    def cancel(self, name: str) -> None:
        """Idempotent: one that ended is left alone."""
        from google.api_core.exceptions import FailedPrecondition, NotFound

        try:
            with self._answers("cancel the custom job", NotFound, FailedPrecondition):
                self._jobs.cancel_custom_job(request={"name": name}, retry=None, timeout=_TIMEOUT_S)
        except (NotFound, FailedPrecondition):
            return

    def delete(self, name: str) -> None:
        """Idempotent; nobody waits until it is done."""
        from google.api_core.exceptions import NotFound

        try:
            with self._answers("delete the custom job", NotFound):
                self._jobs.delete_custom_job(request={"name": name}, retry=None, timeout=_TIMEOUT_S)
        except NotFound:
            return

    def lines(self, job_id: str, project: str) -> Iterator[str]:
        """What the job printed, as far as Cloud Logging has it."""
        try:
            from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
        except ImportError:
            return
        asked = {
            "resource_names": [f"projects/{project}"],
            "filter": f'resource.type="ml_job" AND resource.labels.job_id="{job_id}"',
            "order_by": "timestamp asc",
        }
        with self._answers("give the log of the custom job"):
            client = LoggingServiceV2Client(credentials=clients.clients(self._access).credentials)
            try:
                for entry in client.list_log_entries(request=asked, retry=None, timeout=_TIMEOUT_S):
                    yield from _text(entry).splitlines()
            finally:
                client.transport.close()

    @property
    def _jobs(self) -> Any:
        return clients.clients(self._access).jobs

    @contextmanager
    def _answers(self, doing: str, *passing: type[Exception]) -> Iterator[None]:
        from google.api_core.exceptions import GoogleAPICallError, RetryError
        from google.auth.exceptions import GoogleAuthError, TransportError

        where = {
            "connection": self._access.connection,
            "region": self._access.region,
            "project": self._settings.project or clients.clients(self._access).project or "",
        }
        try:
            yield
        except passing:
            raise
        except GoogleAPICallError as e:
            code = e.grpc_status_code.name if e.grpc_status_code else "UNKNOWN"
            known = refusals.error(code, f"{e.message} {e.reason or ''}", doing, where)
            if code in ("UNAUTHENTICATED", "UNAVAILABLE") and isinstance(known, ConfigError):
                clients.forget(self._access)
            raise known from e
        except (TransportError, RetryError) as e:
            raise refusals.error("UNAVAILABLE", str(e), doing, where) from e
        except GoogleAuthError as e:
            clients.forget(self._access)
            raise refusals.no_credentials(str(e), where) from e


def _as_json(job: Any) -> dict[str, Any]:
    from google.protobuf import json_format

    found: dict[str, Any] = json_format.MessageToDict(type(job).pb(job))
    return found


def _text(entry: Any) -> str:
    if entry.text_payload:
        return str(entry.text_payload)
    payload = entry.json_payload or {}
    return str(payload.get("message", "")) if payload else ""
