"""Which Python and platform an image has: asked of a pod once, then known."""

from __future__ import annotations

import contextlib
import hashlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lading.backends.base import FailureClass, JobState
from lading.backends.kubernetes import request
from lading.backends.kubernetes.judged import judged
from lading.backends.kubernetes.names import PREFIX
from lading.environment import Place, image
from lading.errors import ConfigError, LadingError, TransientError
from lading_runner.contract import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lading.backends.base import JobRequest, Observation
    from lading.backends.kubernetes.cluster import Cluster
    from lading.backends.kubernetes.settings import KubernetesSettings
    from lading.environment import Log

_FRESH_S = 3600.0  # of a tag, which may move; a digest does not
_POLL_S = 0.3
_SAY_EVERY_S = 15.0
_SMALL = {"cpu": "100m", "memory": "64Mi"}
_KEPT = ("image", "imagePullPolicy", "securityContext")  # of the step's own container


@dataclass(frozen=True)
class Probe:
    """Of one job's image, on the nodes that the job may run on."""

    cluster: Cluster
    settings: KubernetesSettings
    cache: Path
    log: Log

    def place(self, job: JobRequest) -> tuple[Place, str]:
        """What the image has, and the key to ``forget`` it by.

        :raises ConfigError: it has no Python that packages can be locked for, or cannot be started
        """
        pod = manifest(job, self.settings)
        name = str(pod["metadata"]["name"])
        fresh_s = None if "@sha256:" in str(job.image) else _FRESH_S
        return image.place_of(name, lambda: self._ask(pod), self.cache, self.log, fresh_s), name

    def _ask(self, pod: Mapping[str, Any]) -> Place:
        """Any number of workers may ask at once: the first one's pod tells them all."""
        name = pod["metadata"]["name"]
        made = self.cluster.create(pod) or self.cluster.read("pods", name)
        self.log(f"pod {name} tells which Python the image has")
        try:
            seen = self._ended(made)
            *_, said = ["", *self.cluster.lines(name, self.cluster.namespace, request.CONTAINER)]
        finally:
            with contextlib.suppress(LadingError):  # the next one who asks finds it, and removes it
                self.cluster.delete("pods", name, self.cluster.namespace, _uid(made), 0)
        if seen.failure is FailureClass.CONFIG:
            raise ConfigError(seen.reason)
        if seen.failure is not None:
            raise TransientError(f"the image does not tell yet which Python it has: {seen.reason}")
        return image.told(said.strip(), seen.exit_code)

    def _ended(self, pod: Mapping[str, Any] | None) -> Observation:
        begun = said = time.monotonic()
        heard: set[str] = set()
        while pod is not None:
            events = self.cluster.events(_uid(pod), self.cluster.namespace)
            seen = judged(pod, events, time.time(), self.settings.max_wait_s)
            if seen.state is JobState.ENDED:
                return seen
            for line in seen.reason.splitlines() if seen.state is JobState.QUEUED else ():
                if line not in heard:
                    heard.add(line)
                    self.log(line)
            if (now := time.monotonic()) - said > _SAY_EVERY_S:  # who logs notices that the task was killed
                said = now
                self.log(f"the image has not told yet ({now - begun:.0f} s)")
            time.sleep(_POLL_S)
            pod = self.cluster.read("pods", pod["metadata"]["name"])
        raise TransientError("the pod that tells which Python the image has vanished; it is asked again")


def manifest(job: JobRequest, settings: KubernetesSettings) -> dict[str, Any]:
    """A pod like the job's, on the same nodes behind the same walls, without anything of the job's own."""
    whole = request.overridden(replace(job, requirements=(), timeout_s=None), settings, "")
    base = next(c for c in whole["spec"]["containers"] if c["name"] == request.CONTAINER)
    container = {
        "name": request.CONTAINER,
        **{key: base[key] for key in _KEPT if key in base},
        "command": [settings.interpreter, "-I", "-c", image.PROBE],
        "resources": {"requests": _SMALL, "limits": _SMALL},
    }
    left_out = ("initContainers", "volumes", "activeDeadlineSeconds")
    spec = {key: value for key, value in whole["spec"].items() if key not in left_out}
    spec |= {"containers": [container], "automountServiceAccountToken": False}
    digest = hashlib.sha256(canonical_json(spec)).hexdigest()
    meta = {
        "name": f"lading-probe-{digest[:40]}",
        **{key: _not_owned(whole["metadata"][key]) for key in ("labels", "annotations")},
        **({"namespace": settings.namespace} if settings.namespace else {}),
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def _not_owned(names: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in names.items() if not key.startswith(PREFIX)}


def _uid(pod: Mapping[str, Any] | None) -> str:
    return "" if pod is None else str(pod["metadata"]["uid"])
