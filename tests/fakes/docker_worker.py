"""A worker that is in a container itself: ``docker_worker.py <store> <the store on the engine's host>``.

Prints which fields of the target are refused without that host's path, and the step's value with it.
"""

from __future__ import annotations

import json
import sys

from benchmarks.cases.containers import IMAGE

from lading.backends.base import Worker
from lading.backends.docker import DockerBackend
from lading.config import Target
from lading.testing import Trial, steps
from lading_runner.store import ArtifactStore, LocalStore


def main(store: str, on_host: str) -> None:
    there = Target("docker", "docker", mount={"host_path": on_host})
    trial = Trial(
        lambda worker: DockerBackend.configured(there, worker),
        ArtifactStore(LocalStore(store)),
        steps.one,
        request={"image": IMAGE},
    )
    plain = DockerBackend.configured(Target("docker", "docker"), Worker())
    refused = [problem.field for problem in plain.validate(trial.job())]
    print(json.dumps({"refused": refused, "value": trial.value(trial.run()), "said": trial.said}))


if __name__ == "__main__":
    main(*sys.argv[1:])
