"""A pod, or a Job, per step: no privileges, and secrets by reference only."""

from __future__ import annotations

import base64
import time
from itertools import chain
from typing import TYPE_CHECKING, Any

from lading import environment
from lading.backends.base import (
    Capability,
    Finding,
    JobHandle,
    JobRequest,
    Observation,
    Problem,
    StoreView,
    Worker,
)
from lading.backends.kubernetes import checks, installer, request, room
from lading.backends.kubernetes.clients import Access
from lading.backends.kubernetes.cluster import Cluster, Forbidden
from lading.backends.kubernetes.installer import PLANNED, Packages
from lading.backends.kubernetes.judged import gone, judged, judged_job, replaced
from lading.backends.kubernetes.names import pod_name, runner_name
from lading.backends.kubernetes.packages import PackageSecrets
from lading.backends.kubernetes.settings import KEYS, KubernetesSettings
from lading.backends.kubernetes.status import image_asked, install, is_over, never_ran
from lading.backends.mounts import open_folder
from lading.code.runner_zip import runner_archive
from lading.errors import ConfigError, TransientError
from lading_runner.errors import DependencyError
from lading_runner.failpoints import failpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lading.config import Target


class KubernetesBackend:
    name = "kubernetes"
    capabilities = frozenset(
        {
            Capability.IMAGE,
            Capability.REQUIREMENTS,
            Capability.CPU,
            Capability.MEMORY,
            Capability.GPU,
            Capability.DISK,
            Capability.SHM,
            Capability.SPOT,
            Capability.TIMEOUT,
            Capability.DETACHED,
            Capability.DEFERRABLE,
        }
    )
    target_keys = KEYS

    def __init__(self, target: Target, worker: Worker) -> None:
        self._target, self._worker = target, worker
        self._settings = KubernetesSettings.of(target)
        self._cluster = Cluster(Access.of(self._settings), self._settings.namespace)
        cache = worker.cache or environment.default_cache()
        self._packages = PackageSecrets(self._cluster, self._settings, cache, worker.log)

    @classmethod
    def configured(cls, target: Target, worker: Worker) -> KubernetesBackend:
        return cls(target, worker)

    def store_view(self, store_root: str) -> StoreView:
        return self._settings.store_view(store_root)

    def validate(self, job: JobRequest) -> list[Problem]:
        return checks.problems(job, self._settings, self._target)

    def render(self, job: JobRequest) -> Mapping[str, object]:
        return request.manifest(job, self._settings, runner_name(runner_archive()[1]))

    def room(self, job: JobRequest) -> Iterator[Finding]:
        """Quotas and limits of the namespace, sizes of the nodes; what may not be read is said."""
        made = self.render(job)
        pod: Any = made["spec"]["template"] if made["kind"] == "Job" else made  # type: ignore[index]
        found: dict[str, list[dict[str, Any]]] = {}
        for resource in ("limitranges", "resourcequotas", "nodes"):
            try:
                found[resource] = self._cluster.listed(resource)
            except Forbidden as e:
                yield Finding(resource, None, f"not known: {e}")
        ranges = found.get("limitranges", [])
        yield from room.findings(pod, found.get("resourcequotas"), ranges)
        if "nodes" in found:
            yield room.nodes_for(pod, found["nodes"], ranges)

    def submit(self, job: JobRequest) -> JobHandle:
        """:raises ConfigError: the cluster refuses the request"""
        runner, digest = runner_archive()
        self._cluster.create(request.config_map(runner_name(digest), base64.b64encode(runner).decode()))
        failpoint("kubernetes.runner.after")
        if self._settings.mounted:
            open_folder(job.store_root, job.folder, self._settings.job_user)
        packages = self._packages.made(job) if job.requirements else PLANNED
        try:
            made = self._created(job, request.manifest(job, self._settings, runner_name(digest), packages))
            if job.requirements:
                self._packages.give(job, packages, made)
        except ConfigError:
            if job.requirements:
                self._withdraw(job, packages)
            raise
        return self._handle(job.name, made)

    def find(self, name: str) -> JobHandle | None:
        found = self._cluster.read(self._resource, pod_name(name))
        return None if found is None else self._handle(name, found)

    def _created(self, job: JobRequest, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """The pod or Job of that name, made now or by an earlier call."""
        made = self._cluster.create(manifest) or self._cluster.read(self._resource, pod_name(job.name))
        failpoint("kubernetes.create.after")
        if made is None:
            raise TransientError(f"pod {pod_name(job.name)} vanished while it was looked at")
        return made

    def _withdraw(self, job: JobRequest, packages: Packages) -> None:
        """A job that cannot be given its Secret would keep it for ever."""
        space = self._cluster.namespace
        self._cluster.delete(self._resource, pod_name(job.name), space, None, 0)
        self._packages.remove(installer.secret_name(job, packages), space)

    def observe(self, handle: JobHandle) -> Observation:
        made, pod = self._look(handle)
        if made is None:
            return gone(handle.extra["name"], self._events(handle, handle.id))
        now, patience = time.time(), self._settings.max_wait_s
        if pod is None:
            return judged_job(made, self._events(handle, handle.id), now, patience)
        pending = pod["status"].get("phase") == "Pending"
        seen = judged(pod, self._events(handle, pod["metadata"]["uid"]) if pending else [], now, patience)
        return replaced(made, seen) if made["metadata"]["uid"] != pod["metadata"]["uid"] else seen

    def cancel(self, handle: JobHandle, grace_s: float) -> None:
        """A Job's own deletion would leave its pod the time of the target's ``grace_s``."""
        made, pod = self._look(handle)
        if made is None or is_over(pod):
            return
        given = 0 if never_ran(pod) else grace_s
        self._delete(handle, given)
        if pod is not None and pod is not made:
            name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            self._cluster.delete("pods", name, handle.extra["namespace"], uid, given)

    def logs(self, handle: JobHandle, since: str | None) -> Iterator[str]:
        _, pod = self._look(handle)
        if pod is None:
            return iter(())
        name, space = pod["metadata"]["name"], handle.extra["namespace"]
        every = (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])
        ours = [c["name"] for c in every if c["name"] in (installer.CONTAINER, request.CONTAINER)]
        return chain.from_iterable(self._cluster.lines(name, space, container) for container in ours)

    def remove(self, handle: JobHandle, *, failed: bool) -> None:
        """What never started is not kept: it would start when nobody waits for it. Where nothing runs the
        node is not waited for: under load it takes half a minute to let go of a pod."""
        made, pod = self._look(handle)
        if pod is not None and _refused(pod):
            self._packages.forget(handle)
        if secret := handle.extra.get("secret"):
            self._packages.remove(secret, handle.extra["namespace"])
        kept = failed and self._settings.keep == "failed" and is_over(pod)
        if made is not None and not kept:
            self._delete(handle, 0 if never_ran(pod) or is_over(pod) else None)

    @property
    def _resource(self) -> str:
        return f"{self._settings.kind}s"

    def _look(self, handle: JobHandle) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """The pod or Job itself (None: gone, or another has its name), and the pod that does the work."""
        name, namespace = handle.extra["name"], handle.extra["namespace"]
        made = self._cluster.read(f"{handle.extra['kind']}s", name, namespace)
        if made is None or made["metadata"]["uid"] != handle.id:
            return None, None
        if handle.extra["kind"] == "pod":
            return made, made
        pods = self._cluster.pods_of(name, namespace)
        return made, pods[-1] if pods else None

    def _events(self, handle: JobHandle, uid: str) -> list[dict[str, Any]]:
        return self._cluster.events(uid, handle.extra["namespace"])

    def _delete(self, handle: JobHandle, grace_s: float | None) -> None:
        extra = handle.extra
        self._cluster.delete(f"{extra['kind']}s", extra["name"], extra["namespace"], handle.id, grace_s)

    def _handle(self, name: str, made: Mapping[str, Any]) -> JobHandle:
        template = made["spec"].get("template", made)
        extra = {
            "kind": self._settings.kind,
            "name": made["metadata"]["name"],
            "namespace": made["metadata"]["namespace"],
            "environment": {"image": image_asked(template)},
        }
        if secret := installer.secret_of(template, name):
            notes = template["metadata"]["annotations"]
            extra |= {"secret": secret, "probe": notes.get(installer.PROBE)}
            extra["environment"]["lock"] = notes.get(installer.LOCK_DIGEST)
        return JobHandle(self.name, made["metadata"]["uid"], name, extra=extra)


def _refused(pod: Mapping[str, Any]) -> bool:
    """Whether the installer found that the packages do not fit the image."""
    ended = install(pod, "terminated")
    return ended is not None and ended.get("exitCode") == DependencyError.exit_code
