"""One workspace, through the hook of Airflow's Databricks provider: runs and files."""

from __future__ import annotations

import base64
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lading.backends.databricks.refusals import Refused, config_error, is_absent, is_deleted, is_later
from lading.errors import ConfigError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMEOUT_S = 60
_NO_SUCH_HOST = ("Name or service not known", "nodename nor servname", "No address associated")
_EXISTS = ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS")
_made: dict[str, Any] = {}
_making = threading.Lock()


class Unreachable(TransientError):
    """The connection's host has no address."""


class RunDeleted(ConfigError):
    """The token's run was deleted by hand: the token gives no other."""


@dataclass(frozen=True)
class Workspace:
    """Connects on first use. Every call may raise ``TransientError``: no answer, or one that says "later";
    and ``ConfigError``: the workspace refuses, or the connection cannot be used."""

    connection: str

    def submit(self, request: Mapping[str, Any]) -> int:
        """Id of the run: a new one, or the one that has the request's token already.

        :raises RunDeleted: there was such a one
        """
        try:
            with self._calls():
                return int(self._hook().submit_run(dict(request)))
        except Refused as e:
            error = config_error(e, f"submit {request['run_name']!r}", self.connection)
            raise RunDeleted(str(error)) if is_deleted(e) else error from e

    def run(self, run_id: int) -> dict[str, Any] | None:
        """None: certainly absent."""
        try:
            with self._calls():
                found: dict[str, Any] = self._hook().get_run(run_id)
        except Refused as e:
            if is_absent(e):
                return None
            raise config_error(e, f"look at run {run_id}", self.connection) from e
        return found

    def output(self, run_id: int) -> dict[str, Any]:
        """Of the run of one task, which has ended; empty where there is none."""
        try:
            with self._calls():
                found: dict[str, Any] = self._hook().get_run_output(run_id)
        except Refused as e:
            if e.status in (400, 404):
                return {}
            raise config_error(e, f"read the output of run {run_id}", self.connection) from e
        return found

    def cancel(self, run_id: int) -> None:
        """Nothing happens where it is over or gone."""
        try:
            with self._calls():
                self._hook().cancel_run(run_id)
        except Refused as e:
            if e.status not in (400, 404, 409):
                raise config_error(e, f"cancel run {run_id}", self.connection) from e

    def ask(self, endpoint: str, doing: str, **given: Any) -> dict[str, Any]:
        """GET of the API below ``/api/``."""
        with self._answers(doing):
            found: dict[str, Any] = self._hook()._do_api_call(("GET", endpoint), given)
        return found

    def put(self, path: str, data: bytes) -> None:
        """A file of these bytes; nothing happens where there is a file already."""
        try:
            self._create(path, data)
        except Refused as e:
            if not is_absent(e):
                raise config_error(e, f"write {path}", self.connection) from e
            with self._answers(f"make the folder of {path}"):
                self._make_folder(path.rpartition("/")[0])
                self._create(path, data)

    def read(self, path: str) -> bytes | None:
        """None: certainly absent."""
        try:
            with self._calls():
                if path.startswith("/Volumes/"):
                    return bytes(self._file("get", path).content)
                given = {"path": path, "format": "AUTO"}
                found = self._hook()._do_api_call(("GET", "2.0/workspace/export"), given)
        except Refused as e:
            if is_absent(e):
                return None
            raise config_error(e, f"read {path}", self.connection) from e
        return base64.b64decode(found["content"])

    def delete(self, path: str) -> None:
        """Nothing happens where it is gone."""
        try:
            with self._calls():
                if path.startswith("/Volumes/"):
                    self._file("delete", path)
                else:
                    self._post("2.0/workspace/delete", {"path": path})
        except Refused as e:
            if not is_absent(e):
                raise config_error(e, f"delete {path}", self.connection) from e

    def _hook(self) -> Any:
        with _making:
            if self.connection not in _made:
                _made[self.connection] = _hook(self.connection)
            return _made[self.connection]

    def _create(self, path: str, data: bytes) -> None:
        """Nothing happens where another worker was first."""
        try:
            with self._calls():
                self._write_new(path, data)
        except Refused as e:
            if e.code not in _EXISTS:
                raise

    def _write_new(self, path: str, data: bytes) -> None:
        if path.startswith("/Volumes/"):
            self._file("put", path, data=data, params={"overwrite": "false"})
        else:
            content = base64.b64encode(data).decode()
            self._post("2.0/workspace/import", {"path": path, "format": "AUTO", "content": content})

    def _make_folder(self, path: str) -> None:
        """With those above it; nothing happens where it is there."""
        if path.startswith("/Volumes/"):
            self._file("put", path, kind="directories")
        else:
            self._post("2.0/workspace/mkdirs", {"path": path})

    def _post(self, endpoint: str, body: Mapping[str, Any]) -> None:
        self._hook()._do_api_call(("POST", endpoint), dict(body))

    def _file(self, method: str, path: str, *, kind: str = "files", **given: Any) -> Any:
        """Of a volume: bytes, which the hook's own calls cannot carry."""
        import requests

        hook = self._hook()
        url = hook._endpoint_url(f"api/2.0/fs/{kind}{quote(path)}")
        headers = {**hook.user_agent_header, **hook._get_aad_headers()}
        token = hook._get_token()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        else:
            given["auth"] = (hook._get_connection_attr("login"), hook.databricks_conn.password)
        answer = requests.request(
            method, url, headers=headers, timeout=_TIMEOUT_S, **hook._get_requests_kwargs(), **given
        )
        answer.raise_for_status()
        return answer

    @contextmanager
    def _answers(self, doing: str) -> Iterator[None]:
        try:
            with self._calls():
                yield
        except Refused as e:
            raise config_error(e, doing, self.connection) from e

    @contextmanager
    def _calls(self) -> Iterator[None]:
        """Silence and "later" become ``TransientError``, all other refusals ``Refused``."""
        try:
            import requests
            from airflow.exceptions import AirflowException
        except ImportError as e:
            raise _not_installed(e) from e
        try:
            yield
        except requests.JSONDecodeError as e:  # a page for people, say
            raise Refused(404, "ENDPOINT_NOT_FOUND", "the answer is no JSON") from e
        except requests.RequestException as e:
            raise self._told(e) from e
        except AirflowException as e:
            if isinstance(e.__cause__, requests.RequestException):
                raise self._told(e.__cause__) from e
            raise self._unusable(e) from e
        except ValueError as e:  # the connection lacks something
            raise self._unusable(e) from e

    def _told(self, error: Any) -> Exception:
        """What a failed call means."""
        if error.response is None:
            kind = Unreachable if any(text in str(error) for text in _NO_SUCH_HOST) else TransientError
            return kind(
                f"connection {self.connection!r}: its host {_host(error)} does not answer "
                f"({type(error).__name__}); see that it is the workspace's, and that this machine reaches it"
            )
        refused = Refused.of(error.response)
        if refused.status in (401, 403):  # other credentials may be there by now
            with _making:
                _made.pop(self.connection, None)
        if is_later(refused):
            return TransientError(f"Databricks says {refused}; connection {self.connection!r}")
        return refused

    def _unusable(self, error: Exception) -> ConfigError:
        text = str(error).partition("\n")[0] or type(error).__name__
        return ConfigError(
            f"connection {self.connection!r} cannot be used: {text}; give Airflow a connection of that id "
            f"and of type databricks, with the workspace's host and a token, or name another in the target"
        )


def _host(error: Any) -> str:
    from urllib.parse import urlsplit

    url = getattr(error.request, "url", None)
    return repr(urlsplit(url).hostname) if url else "(none)"


def _hook(connection: str) -> Any:
    """:raises ConfigError: the provider is not installed"""
    try:
        from airflow.providers.databricks.hooks.databricks import DatabricksHook
        from tenacity import stop_after_attempt
    except ImportError as e:
        raise _not_installed(e) from e

    class Hook(DatabricksHook):  # type: ignore[misc]
        #: The provider's own takes a second and a deprecated call of Airflow's (7.23).
        user_agent_value = f"airflow-provider-lading/{version('airflow-provider-lading')}"

        def _log_request_error(self, attempt_num: int, error: str) -> None:
            """Who waits says so by itself, once."""

    once = {"stop": stop_after_attempt(1), "reraise": True}  # who waits asks again by itself
    return Hook(connection, timeout_seconds=_TIMEOUT_S, retry_args=once, caller="Lading")


def _not_installed(error: ImportError) -> ConfigError:
    return ConfigError(
        f"backend 'databricks' needs Airflow's Databricks provider, which is not installed here ({error}); "
        f"install airflow-provider-lading[databricks] where Airflow runs"
    )
