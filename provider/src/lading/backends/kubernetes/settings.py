"""What a target of the Kubernetes backend says, checked."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from lading.backends.base import Problem, StoreView
from lading.backends.kubernetes.names import label_problems
from lading.backends.mounts import STORE, is_folder, own_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lading.config import Target

_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*\Z")  # as the API server takes names of variables
_USER = re.compile(r"\d+(:\d+)?\Z")
#: Kubernetes' word for the processor of a platform.
ARCHITECTURES = {"linux-x86_64": "amd64", "linux-aarch64": "arm64"}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "image_pull_policy": ("IfNotPresent", "Always", "Never"),
    "keep": ("never", "failed"),
    "kind": ("pod", "job"),
    "platform": tuple(ARCHITECTURES),
}


@dataclass(frozen=True)
class KubernetesSettings:
    """``connection``: id of an Airflow connection of type ``kubernetes``; without one the official client's
    own configuration holds."""

    namespace: str | None = None  # None: the one of the configuration's context
    context: str | None = None
    config_file: str | None = None  # None: KUBECONFIG
    in_cluster: bool | None = None  # None: where there is no configuration file
    service_account: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    image_pull_policy: str = "IfNotPresent"
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    affinity: Mapping[str, Any] = field(default_factory=dict)
    priority_class: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None  # None: the worker's own, nobody where that is root
    interpreter: str = "python3"
    kind: str = "pod"
    max_wait_s: float = 600.0  # for a place on a node
    keep: str = "never"
    grace_s: float = 30.0  # between SIGTERM and SIGKILL, when somebody else deletes the pod
    read_only: bool = True  # the root file system
    secret_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # {"secret", "key"} by variable
    gpu_resource: str = "nvidia.com/gpu"
    gpus: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # nodes by type of GPU
    spot: Mapping[str, Any] = field(default_factory=dict)  # nodes that may be taken away
    pod_override: Mapping[str, Any] = field(default_factory=dict)
    package_cache: Mapping[str, str] = field(default_factory=dict)  # "pvc" or "host_path"; empty: none
    platform: str | None = None  # of the nodes; None: whichever the image is found on
    connection: str | None = None
    store: str | None = None  # as the job sees it
    host_path: str | None = None  # where each node has the store
    pvc: str | None = None  # the claim that holds the store

    @classmethod
    def of(cls, target: Target) -> KubernetesSettings:
        given: dict[str, Any] = dict(target.extra)
        for name in ("image_pull_secrets", "tolerations"):
            if isinstance(given.get(name), list):
                given[name] = tuple(given[name])
        return cls(
            **given,  # checked by ``problems``
            connection=target.connection,
            store=target.store,
            host_path=_text_or_none(target.mount.get("host_path")),
            pvc=_text_or_none(target.mount.get("pvc")),
        )

    @property
    def job_user(self) -> str:
        return self.user if self.user is not None else own_user()

    @property
    def mounted(self) -> bool:
        return self.host_path is not None or self.pvc is not None

    def store_view(self, store_root: str) -> StoreView:
        if not self.mounted:
            return StoreView(self.store or store_root)
        return StoreView(
            self.store if self.store and is_folder(self.store) else f"file://{STORE}", outbox=True
        )

    def problems(self, target: Target, store_root: str) -> list[Problem]:
        """Of each key by itself; the pod's own fields are checked against the schema, see ``request``."""
        wrong = {
            name: Problem(name, f"is {value!r}", f"write {_KINDS[name][1]} in the target")
            for name, value in target.extra.items()
            if not _KINDS[name][0](value)
        }
        found = list(wrong.values())
        for name in sorted({"labels", "annotations", "node_selector"} - set(wrong)):
            found += label_problems(name, getattr(self, name), values=name != "annotations")
        found += _mount_problems(target) or [*self._store_problems(store_root), *self._cache_problems()]
        return found

    def _cache_problems(self) -> Iterator[Problem]:
        """What installs packages may write to the whole cache, so no artifact may lie there."""
        text, cure = "{!r} holds the artifact store too", "name another claim or folder"
        cache = self.package_cache if _is_cache(self.package_cache) else {}
        if self.pvc is not None and cache.get("pvc") == self.pvc:
            yield Problem("package_cache", text.format(self.pvc), cure)
        if self.host_path is not None and "host_path" in cache:
            store, own = PurePosixPath(self.host_path), PurePosixPath(cache["host_path"])
            if store.is_relative_to(own) or own.is_relative_to(store):
                yield Problem("package_cache", text.format(str(own)), cure)

    def _store_problems(self, store_root: str) -> list[Problem]:
        seen = self.store or store_root
        if not seen or self.mounted or not is_folder(seen):
            return []
        return [
            Problem(
                "store",
                f"{seen} is a folder of the worker's, which no pod sees",
                "set [lading] store to an object store such as s3://bucket/x, or say in the target how pods "
                'get the folder: "mount": {"pvc": "lading"} or {"host_path": "/srv/lading"}',
            )
        ]


