"""One Docker engine: its client, and what its refusals mean."""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
import threading
import time
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lading.errors import ConfigError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMEOUT_S = 60.0
_CONNECTIONS = 32  # kept open at most, as many as asyncio has threads for blocking calls
_ADDRESS = ("DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
_made: dict[tuple[str | None, ...], Any] = {}
_making = threading.Lock()

# Refusals that no second try mends, though the engine gives them as errors of its own.
_FINAL = re.compile(
    r"OCI runtime create failed|no such file or directory|could not select device", re.IGNORECASE
)
_LATER = re.compile(
    r"toomanyrequests|timeout|timed out|EOF|connection (refused|reset)|50[0-4] ", re.IGNORECASE
)


class NotNow(TransientError):
    """The engine answered that it did not do it."""


class Engine:
    """Calls of the Docker SDK's low-level client; connects on first use.

    Every call may raise ``TransientError``: the engine gave no answer, or one that says "later".
    """

    def __init__(self, host: str | None) -> None:
        self._host = host

    @cached_property
    def api(self) -> Any:
        """Shared by all threads: hundreds of waits of a triggerer hold no connection each.

        :raises ConfigError: the SDK is not installed, or the address is not understood
        """
        try:
            import docker
            from docker.utils import kwargs_from_env
        except ImportError as e:
            raise ConfigError(
                f"backend 'docker' needs the Docker SDK, which is not installed here ({e}); "
                f"install airflow-provider-lading[docker] where Airflow runs"
            ) from e
        address = (self._host, *map(os.environ.get, _ADDRESS))
        with _making:
            if address not in _made:
                given = {**kwargs_from_env(), **({"base_url": self._host} if self._host else {})}
                with self.answers("connect"):
                    _made[address] = docker.APIClient(
                        **given, version="auto", timeout=_TIMEOUT_S, max_pool_size=_CONNECTIONS
                    )
            return _made[address]

    @property
    def address(self) -> str:
        return self._host or "the local Docker engine"

    @contextmanager
    def answers(self, doing: str) -> Iterator[None]:
        """Silence and "later" become ``TransientError``; what the engine refuses stays its ``APIError``."""
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        try:
            yield
        except APIError as e:
            if e.is_server_error() and not _FINAL.search(_said(e)):
                raise NotNow(f"cannot {doing}: {self.address} says {_said(e)!r}") from e
            raise
        except (RequestException, DockerException) as e:
            raise TransientError(
                f"cannot {doing}: {self.address} does not answer ({e}); "
                f"see that it runs and that this process may use it"
            ) from e

    def info(self) -> dict[str, Any]:
        """What the engine says of its host."""
        with self.answers("ask for its size"):
            found: dict[str, Any] = self.api.info()
        return found

    def inspect(self, name: str) -> dict[str, Any] | None:
        """The container, by name or id; None: certainly absent."""
        from docker.errors import NotFound

        try:
            with self.answers(f"look at container {name}"):
                found: dict[str, Any] = self.api.inspect_container(name)
        except NotFound:
            return None
        return found

    def create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The container of that name, made now or by an earlier call.

        :raises ConfigError: the engine refuses the request
        """
        from docker.errors import APIError

        given = {**request, "host_config": self.api.create_host_config(**request["host_config"])}
        try:
            with self.answers(f"create container {request['name']}"):
                self.api.create_container(**given)
        except APIError as e:
            if e.status_code != 409:
                raise ConfigError(
                    f"{self.address} refuses container {request['name']}: {_said(e)}; "
                    f"correct the step or its target"
                ) from e
        found = self.inspect(str(request["name"]))
        if found is None:
            raise TransientError(f"container {request['name']} vanished while it was created")
        return found

    def put(self, container: str, folder: str, files: Mapping[str, bytes | None], owner: str) -> None:
        """Write ``files`` (None: a folder) under ``folder``, readable by ``owner`` ("uid:gid") alone."""
        with self.answers(f"copy files into container {container}"):
            self.api.put_archive(container, folder, _tar(files, owner))

    def start(self, container: str, image: str) -> None:
        """:raises ConfigError: the engine refuses, because of a mount or a network, say"""
        from docker.errors import APIError

        try:
            with self.answers(f"start container {container}"):
                self.api.start(container)
        except APIError as e:
            raise ConfigError(
                f"{self.address} refuses to start a container of image {image!r}: {_said(e)}; "
                f"correct the step's target"
            ) from e

    def stop(self, container: str, grace_s: float) -> None:
        from docker.errors import NotFound

        try:
            with self.answers(f"stop container {container}"):
                self.api.stop(container, timeout=max(1, round(grace_s)))
        except NotFound:
            return

    def remove(self, container: str) -> None:
        """With its anonymous volumes."""
        from docker.errors import APIError, NotFound

        try:
            with self.answers(f"remove container {container}"):
                self.api.remove_container(container, v=True, force=True)
        except NotFound:
            return
        except APIError as e:
            if e.status_code != 409:  # 409: it is being removed
                raise TransientError(f"container {container} is not removed: {_said(e)}") from e

    def lines(self, container: str, *, follow: bool = False) -> Iterator[str]:
        """What it printed until now; with ``follow`` until its end."""
        from docker.errors import NotFound

        rest = b""
        try:
            with self.answers(f"read the log of container {container}"):
                for part in self.api.logs(container, stdout=True, stderr=True, stream=True, follow=follow):
                    *whole, rest = (rest + part).split(b"\n")
                    yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
        except NotFound:
            return
        if rest:
            yield rest.decode(errors="replace")

    def commit(self, container: str, repository: str, tag: str, labels: Mapping[str, str]) -> None:
        """Keep its file system as an image; nothing where the container is gone."""
        from docker.errors import NotFound

        changes = [f"LABEL {name}={value}" for name, value in labels.items()]
        try:
            with self.answers(f"make image {repository}:{tag}"):
                self.api.commit(container, repository, tag, changes=changes)
        except NotFound:
            return

    def image_id(self, name: str) -> str | None:
        """None: the engine has no such image."""
        from docker.errors import NotFound

        try:
            return str(self._image(name)["Id"])
        except NotFound:
            return None

    def image(self, name: str, pull: str, login: Mapping[str, str] | None) -> dict[str, Any]:
        """The image's facts, pulled by the rule ``pull`` ("missing", "always", "never").

        :raises ConfigError: not there, and not to be had
        """
        from docker.errors import NotFound

        if pull == "always":
            self._pull(name, login)
        try:
            return self._image(name)
        except NotFound as e:
            if pull == "never":
                raise ConfigError(
                    f"image {name!r} is not on {self.address}, and its target says never to pull; "
                    f"load it there, or set pull to 'missing'"
                ) from e
        if pull != "always":
            self._pull(name, login)
        return self._image(name)

    def _image(self, name: str) -> dict[str, Any]:
        with self.answers(f"look at image {name}"):
            found: dict[str, Any] = self.api.inspect_image(name)
        return found

    def _pull(self, name: str, login: Mapping[str, str] | None) -> None:
        from docker.errors import APIError
        from docker.utils import parse_repository_tag

        repository, tag = parse_repository_tag(name)
        try:
            answer = self.api.pull(
                repository,
                tag=tag or "latest",
                auth_config=dict(login) if login else None,
                stream=True,
                decode=True,
            )
            said = next((line["error"] for line in answer if "error" in line), None)
        except APIError as e:
            said = _said(e)
        if said is None:
            return
        if _LATER.search(said):
            raise TransientError(f"image {name!r} cannot be pulled now: {said}")
        raise ConfigError(
            f"image {name!r} is not on {self.address} and cannot be pulled: {said}; check its name and tag, "
            f"load it there, or give the target a connection with the registry's login"
        )


def digest_of(image: Mapping[str, Any]) -> str:
    """How to name exactly this image again: by its registry's digest, else by its own id."""
    return str(next(iter(image.get("RepoDigests") or ()), image["Id"]))


def _said(error: Any) -> str:
    explanation = error.explanation
    text = (
        explanation.decode(errors="replace") if isinstance(explanation, bytes) else str(explanation or error)
    )
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text


def _tar(files: Mapping[str, bytes | None], owner: str) -> bytes:
    uid, _, gid = owner.partition(":")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.uid, member.gid, member.mtime = int(uid), int(gid or uid), int(time.time())
            member.type, member.mode = (tarfile.DIRTYPE, 0o700) if data is None else (tarfile.REGTYPE, 0o400)
            member.size = len(data or b"")
            tar.addfile(member, io.BytesIO(data or b""))
    return out.getvalue()
