"""The one-node cluster that tests run on, whose node is this machine: a folder here is a folder there."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fakes.gate import Gate
from lading_testkit import require_service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest


def require() -> None:
    if "KUBECONFIG" not in os.environ:
        require_service("kubernetes", False, "KUBECONFIG is not set")
    from kubernetes import config
    from urllib3.exceptions import HTTPError

    try:
        nodes = core().list_node(_request_timeout=5).items
    except (HTTPError, OSError, config.ConfigException) as e:
        require_service("kubernetes", False, str(e))
        return
    pressed = [f"{node.metadata.name}: {one.message}" for node in nodes for one in _pressures(node)]
    if pressed:  # pods are evicted and images removed there: each test would wait until its own time ends
        require_service("kubernetes", False, f"no room on {', '.join(pressed)}; free its disk or memory")


def _pressures(node: Any) -> list[Any]:
    return [one for one in node.status.conditions if one.type.endswith("Pressure") and one.status == "True"]


def core() -> Any:
    from kubernetes import client, config

    return client.CoreV1Api(config.new_client_from_config())


def batch() -> Any:
    from kubernetes import client, config

    return client.BatchV1Api(config.new_client_from_config())


@contextmanager
def namespace(name: str) -> Iterator[str]:
    """A namespace of the test's own."""
    api = core()
    api.create_namespace({"metadata": {"name": name}})
    try:
        yield name
    finally:
        api.delete_namespace(name)


@contextmanager
def gate(folder: Path) -> Iterator[tuple[Gate, str]]:
    """A way to the API server that can be shut, and a kubeconfig that goes through it."""
    import yaml
    from kubernetes import config

    given = kubeconfig()
    _, active = config.list_kube_config_contexts()
    cluster = next(c for c in given["clusters"] if c["name"] == active["context"]["cluster"])["cluster"]
    server = urlsplit(cluster["server"])
    made = Gate(str(server.hostname), server.port or 443)
    cluster |= {"server": f"https://127.0.0.1:{made.port}", "tls-server-name": server.hostname}
    file = folder / "kubeconfig-through-the-gate"
    file.write_text(yaml.safe_dump(given))
    try:
        yield made, str(file)
    finally:
        made.stop()


def kubeconfig() -> dict[str, Any]:
    import yaml
    from kubernetes.config.kube_config import KUBE_CONFIG_DEFAULT_LOCATION

    path = Path(os.environ.get("KUBECONFIG") or KUBE_CONFIG_DEFAULT_LOCATION)
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def store_folder() -> Path:
    return Path(urlsplit(os.environ["AIRFLOW__LADING__STORE"]).path)


class Cluster:
    """What a test sees of its namespace, and the target ``kubernetes`` that runs there."""

    def __init__(self, space: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.space, self._patch = space, monkeypatch
        self.api = core()
        self._before = self._created()

    def configure(self, **more: Any) -> None:
        """The target, with ``more`` keys; None takes one away."""
        store_folder().mkdir(exist_ok=True)
        target = {
            "image": "lading/python:3.11",
            "namespace": self.space,
            "mount": {"host_path": str(store_folder())},
            **more,
        }
        target = {key: value for key, value in target.items() if value is not None}
        self._patch.setenv("AIRFLOW__LADING__TARGETS", json.dumps({"kubernetes": target}))
        from lading import deployment

        deployment.settings.cache_clear()

    def image_without_python(self) -> str:
        """The node's own: every node has the image of the sandbox."""
        images = self.api.list_node().items[0].status.images
        return next(name for image in images for name in image.names if "pause" in name and "@" not in name)

    def running(self) -> bool:
        return any(pod.status.phase == "Running" for pod in self.pods())

    def pods(self) -> list[Any]:
        return self.api.list_namespaced_pod(self.space).items  # type: ignore[no-any-return]

    def evict(self, pod: str) -> None:
        """As ``kubectl drain`` and every autoscaler do it; ``policy/v1`` is there since 1.22."""
        from kubernetes import client

        minor = int(client.VersionApi(self.api.api_client).get_code().minor.rstrip("+"))
        version = "policy/v1" if minor >= 22 else "policy/v1beta1"
        eviction = {"apiVersion": version, "kind": "Eviction", "metadata": {"name": pod}}
        # the answer is a status, which the client does not know how to read
        self.api.create_namespaced_pod_eviction(pod, self.space, eviction, _preload_content=False)

    def made(self) -> int:
        """How many pods there were since the test began, the gone ones too: by their events."""
        return len(self._created() - self._before)

    def left_behind(self, within_s: float = 40) -> list[str]:
        """Pods and Jobs that are still there after a while."""
        found: list[str] = []

        def nothing() -> bool:
            jobs = batch().list_namespaced_job(self.space).items
            found[:] = [thing.metadata.name for thing in (*self.pods(), *jobs)]
            return not found

        wait_until(nothing, within_s)
        return found

    def clear(self) -> None:
        """So that what a failed test left does not disturb the next."""
        for job in batch().list_namespaced_job(self.space).items:
            batch().delete_namespaced_job(job.metadata.name, self.space, propagation_policy="Background")
        for pod in self.pods():
            self.api.delete_namespaced_pod(pod.metadata.name, self.space, grace_period_seconds=0)

    def _created(self) -> set[str]:
        events = self.api.list_namespaced_event(self.space).items
        return {e.involved_object.uid for e in events if e.involved_object.kind == "Pod"}

    def secrets(self) -> list[Any]:
        """Of jobs."""
        found = self.api.list_namespaced_secret(self.space).items
        return [one for one in found if one.metadata.name.startswith("lading-")]

    def nothing_left(self) -> bool:
        return self.left_behind() == [] and wait_until(lambda: not self.secrets(), 30)


def wait_until(true: Callable[[], bool], within_s: float) -> bool:
    end = time.monotonic() + within_s
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True
