"""What a target of the Docker backend says, checked."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lading.backends.base import Problem, StoreView
from lading.backends.mounts import STORE, folder_of, is_folder, own_user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lading.config import Target

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

_CHOICES = {"pull": ("missing", "always", "never"), "keep": ("never", "failed")}


@dataclass(frozen=True)
class DockerSettings:
    """``host``: URL of the engine; ``login``: id of an Airflow connection with the registry's login."""

    host: str | None = None  # None: DOCKER_HOST, else the local socket
    login: str | None = None
    user: str | None = None  # None: the worker's own, nobody where that is root
    network: str | None = None
    interpreter: str = "python3"
    pull: str = "missing"
    keep: str = "never"
    read_only: bool = True  # the root file system
    mounts: tuple[Mapping[str, Any], ...] = ()  # {"source", "target", "read_only"}
    secret_env: Mapping[str, str] = field(default_factory=dict)  # variable: id of a connection, its password
    store: str | None = None  # as the job sees it
    store_host_path: str | None = None  # where the engine's host has the store

    KEYS = frozenset(
        {"host", "user", "network", "interpreter", "pull", "keep", "read_only", "mounts", "secret_env"}
    )

    @classmethod
    def of(cls, target: Target) -> DockerSettings:
        given = dict(target.extra)
        mounts = given.pop("mounts", None)
        path = target.mount.get("host_path")
        return cls(
            **given,  # type: ignore[arg-type]  # checked by ``problems``
            mounts=tuple(mounts) if isinstance(mounts, (list, tuple)) else (),
            login=target.connection,
            store=target.store,
            store_host_path=None if path is None else str(path),
        )

    @property
    def job_user(self) -> str:
        return self.user if self.user is not None else own_user()

    def store_view(self, store_root: str) -> StoreView:
        if self.host_folder(store_root) is None:
            return StoreView(self.store or store_root)
        mounted = self.store if self.store and is_folder(self.store) else f"file://{STORE}"
        return StoreView(mounted, outbox=True)

    def host_folder(self, store_root: str) -> str | None:
        """The store's folder on the engine's host, to be mounted; None: the job reaches the store itself."""
        if self.store_host_path is not None:
            return self.store_host_path
        return folder_of(store_root) if is_folder(store_root) and not self.store else None

    def problems(self, target: Target, store_root: str) -> list[Problem]:
        found = [_wrong_type(name, value) for name, value in target.extra.items()]
        found += [_not_one_of(name, target.extra[name]) for name in _CHOICES if name in target.extra]
        if unknown := sorted(set(target.mount) - {"host_path"}):
            text = f"mount {unknown[0]!r} is not understood by Docker"
            found.append(Problem("mount", text, 'write {"host_path": "/srv/lading"}'))
        if store_root and not self._reaches(store_root):
            found.append(_unreachable(self.store or store_root))
        return [problem for problem in found if problem is not None]

    def _reaches(self, store_root: str) -> bool:
        if self.store_host_path is not None or not is_folder(self.store or store_root):
            return True
        return not self.store and self.engine_is_here()

    def engine_is_here(self) -> bool:
        """Whether the engine sees the worker's own files."""
        return is_here(self.host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")


def is_here(engine: str, root: Path = Path("/")) -> bool:
    """Whether the engine of that URL sees the files under ``root`` where this process does."""
    if not engine.startswith("unix:"):
        return False
    if not any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv")):
        return True
    return _on_own_file_system(Path(urlsplit(engine).path), root)


def _on_own_file_system(socket: Path, root: Path) -> bool:
    """In a container: whether an engine inside of it made the socket; one from outside is mounted."""
    try:
        return socket.stat().st_dev == root.stat().st_dev
    except OSError:
        return False


def _unreachable(store: str) -> Problem:
    return Problem(
        "store",
        f"{store} is a folder of the worker's, and the Docker engine runs elsewhere",
        "set [lading] store to an object store such as s3://bucket/x, or say where the engine's host has the "
        'folder: "mount": {"host_path": "/srv/lading"} in the target',
    )


_TYPES: Mapping[str, type] = {"read_only": bool, "mounts": list, "secret_env": dict}


def _wrong_type(name: str, value: object) -> Problem | None:
    kind = _TYPES.get(name, str)
    if isinstance(value, tuple) and kind is list:
        value = list(value)
    if not isinstance(value, kind):
        return Problem(name, f"is {value!r}", f"write a {kind.__name__} in the target")
    if name == "mounts" and (wrong := next((m for m in value if not _is_mount(m)), None)) is not None:  # type: ignore[attr-defined]
        cure = 'write {"source": "/data", "target": "/data", "read_only": true}'
        return Problem(name, f"{wrong!r} is no mount", cure)
    if name == "secret_env" and (wrong := next((k for k in value if not _NAME.match(str(k))), None)):  # type: ignore[attr-defined]
        return Problem(name, f"{wrong!r} is no name of a variable", "write letters, digits and _ only")
    return None


def _is_mount(mount: object) -> bool:
    known = {"source": str, "target": str, "read_only": bool}
    return (
        isinstance(mount, dict)
        and {"source", "target"} <= set(mount) <= set(known)
        and all(isinstance(value, known[key]) for key, value in mount.items())
    )


def _not_one_of(name: str, value: object) -> Problem | None:
    if value in _CHOICES[name]:
        return None
    return Problem(name, f"is {value!r}", f"write one of: {', '.join(_CHOICES[name])}")
