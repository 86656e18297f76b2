"""What a target of the Vertex AI backend says, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from lading.backends.base import Problem, StoreView
from lading.backends.mounts import folder_of, is_folder
from lading.backends.vertex.names import label_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lading.config import Target

BUCKETS = "/gcs"  # where Vertex AI mounts the buckets that a job's service account may read
CONNECTION = "google_cloud_default"  # as Airflow's own operators have it
_REGION = re.compile(r"[a-z]+(-[a-z]+)+\d+\Z")
_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]\Z")
_ACCOUNT = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_NETWORK = re.compile(r"projects/[^/]+/global/networks/[^/]+\Z")
_KEY = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+\Z")
_DISKS = ("pd-ssd", "pd-standard", "hyperdisk-balanced")
_KEEP = ("all", "failed", "never")


@dataclass(frozen=True)
class VertexSettings:
    """``connection``: id of an Airflow connection of type ``google_cloud_platform``."""

    region: str | None = None
    project: str | None = None  # None: the one of the connection
    impersonate: str | None = None  # service account that the worker acts as
    service_account: str | None = None  # that the job runs as
    network: str | None = None
    encryption_key: str | None = None
    machine_type: str | None = None  # None: the smallest that fits
    disk_type: str = "pd-ssd"
    labels: Mapping[str, str] = field(default_factory=dict)
    interpreter: str = "python3"
    max_wait_s: float = 3600.0  # for a machine
    keep: str = "all"  # which jobs stay in the list of Vertex AI
    connection: str = CONNECTION
    store: str | None = None  # as the job sees it

    @classmethod
    def of(cls, target: Target) -> VertexSettings:
        given: dict[str, Any] = dict(target.extra)
        return cls(**given, connection=target.connection or CONNECTION, store=target.store)

    def store_view(self, store_root: str) -> StoreView:
        root = self.store or store_root
        return StoreView(f"file://{root}" if root.startswith("/") else root)

    def path_of(self, store_root: str, key: str) -> str:
        """The object ``key`` of the store as a file in the job."""
        root = self.store_view(store_root).root
        if is_folder(root):
            return f"{folder_of(root).rstrip('/')}/{key}"
        parts = urlsplit(root)
        return "/".join(filter(None, (BUCKETS, parts.netloc, unquote(parts.path).strip("/"), key)))

    def problems(self, target: Target, store_root: str) -> list[Problem]:
        wrong = {
            name: Problem(name, f"is {value!r}", f"write {_KINDS[name][1]} in the target")
            for name, value in target.extra.items()
            if not _KINDS[name][0](value)
        }
        found = list(wrong.values())
        if "region" not in target.extra:
            cure = 'say where the jobs run, in the target: "region": "europe-west4"'
            found.append(Problem("region", "is not set", cure))
        if "labels" not in wrong:
            found += label_problems(self.labels)
        if target.mount:
            cure = f'drop it: every bucket is under {BUCKETS}, "store": "{BUCKETS}/bucket/prefix" uses it'
            found.append(Problem("mount", "a job on Vertex AI takes no mounts", cure))
        return [*found, *self._store_problems(store_root)]

    def _store_problems(self, store_root: str) -> Iterator[Problem]:
        seen = self.store or store_root
        if not seen or seen.startswith("gs://"):
            return
        if is_folder(seen) and folder_of(seen).startswith(f"{BUCKETS}/"):
            return
        what = "a folder of the worker's, which no job on Vertex AI sees" if is_folder(seen) else "no bucket"
        cure = (
            f"set [lading] store to gs://bucket/prefix; where the worker has a bucket as a folder, say "
            f'"store": "{BUCKETS}/bucket/prefix" in the target'
        )
        yield Problem("store", f"{seen} is {what}", cure)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _like(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and bool(pattern.match(value))


def _is_texts_by_name(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _is_seconds(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


_KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "region": (_like(_REGION), 'a region such as "europe-west4"'),
    "project": (_like(_PROJECT), 'the id of a project such as "acme-ml-1234"'),
    **dict.fromkeys(
        ("service_account", "impersonate"),
        (_like(_ACCOUNT), 'an address such as "trainer@acme-ml.iam.gserviceaccount.com"'),
    ),
    "network": (_like(_NETWORK), '"projects/NUMBER/global/networks/NAME"'),
    "encryption_key": (_like(_KEY), '"projects/P/locations/R/keyRings/RING/cryptoKeys/KEY"'),
    **dict.fromkeys(("machine_type", "interpreter"), (_is_text, "a text")),
    "disk_type": (_DISKS.__contains__, f"one of {', '.join(_DISKS)}"),
    "keep": (_KEEP.__contains__, f"one of {', '.join(_KEEP)}"),
    "labels": (_is_texts_by_name, 'a table of texts such as {"team": "ml"}'),
    "max_wait_s": (_is_seconds, "a number of seconds"),
}

#: Keys of a target beyond those that every backend has.
KEYS = frozenset(_KINDS)