def is_variable(name: str) -> bool:
    return bool(_VARIABLE.match(name))


def in_cluster() -> bool:
    """Whether this process runs in a pod that has a service account."""
    return "KUBERNETES_SERVICE_HOST" in os.environ


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _mount_problems(target: Target) -> list[Problem]:
    cure = 'write {"pvc": "lading"} or {"host_path": "/srv/lading"}'
    if unknown := sorted(set(target.mount) - {"host_path", "pvc"}):
        return [Problem("mount", f"{unknown[0]!r} is not understood by Kubernetes", cure)]
    if len(target.mount) > 1:
        return [Problem("mount", "names both a claim and a path of the nodes", cure)]
    if wrong := [value for value in target.mount.values() if not _is_text(value)]:
        return [Problem("mount", f"{wrong[0]!r} is no name", cure)]
    return []


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_seconds(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_texts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_is_text, value))


def _is_text_table(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _is_tables(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_is_table, value))


def _is_user(value: object) -> bool:
    return isinstance(value, str) and bool(_USER.match(value))


def _is_secret_env(value: object) -> bool:
    return isinstance(value, dict) and all(
        is_variable(str(name)) and _is_text_table(ref) and set(ref) == {"secret", "key"}
        for name, ref in value.items()
    )


def _is_nodes(value: object) -> bool:
    """Which nodes: ``{"node_selector": …, "tolerations": …}``, at least one of them."""
    return (
        isinstance(value, dict)
        and bool(value)
        and set(value) <= {"node_selector", "tolerations"}
        and _is_text_table(value.get("node_selector", {}))
        and _is_tables(value.get("tolerations", []))
    )


def _is_cache(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) == 1
        and set(value) <= {"pvc", "host_path"}
        and _is_text_table(value)
        and all(value.values())
    )


def _is_gpus(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_nodes, value.values()))


def _one_of(name: str) -> tuple[Callable[[object], bool], str]:
    return lambda value: value in _CHOICES[name], f"one of {', '.join(_CHOICES[name])}"


_NODES = '{"node_selector": {"pool": "x"}, "tolerations": [{"key": "x", "operator": "Exists"}]}'
_TEXT = (_is_text, "a text")
_TEXTS_BY_NAME = (_is_text_table, 'a table of texts such as {"pool": "ml"}')
_SECONDS = (_is_seconds, "a number of seconds")
_KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("namespace", "context", "config_file", "service_account", "priority_class"), _TEXT),
    **dict.fromkeys(("interpreter", "gpu_resource"), _TEXT),
    **dict.fromkeys(("in_cluster", "read_only"), (_is_bool, "true or false")),
    **dict.fromkeys(("max_wait_s", "grace_s"), _SECONDS),
    **dict.fromkeys(("node_selector", "labels", "annotations"), _TEXTS_BY_NAME),
    **{name: _one_of(name) for name in _CHOICES},
    "user": (_is_user, 'numbers, which need no image to resolve them: "1000:1000"'),
    "image_pull_secrets": (_is_texts, 'a list of names of secrets such as ["registry"]'),
    "tolerations": (_is_tables, 'a list such as [{"key": "gpu", "operator": "Exists"}]'),
    "affinity": (_is_table, "a table, as Kubernetes has it"),
    "pod_override": (_is_table, 'a table such as {"spec": {"hostAliases": []}}'),
    "secret_env": (_is_secret_env, '{"NAME": {"secret": "name of a Secret", "key": "its key"}}'),
    "gpus": (_is_gpus, f'{{"l4": {_NODES}}}'),
    "spot": (_is_nodes, _NODES),
    "package_cache": (_is_cache, '{"pvc": "lading-packages"} or {"host_path": "/srv/lading-packages"}'),
}

#: Keys of a target beyond those that every backend has.
KEYS = frozenset(_KINDS)
