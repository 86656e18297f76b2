"""The exact request for a pod or a Job: pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lading.backends.kubernetes import installer, override
from lading.backends.kubernetes.installer import PLANNED, Packages
from lading.backends.kubernetes.names import owner_annotations, owner_labels, pod_name
from lading.backends.kubernetes.settings import ARCHITECTURES
from lading.backends.mounts import folder_of
from lading.resources import Resources, parse_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lading.backends.base import JobRequest
    from lading.backends.kubernetes.settings import KubernetesSettings

CONTAINER = "base"  # as Airflow's own pods and everybody's pod_override call it
RUNNER_FILE = "runner.pyz"
BIN, WORK, SCRATCH = "/lading/bin", "/lading/work", "/tmp"  # noqa: S108  # the pod's own empty folder


def manifest(
    job: JobRequest, settings: KubernetesSettings, runner: str, packages: Packages = PLANNED
) -> dict[str, Any]:
    """``runner``: name of the ConfigMap that holds the runner; ``packages``: of a job with requirements."""
    pod = overridden(job, settings, runner, packages)
    if settings.kind == "pod":
        return pod
    meta = {"name": pod_name(job.name), **{k: pod["metadata"][k] for k in ("labels", "annotations")}}
    template = {
        "metadata": {k: v for k, v in pod["metadata"].items() if k not in ("name", "namespace")},
        "spec": pod["spec"],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**meta, **({"namespace": settings.namespace} if settings.namespace else {})},
        "spec": {"backoffLimit": 0, "template": template},
    }


def overridden(
    job: JobRequest, settings: KubernetesSettings, runner: str, packages: Packages = PLANNED
) -> dict[str, Any]:
    """The pod as the target and then the step want it."""
    made = pod(job, settings, runner, packages)
    for wanted in (settings.pod_override, job.options.get("pod_override")):
        if wanted:
            made = override.merged(made, wanted)
    for container in (*made["spec"].get("initContainers", ()), *made["spec"]["containers"]):
        container["securityContext"] = _walled(container.get("securityContext") or {}, settings)
    return made


def _walled(said: Mapping[str, Any], settings: KubernetesSettings) -> dict[str, Any]:
    """What an override leaves open of a container's security, its capabilities one by one."""
    walls = _container_walls(settings)
    return {**walls, **said, "capabilities": {**walls["capabilities"], **(said.get("capabilities") or {})}}


def pod(
    job: JobRequest, settings: KubernetesSettings, runner: str, packages: Packages = PLANNED
) -> dict[str, Any]:
    """As the backend itself wants it."""
    base = _container(job, settings, packages)
    before = [installer.container(base, job, settings, packages, f"{BIN}/{RUNNER_FILE}")]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(job.name),
            **({"namespace": settings.namespace} if settings.namespace else {}),
            "labels": {**settings.labels, **owner_labels(job.name, job.labels)},
            "annotations": {
                **settings.annotations,
                **owner_annotations(job.labels),
                **packages.annotations(),
            },
        },
        "spec": {
            **({"initContainers": before} if job.requirements else {}),
            "containers": [base],
            "volumes": [*_volumes(job, settings, runner), *installer.volumes(job, settings, packages)],
            "restartPolicy": "Never",
            "enableServiceLinks": False,
            "automountServiceAccountToken": settings.service_account is not None,
            "terminationGracePeriodSeconds": math.ceil(settings.grace_s),
            "securityContext": _pod_walls(settings),
            **_placement(job.resources, settings, packages.platform or settings.platform),
            **_optional(job, settings),
        },
    }


