"""A job's requirements on their way into its pod: locked here, handed over in a Secret of the job's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading import environment
from lading.backends.kubernetes import installer
from lading.backends.kubernetes.installer import Packages
from lading.backends.kubernetes.probing import Probe
from lading.environment import Place, image
from lading_runner.failpoints import failpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lading.backends.base import JobHandle, JobRequest
    from lading.backends.kubernetes.cluster import Cluster
    from lading.backends.kubernetes.settings import KubernetesSettings
    from lading.environment import Log


@dataclass(frozen=True)
class PackageSecrets:
    cluster: Cluster
    settings: KubernetesSettings
    cache: Path  # of locks, and of what Python each image has
    log: Log

    def made(self, job: JobRequest) -> Packages:
        """The job's lock is in its Secret, made now or by an earlier call.

        :raises ConfigError: the requirements cannot be resolved, or the image does not tell its Python
        """
        place, probe = self._place(job)
        asked = environment.with_driver(environment.resolve(job.requirements, job.python), job.spec_uri)
        lock = environment.lock_for(asked, place, self.cache, self.log)
        packages = Packages.of(lock, job, self.settings, probe)
        if self.settings.package_cache and not packages.shared:
            self.log("not every package has a hash: they are installed for this pod alone, not in the cache")
        self.cluster.create(installer.secret(job, packages, lock, image.pip_conf()))
        failpoint("kubernetes.lock.after")
        return packages

    def give(self, job: JobRequest, packages: Packages, owner: Mapping[str, Any]) -> None:
        """The Secret is deleted with ``owner``, whoever deletes that."""
        self.cluster.give("secrets", installer.secret_name(job, packages), owner)

    def remove(self, secret: str, namespace: str) -> None:
        self.cluster.delete("secrets", secret, namespace, None)

    def forget(self, handle: JobHandle) -> None:
        """Of an image that has another Python than it told."""
        if probe := handle.extra.get("probe"):
            image.forget(probe, self.cache)

    def _place(self, job: JobRequest) -> tuple[Place, str | None]:
        if job.python is not None and self.settings.platform is not None:
            return Place(job.python, self.settings.platform), None
        return Probe(self.cluster, self.settings, self.cache, self.log).place(job)
