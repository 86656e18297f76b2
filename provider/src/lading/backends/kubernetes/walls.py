"""Where a pod is weaker than Pod Security's "restricted", or sees more of the store than its own part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lading.backends.kubernetes import installer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What lets a process out, or in as somebody else.
_OPENINGS = (
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "shareProcessNamespace",
    "automountServiceAccountToken",
    "serviceAccountName",
    "serviceAccount",
    "nodeName",
)
_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)  # kinds that "restricted" allows
_ADDED = frozenset({"NET_BIND_SERVICE"})  # the capability that "restricted" lets a container have
_GUARDED = frozenset({"store", installer.LOCK_VOLUME, installer.PACKAGES_VOLUME})
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def weak_points(pod: Mapping[str, Any]) -> dict[str, object]:
    """By path, what stands there."""
    return dict(_points(pod["spec"]))


def _points(spec: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name in _OPENINGS:
        if spec.get(name):
            yield f"spec.{name}", spec[name]
    for volume in spec.get("volumes", ()):
        for kind in sorted(set(volume) - _VOLUMES - {"name"}):
            yield f"spec.volumes[{volume.get('name')}].{kind}", volume[kind]
    yield from _identity_points("spec.securityContext", spec.get("securityContext") or {}, whole_pod=True)
    yield from _volume_points(spec)
    for path, container in _containers(spec):
        yield from _container_points(path, container)


def _container_points(path: str, container: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    if container.get("name") == installer.CONTAINER:  # it may write to the cache that others read
        for name in sorted({*container, "command", "env"}):
            yield f"{path}.{name}", container.get(name)
    yield from _context_points(f"{path}.securityContext", container.get("securityContext") or {})
    for port in container.get("ports", ()):
        if port.get("hostPort"):
            yield f"{path}.ports[{port.get('containerPort')}].hostPort", port["hostPort"]


def _containers(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind in _CONTAINERS:
        for container in spec.get(kind, ()):
            yield f"spec.{kind}[{container.get('name')}]", container


def _identity_points(
    path: str, context: Mapping[str, Any], *, whole_pod: bool
) -> Iterator[tuple[str, object]]:
    if context.get("runAsNonRoot") is not True and (whole_pod or "runAsNonRoot" in context):
        yield f"{path}.runAsNonRoot", context.get("runAsNonRoot")
    if context.get("runAsUser") == 0:
        yield f"{path}.runAsUser", 0
    for name in ("seccompProfile", "appArmorProfile"):
        kind = (context.get(name) or {}).get("type")
        if kind == "Unconfined" or (kind is None and whole_pod and name == "seccompProfile"):
            yield f"{path}.{name}", kind
    for name in ("seLinuxOptions", "sysctls", "windowsOptions"):
        if context.get(name):
            yield f"{path}.{name}", context[name]


def _context_points(at: str, context: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    yield from _identity_points(at, context, whole_pod=False)
    wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}
    for name, value in wanted.items():
        if context.get(name) is not value:
            yield f"{at}.{name}", context.get(name)
    usual = {"privileged": (None, False), "procMount": (None, "Default")}
    for name, values in usual.items():
        if context.get(name) not in values:
            yield f"{at}.{name}", context[name]
    capabilities = context.get("capabilities") or {}
    if added := sorted(set(capabilities.get("add") or ()) - _ADDED):
        yield f"{at}.capabilities.add", added
    if "ALL" not in (capabilities.get("drop") or ()):
        yield f"{at}.capabilities.drop", capabilities.get("drop")


def _volume_points(spec: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Every way to the volumes that a step sees in part, or not at all: Lading's own mounts are in the
    target's pod too."""
    volumes = spec.get("volumes", ())
    claims = {_claim(v) for v in volumes if v.get("name") in _GUARDED} - {None}
    names = {*_GUARDED, *(v.get("name") for v in volumes if _claim(v) in claims)}
    for path, container in _containers(spec):
        for mount in container.get("volumeMounts", ()):
            if mount.get("name") in names:
                words = [mount.get("subPath"), mount.get("subPathExpr"), bool(mount.get("readOnly"))]
                yield f"{path}.volumeMounts[{mount.get('mountPath')}]", words


def _claim(volume: Mapping[str, Any]) -> object:
    return (volume.get("persistentVolumeClaim") or {}).get("claimName")
