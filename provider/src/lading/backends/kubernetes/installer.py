"""What a pod needs to install its step's requirements before the step begins: pure."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.backends.kubernetes.names import PREFIX, owner_labels, pod_name
from lading_runner.contract import Digest, canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lading.backends.base import JobRequest
    from lading.backends.kubernetes.settings import KubernetesSettings
    from lading.environment import Lock

CONTAINER = "lading-install"
LOCK_VOLUME, PACKAGES_VOLUME = "lading-lock", "lading-packages"
LOCK, PACKAGES = "/lading/lock", "/lading/packages"
LOCK_DIGEST, PROBE = f"{PREFIX}lock", f"{PREFIX}probe"  # annotations
LOCK_FILE, PIP_FILE = "lock.txt", "pip.conf"

#: What of a step's variables the installer has too: the way to the index. What comes from there is hashed.
_ENV = frozenset(
    {
        *("HOME", "TMPDIR"),
        *("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"),
        *("all_proxy", "https_proxy", "http_proxy", "no_proxy"),
        *("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
        *("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_TRUSTED_HOST", "UV_DEFAULT_INDEX", "UV_INDEX"),
    }
)
#: Nothing is built: the code of a package that a build runs could write to all of the cache.
_WHEELS_ONLY = {"PIP_ONLY_BINARY": ":all:", "UV_NO_BUILD": "1"}


@dataclass(frozen=True)
class Packages:
    """What a pod says of its lock; the defaults stand for one that is not made yet."""

    key: str = "lock"  # names the folder of the packages, in whichever volume
    digest: Digest | None = None
    platform: str | None = None
    shared: bool = True  # may lie in the target's cache
    probe: str | None = None  # what told the image's Python

    @classmethod
    def of(cls, lock: Lock, job: JobRequest, settings: KubernetesSettings, probe: str | None) -> Packages:
        # Two images may take different wheels of one lock: one has another C library, or an older one.
        parts = [lock.digest, job.image, settings.interpreter]
        key = hashlib.sha256(canonical_json(parts)).hexdigest()[:40]
        hashed = all("--hash=" in line for line in lock.lines)
        return cls(key, lock.digest, lock.platform, hashed, probe)

    def annotations(self) -> dict[str, str]:
        found = {LOCK_DIGEST: self.digest, PROBE: self.probe}
        return {name: value for name, value in found.items() if value is not None}


PLANNED = Packages()


def secret(job: JobRequest, packages: Packages, lock: Lock, pip_conf: bytes) -> dict[str, Any]:
    """The lock, which may hold the password of an index, for this job alone."""
    files = {LOCK_FILE: lock.text().encode(), PIP_FILE: pip_conf}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret_name(job, packages), "labels": owner_labels(job.name, job.labels)},
        "immutable": True,
        "type": "Opaque",
        "data": {name: base64.b64encode(data).decode() for name, data in files.items()},
    }


def secret_name(job: JobRequest, packages: Packages) -> str:
    """Another lock has another one: a pod that is there already goes on with its own."""
    return f"{pod_name(job.name)}-{packages.key[:12]}"


def secret_of(pod: Mapping[str, Any], name: str) -> str | None:
    """Of the job ``name``; None: it has no requirements."""
    named = [(v.get("secret") or {}).get("secretName", "") for v in pod["spec"].get("volumes", ())]
    return next((secret for secret in named if secret.startswith(f"{pod_name(name)}-")), None)


def volumes(job: JobRequest, settings: KubernetesSettings, packages: Packages) -> list[dict[str, Any]]:
    if not job.requirements:
        return []
    # 0o444: the job's user is not root, and the volume of no other container
    lock = {"secretName": secret_name(job, packages), "defaultMode": 0o444}
    return [
        {"name": LOCK_VOLUME, "secret": lock},
        {"name": PACKAGES_VOLUME, **_where(settings.package_cache if packages.shared else {})},
    ]


def mounts(job: JobRequest, packages: Packages) -> list[dict[str, Any]]:
    """Of the step's container: its own packages, to read."""
    if not job.requirements:
        return []
    return [{"name": PACKAGES_VOLUME, "mountPath": PACKAGES, "subPath": packages.key, "readOnly": True}]


def container(
    base: Mapping[str, Any], job: JobRequest, settings: KubernetesSettings, packages: Packages, runner: str
) -> dict[str, Any]:
    """Like ``base``, the step's own. ``runner``: the runner's zip in the container."""
    limits = {
        kind: {name: value for name, value in asked.items() if name != settings.gpu_resource}
        for kind, asked in base["resources"].items()
    }
    kept = {e["name"]: e["value"] for e in base["env"] if e["name"] in _ENV and "value" in e}
    env = {**kept, **_WHEELS_ONLY, "PIP_CONFIG_FILE": f"{LOCK}/{PIP_FILE}"}
    folders = [m for m in base["volumeMounts"] if m["name"] in ("runner", "work", "scratch")]
    return {
        "name": CONTAINER,
        "image": base["image"],
        "imagePullPolicy": base["imagePullPolicy"],
        "command": [*base["command"][:3], runner, "--install", f"{LOCK}/{LOCK_FILE}", folder(packages)],
        "workingDir": base["workingDir"],
        "env": [{"name": name, "value": value} for name, value in sorted(env.items())],
        "resources": limits,
        "volumeMounts": [
            *folders,
            {"name": LOCK_VOLUME, "mountPath": LOCK, "readOnly": True},
            {"name": PACKAGES_VOLUME, "mountPath": PACKAGES},
        ],
    }


def folder(packages: Packages) -> str:
    return f"{PACKAGES}/{packages.key}"


def _where(cache: Mapping[str, str]) -> dict[str, Any]:
    if "pvc" in cache:
        return {"persistentVolumeClaim": {"claimName": cache["pvc"]}}
    if "host_path" in cache:
        return {"hostPath": {"path": cache["host_path"], "type": "Directory"}}
    return {"emptyDir": {}}