def config_map(name: str, runner: str) -> dict[str, Any]:
    """``runner``: its bytes in base64. One per release and namespace, used by every pod."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "lading"}},
        "immutable": True,
        "binaryData": {RUNNER_FILE: runner},
    }


def _optional(job: JobRequest, settings: KubernetesSettings) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if settings.service_account:
        made["serviceAccountName"] = settings.service_account
    if settings.image_pull_secrets:
        made["imagePullSecrets"] = [{"name": name} for name in settings.image_pull_secrets]
    if settings.priority_class:
        made["priorityClassName"] = settings.priority_class
    if settings.affinity:
        made["affinity"] = dict(settings.affinity)
    if job.timeout_s is not None:  # for when nobody is left to cancel it
        made["activeDeadlineSeconds"] = math.ceil(job.timeout_s) + math.ceil(settings.grace_s)
    return made


def _placement(asked: Resources, settings: KubernetesSettings, platform: str | None) -> dict[str, Any]:
    """Which nodes: the target's, what it says of the GPU's type and of spot nodes, and those that run what
    was installed."""
    wanted: list[Mapping[str, Any]] = []
    if asked.gpu is not None and asked.gpu.type is not None:
        wanted.append(settings.gpus.get(asked.gpu.type, {}))
    if asked.spot:
        wanted.append(settings.spot)
    selector, tolerations = dict(settings.node_selector), list(settings.tolerations)
    for nodes in wanted:
        selector.update(nodes.get("node_selector", {}))
        tolerations += [t for t in nodes.get("tolerations", ()) if t not in tolerations]
    if platform is not None:
        selector.setdefault("kubernetes.io/arch", ARCHITECTURES[platform])
    return {
        **({"nodeSelector": selector} if selector else {}),
        **({"tolerations": tolerations} if tolerations else {}),
    }


def _container(job: JobRequest, settings: KubernetesSettings, packages: Packages) -> dict[str, Any]:
    command = [settings.interpreter, "-I", "-u", f"{BIN}/{RUNNER_FILE}", "--spec", job.spec_uri]
    return {
        "name": CONTAINER,
        "image": job.image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": [_literal(word) for word in command],
        "workingDir": WORK,
        "env": _env(job, settings),
        "resources": _limits(job.resources, settings),
        "volumeMounts": [
            {"name": "runner", "mountPath": BIN, "readOnly": True},
            {"name": "work", "mountPath": WORK},
            {"name": "scratch", "mountPath": SCRATCH},
            *([{"name": "shm", "mountPath": "/dev/shm"}] if job.resources.shm else []),  # noqa: S108
            *_store_mounts(job, settings),
            *installer.mounts(job, packages),
        ],
    }


def _env(job: JobRequest, settings: KubernetesSettings) -> list[dict[str, Any]]:
    own_id = {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.uid"}}
    plain = {**job.env, "HOME": WORK, "TMPDIR": SCRATCH}
    if job.requirements:
        plain["LADING_PACKAGES"] = installer.PACKAGES
    secret = settings.secret_env
    if secret:
        plain["LADING_MASK_ENV"] = ",".join(sorted(secret))
    return [
        {"name": "LADING_JOB_ID", "valueFrom": own_id},
        *({"name": n, "value": _literal(v)} for n, v in sorted(plain.items()) if n not in secret),
        *(
            {"name": n, "valueFrom": {"secretKeyRef": {"name": ref["secret"], "key": ref["key"]}}}
            for n, ref in sorted(secret.items())
        ),
    ]


def _literal(text: str) -> str:
    """Kubernetes puts variables in for ``$(NAME)``; a doubled ``$`` stands for itself."""
    return text.replace("$", "$$")


def _limits(asked: Resources, settings: KubernetesSettings) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if asked.cpu is not None:
        limits["cpu"] = f"{max(1, round(asked.cpu * 1000))}m"
    if asked.memory is not None:
        limits["memory"] = quantity(asked.memory)
    if asked.disk is not None:
        limits["ephemeral-storage"] = quantity(asked.disk)
    if asked.gpu is not None:
        limits[settings.gpu_resource] = str(asked.gpu.count)
    return {"requests": dict(limits), "limits": limits} if limits else {}


def quantity(size: str) -> str:
    count = parse_size(size)
    return f"{count >> 20}Mi" if count and count % 2**20 == 0 else str(count)


def _volumes(job: JobRequest, settings: KubernetesSettings, runner: str) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [
        {"name": "runner", "configMap": {"name": runner, "defaultMode": 0o444}},
        {"name": "work", "emptyDir": {}},
        {"name": "scratch", "emptyDir": {}},
    ]
    if job.resources.shm is not None:
        memory = {"medium": "Memory", "sizeLimit": quantity(job.resources.shm)}
        volumes.append({"name": "shm", "emptyDir": memory})
    if settings.host_path is not None:
        volumes.append({"name": "store", "hostPath": {"path": settings.host_path, "type": "Directory"}})
    if settings.pvc is not None:
        volumes.append({"name": "store", "persistentVolumeClaim": {"claimName": settings.pvc}})
    return volumes


def _store_mounts(job: JobRequest, settings: KubernetesSettings) -> list[dict[str, Any]]:
    """The artifacts to read, the attempt's own folder to write."""
    if not settings.mounted:
        return []
    inside = folder_of(settings.store_view(job.store_root).root)
    own = job.folder or "attempts"  # while a DAG is parsed there is no attempt
    return [
        {"name": "store", "mountPath": f"{inside}/blobs", "subPath": "blobs", "readOnly": True},
        {"name": "store", "mountPath": f"{inside}/{own}", "subPath": own},
    ]


def _pod_walls(settings: KubernetesSettings) -> dict[str, Any]:
    """With ``_container_walls``: what Pod Security calls "restricted". No ``fsGroup``: the kubelet would give
    every file of a claim to it."""
    uid, _, gid = settings.job_user.partition(":")
    return {
        "runAsNonRoot": int(uid) != 0,
        "runAsUser": int(uid),
        "runAsGroup": int(gid or uid),
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _container_walls(settings: KubernetesSettings) -> dict[str, Any]:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": settings.read_only,
        "capabilities": {"drop": ["ALL"]},
    }
