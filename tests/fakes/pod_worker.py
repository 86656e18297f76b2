"""A worker whose job is a pod: ``pod_worker.py <folder> <namespace> <mode>``, one process per try.

``folder`` holds the store, the state, ``code.py`` with the step's function ``run``, perhaps ``request.json``
with fields of its request, and ``events``, a line per report; it gives the run its id, so that two tests have
two pods. A test makes the worker by ``PodDesk``.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fakes.attempts import TASK, FileState
from lading.backends.base import JobRequest, Worker
from lading.backends.kubernetes import KubernetesBackend
from lading.code.archive import archive, digest_of
from lading.config import Target
from lading.execution import AttemptRunner, Ended, Hooks, Policy, attempt_folder, job_name
from lading_runner.contract import Attempt, Spec
from lading_runner.store import ArtifactStore
from lading_runner.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Desks = Callable[..., "PodDesk"]  # of a step's code and keys of its target

POLICY = Policy(poll_max_s=0.5, settle_s=1, grace_s=30, backoff_s=0.1)


@dataclass
class PodDesk:
    """What an attempt needs around it; ``said``, ``printed`` and ``ends`` are what its hooks were told."""

    folder: Path
    space: str
    code: str
    keys: Mapping[str, Any] = field(default_factory=dict)  # of the target
    policy: Policy = POLICY
    lend: Worker = field(default_factory=Worker)
    spec: Mapping[str, Any] = field(default_factory=dict)  # fields of the ``Spec``
    said: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    ends: list[Ended] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root = self.folder / "store"
        self.root.mkdir(exist_ok=True)
        target = Target(
            "kubernetes",
            "kubernetes",
            mount={"host_path": str(self.root)},
            extra={"namespace": self.space, **self.keys},
        )
        self.backend = KubernetesBackend.configured(target, self.lend)

    @property
    def state(self) -> FileState:
        return FileState(self.folder / "state.json")

    def worker(self, fingerprint: str = "same", **request: Any) -> AttemptRunner:
        """``request``: fields of the job's request."""
        objects = LocalStore(str(self.root))
        zipped = archive({"code_of_step.py": self.code.encode()})
        ArtifactStore(objects).put_bytes(zipped)
        view = self.backend.store_view(str(self.root))

        def request_for(attempt: Attempt) -> JobRequest:
            folder = attempt_folder(attempt)
            fields = {"image": "lading/python:3.11", "labels": {"dag_id": attempt.dag_id}, **request}
            uri = f"{view.root}/{quote(folder)}/spec.json"
            name = job_name(attempt)
            return JobRequest(name, attempt.dag_id, attempt.task_id, uri, str(self.root), folder, **fields)

        def spec_for(attempt: Attempt) -> Spec:
            code = {"digest": digest_of(zipped), "entry": "code_of_step:run"}
            given = {"outbox": True, **self.spec}
            return Spec(attempt, code, view.root, attempt_folder(attempt), **given)

        return AttemptRunner(
            task=TASK.replace(run_id=self.folder.name, try_number=int(time.time())),
            backend=self.backend,
            state=self.state,
            objects=objects,
            fingerprint=fingerprint,
            max_tries=3,
            request_for=request_for,
            spec_for=spec_for,
            hooks=Hooks(self._report, on_log=self.printed.append, say=self.said.append),
            policy=self.policy,
        )

    def _report(self, ended: Ended) -> None:
        self.ends.append(ended)
        fact = {
            "id": ended.event_id,
            "generation": ended.attempt.generation,
            "outcome": ended.verdict.outcome,
        }
        with (self.folder / "events").open("a") as file:
            file.write(json.dumps(fact) + "\n")


def main(folder: Path, space: str, mode: str) -> int:
    asked = folder / "request.json"
    request = json.loads(asked.read_text()) if asked.exists() else {}
    desk = PodDesk(folder, space, (folder / "code.py").read_text(), lend=Worker(cache=folder / "cache"))
    worker = desk.worker(**request)
    {"run": worker.run, "start": worker.start, "cancel": worker.cancel}[mode]()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:4]))
