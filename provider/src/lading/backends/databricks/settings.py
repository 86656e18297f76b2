"""What a target of the Databricks backend says, checked key by key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lading.backends.base import Problem, StoreView
from lading.backends.mounts import is_folder
from lading.errors import ConfigError
from lading.resources import parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lading.config import Target

SERVERLESS, CLASSIC = "serverless", "classic"
CLOUDS = ("aws", "azure", "gcp")
#: Keys that mean something to one kind of compute only.
_OF_COMPUTE = {
    "environment_version": SERVERLESS,
    **dict.fromkeys(
        (
            "spark_version",
            "gpu_spark_version",
            "node_type",
            "node_types",
            "instance_pool",
            "policy",
            "instance_profile",
            "cloud",
            "access_mode",
            "image_login",
            "tags",
        ),
        CLASSIC,
    ),
}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_FILES = re.compile(r"/(Volumes/[^/]+/[^/]+/[^/]+|Workspace/[^/]+)(/[^/]+)*\Z")
_SECRET = re.compile(r"[\w.@-]{1,128}/[\w.@-]{1,128}\Z")
_ACCESS_MODES = ("SINGLE_USER", "USER_ISOLATION", "NONE")


@dataclass(frozen=True)
class DatabricksSettings:
    """``connection``: id of an Airflow connection of type ``databricks``."""

    connection: str = "databricks_default"
    files: str = ""  # folder of a volume or of the workspace, for the runner
    compute: str = SERVERLESS
    environment_version: str = "4"
    spark_version: str | None = None
    gpu_spark_version: str | None = None  # for steps that ask for a GPU
    node_type: str | None = None
    node_types: tuple[Mapping[str, Any], ...] = ()  # {"node_type", "cpu", "memory", "gpu"}, cheapest first
    instance_pool: str | None = None
    policy: str | None = None
    instance_profile: str | None = None  # an ARN; on Google Cloud the e-mail of a service account
    cloud: str | None = None  # None: as the node type's name shows it
    access_mode: str = "SINGLE_USER"
    image_login: Mapping[str, str] = field(default_factory=dict)  # {"username", "password"}: "scope/key"
    tags: Mapping[str, str] = field(default_factory=dict)
    run_as: str | None = None  # application id of a service principal
    secret_env: Mapping[str, str] = field(default_factory=dict)  # variable: "scope/key"
    store: str | None = None  # as the job sees it

    @classmethod
    def of(cls, target: Target) -> DatabricksSettings:
        given: dict[str, Any] = dict(target.extra)
        if isinstance(given.get("node_types"), list):
            given["node_types"] = tuple(given["node_types"])
        known = {**given, "store": target.store}  # checked by ``problems``
        return cls(**known) if target.connection is None else cls(**known, connection=target.connection)

    @property
    def serverless(self) -> bool:
        return self.compute == SERVERLESS

    def store_view(self, store_root: str) -> StoreView:
        seen = self.store or store_root
        return StoreView(f"file://{quote(seen.rstrip('/'))}" if seen.startswith("/") else seen)

    def cloud_of(self, node_type: str | None) -> str | None:
        """Of the node type, by how its cloud names them: ``Standard_D4``, ``m5.large``, ``n2-standard-4``."""
        if self.cloud is not None or node_type is None:
            return self.cloud
        if node_type.startswith("Standard_"):
            return "azure"
        return "aws" if "." in node_type else "gcp" if "-" in node_type else None

    def problems(self, target: Target, store_root: str) -> list[Problem]:
        found = [
            Problem(name, f"is {value!r}", f"write {_KINDS[name][1]} in the target")
            for name, value in target.extra.items()
            if not _KINDS[name][0](value)
        ]
        return found or [*self._compute_problems(target), *self._place_problems(target, store_root)]

    def _compute_problems(self, target: Target) -> Iterator[Problem]:
        for name in sorted(set(target.extra) & set(_OF_COMPUTE)):
            if _OF_COMPUTE[name] != self.compute:
                text = f"means nothing to {self.compute} compute"
                yield Problem(name, text, f'drop it, or set "compute": "{_OF_COMPUTE[name]}"')
        if self.serverless:
            return
        if self.spark_version is None:
            cure = 'name a runtime: "spark_version": "16.4.x-cpu-ml-scala2.12"'
            yield Problem("spark_version", "a cluster needs one", cure)
        if not (self.node_type or self.node_types or self.instance_pool or self.policy):
            cure = (
                'name one: "node_type": "m5.xlarge"; or node_types, an instance_pool, or a policy that has it'
            )
            yield Problem("node_type", "a cluster needs one", cure)

    def _place_problems(self, target: Target, store_root: str) -> Iterator[Problem]:
        if not self.files:
            cure = 'name a folder that the connection may write: "files": "/Volumes/main/ml/lading"'
            yield Problem("files", "the runner needs a place in the workspace", cure)
        if target.mount:
            yield Problem("mount", "is not understood by Databricks", "say store= as the compute sees it")
        if store_root and self.store is None and is_folder(store_root):
            yield Problem(
                "store",
                f"{store_root} is a folder of the worker's, which no cluster sees",
                "set [lading] store to an object store such as s3://bucket/x, or say in the target where the "
                'compute sees the same bytes: "store": "/Volumes/main/ml/lading"',
            )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_texts_by_name(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _is_files(value: object) -> bool:
    return isinstance(value, str) and bool(_FILES.match(value)) and not {".", ".."} & set(value.split("/"))


def _is_secret_env(value: object) -> bool:
    return isinstance(value, dict) and all(
        _VARIABLE.match(str(name)) and isinstance(ref, str) and _SECRET.match(ref)
        for name, ref in value.items()
    )


def _is_login(value: object) -> bool:
    return isinstance(value, dict) and set(value) == {"username", "password"} and _is_secret_env(value)


def _is_node_types(value: object) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(map(_is_node, value))


def _is_node(value: object) -> bool:
    known = {"node_type", "cpu", "memory", "gpu"}
    if not isinstance(value, dict) or not {"node_type", "cpu", "memory"} <= set(value) <= known:
        return False
    gpu = value.get("gpu", {"type": "any", "count": 1})
    try:
        parse_size(value["memory"])
        return (
            _is_text(value["node_type"])
            and float(value["cpu"]) > 0
            and set(gpu) == {"type", "count"}
            and _is_text(gpu["type"])
            and int(gpu["count"]) > 0
        )
    except (ConfigError, TypeError, ValueError):
        return False


def _one_of(*choices: str) -> tuple[Callable[[object], bool], str]:
    return lambda value: value in choices, f"one of {', '.join(choices)}"


_TEXT = (_is_text, "a text")
_NODE = '[{"node_type": "g5.xlarge", "cpu": 4, "memory": "16GiB", "gpu": {"type": "a10", "count": 1}}]'
_KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("spark_version", "gpu_spark_version", "node_type", "instance_pool", "policy"), _TEXT),
    **dict.fromkeys(("instance_profile", "run_as"), _TEXT),
    "environment_version": (lambda value: _is_text(value) and value.isdigit(), 'a number as text: "4"'),
    "compute": _one_of(SERVERLESS, CLASSIC),
    "cloud": _one_of(*CLOUDS),
    "access_mode": _one_of(*_ACCESS_MODES),
    "files": (_is_files, 'a folder below a volume or the workspace: "/Volumes/main/ml/lading"'),
    "node_types": (_is_node_types, f"a list such as {_NODE}"),
    "tags": (_is_texts_by_name, 'a table of texts such as {"team": "ml"}'),
    "secret_env": (_is_secret_env, '{"HF_TOKEN": "scope/key"}: a secret of the workspace'),
    "image_login": (_is_login, '{"username": "scope/key", "password": "scope/key"}'),
}

#: Keys of a target beyond those that every backend has.
KEYS = frozenset(_KINDS)
