"""A trivial step in a pod beside the pod alone; needs a cluster whose nodes see this machine's files."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cases.containers import IMAGE, cpu_s, quickest
from benchmarks.model import Area, Bench, Contestant, Kind, Row, Sample, Target, Term

if TYPE_CHECKING:
    from fakes.pod_worker import PodDesk

NAMESPACE = os.environ.get("LADING_BENCH_NAMESPACE", "default")
STEP = "def run():\n    return 1\n"
_HANDED_OVER = "handed-over.json"


def absent() -> str:
    """Why no pod can be measured here; empty where one can."""
    if "KUBECONFIG" not in os.environ:
        return "KUBECONFIG is not set"
    try:
        nodes = core().list_node(_request_timeout=5).items
    except Exception as e:  # noqa: BLE001  # whatever the reason, there are no rows
        return f"no cluster answers: {e}"
    images = {name for node in nodes for image in node.status.images or () for name in image.names or ()}
    return "" if any(name.endswith(IMAGE) for name in images) else f"no node has the image {IMAGE}"


def core() -> Any:
    from kubernetes import client, config

    return client.CoreV1Api(config.new_client_from_config())


def lading(bench: Bench) -> Sample:
    """One attempt: code and specification stored, pod run, result taken, pod removed."""
    return quickest(bench, lambda: _desk(bench.folder).worker().run(), 4)


def pod_alone(bench: Bench) -> Sample:
    """Create, see it succeed, delete, by the same client."""
    api = core()
    return quickest(bench, lambda: _alone(api), 4)


def pod_by_its_client(bench: Bench) -> Sample:
    """CPU of all that a worker does for a pod alone, the import of the client included."""
    import airflow.sdk.execution_time.task_runner  # noqa: F401

    before = cpu_s()
    _alone(core())
    return {"cpu_s": cpu_s() - before}


def submit(bench: Bench) -> Sample:
    """The worker's first process of a deferred step; then, unmeasured, what the triggerer does."""
    import airflow.sdk.execution_time.task_runner  # noqa: F401

    before = cpu_s()
    desk = _desk(bench.folder)
    worker = desk.worker()
    started = worker.start()
    sample = {"submit_cpu_s": cpu_s() - before}
    ended = worker.wait(started)
    desk.backend.remove(started.handle, failed=False)
    handed_over = {"started": started.to_json(), "observation": ended.observation.to_json()}
    (bench.folder / _HANDED_OVER).write_text(json.dumps(handed_over))
    return sample


def finish(bench: Bench) -> Sample:
    """The worker's second process."""
    import airflow.sdk.execution_time.task_runner  # noqa: F401

    before = cpu_s()
    from lading.backends.base import Observation
    from lading.execution import Started

    given = json.loads((bench.folder / _HANDED_OVER).read_text())
    (state,) = bench.folder.glob("*/state.json")
    worker = _desk(bench.folder, state.parent.name).worker()
    started, observation = Started.from_json(given["started"]), Observation.from_json(given["observation"])
    worker.resume(started, observation, removed=True)
    return {"finish_cpu_s": cpu_s() - before}


def _desk(above: Path, name: str = "") -> PodDesk:
    """A task instance of its own, with the policy that a step has."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    from fakes.pod_worker import PodDesk
    from lading.execution import Policy

    folder = above / (name or uuid.uuid4().hex)  # names the run, and so the pod
    folder.mkdir(exist_ok=True)
    return PodDesk(folder, NAMESPACE, STEP, policy=Policy(poll_max_s=5.0))


def _alone(api: Any) -> None:
    name = f"lading-bench-{uuid.uuid4().hex}"
    container = {"name": "base", "image": IMAGE, "command": ["python3", "-c", "pass"]}
    spec = {"restartPolicy": "Never", "containers": [container]}
    api.create_namespaced_pod(NAMESPACE, {"metadata": {"name": name}, "spec": spec})
    while api.read_namespaced_pod(name, NAMESPACE).status.phase != "Succeeded":
        time.sleep(0.05)
    api.delete_namespaced_pod(name, NAMESPACE)


def _contestant(name: str, *functions: str) -> Contestant:
    return Contestant(name, tuple(f"{__name__}:{function}" for function in functions))


LADING = _contestant("pod lading", "lading")
POD = _contestant("pod alone", "pod_alone")
DEFERRED = _contestant("pod worker lading", "submit", "finish")
CLIENT = _contestant("pod worker alone", "pod_by_its_client")

AREA = Area(
    "kubernetes",
    (
        Row(
            "kubernetes",
            "trivial step in a pod, wall",
            "s",
            (Term(LADING, "wall_s"),),
            (Term(POD, "wall_s"),),
            Target(Kind.ADDED, 1.5),
            "create, see it succeed, delete",
        ),
        Row(
            "kubernetes",
            "the worker's own CPU for it, both processes",
            "s",
            (Term(DEFERRED, "submit_cpu_s"), Term(DEFERRED, "finish_cpu_s")),
            (Term(CLIENT, "cpu_s"),),
            Target(Kind.OURS, 0.3),
            "client imported; create, see it succeed, delete",
        ),
    ),
    absent,
)
