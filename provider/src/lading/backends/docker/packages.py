"""An image with a step's requirements in it: made once per lock and base image, then used by every job."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from lading import environment
from lading.backends.docker.request import PACKAGES, PRIVATE, SCRATCH, WORK
from lading.environment import image
from lading.errors import EnvironmentBuildError, TransientError
from lading_runner.contract import canonical_json
from lading_runner.failpoints import failpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lading.backends.base import JobRequest
    from lading.backends.docker.engine import Engine
    from lading.backends.docker.settings import DockerSettings
    from lading.environment import Lock, Log, Place

REPOSITORY = "lading-packages"
_ROOT = "0:0"  # installs; the job that uses the image is somebody else


@dataclass(frozen=True)
class PackageImages:
    engine: Engine
    settings: DockerSettings
    cache: Path  # of locks, and of what Python each image has
    log: Log

    def image_for(self, job: JobRequest, base: Mapping[str, Any]) -> tuple[str, str]:
        """Id of an image like ``base`` (its facts) with the requirements, and the digest of their lock.

        Any number of workers may ask at once: the engine holds one builder of that name.

        :raises EnvironmentBuildError: the requirements cannot be resolved or installed
        """
        request = environment.with_driver(environment.resolve(job.requirements, job.python), job.spec_uri)
        lock = environment.lock_for(request, self._place(base), self.cache, self.log)
        key = hashlib.sha256(canonical_json([base["Id"], lock.digest])).hexdigest()[:40]
        made = self.engine.image_id(f"{REPOSITORY}:{key}")
        return made or self._build(key, lock, base), lock.digest

    def _place(self, base: Mapping[str, Any]) -> Place:
        key = str(base["Id"].rpartition(":")[2])
        return image.place_of(key, lambda: self._probe(base), self.cache, self.log)

    def _probe(self, base: Mapping[str, Any]) -> Place:
        name = f"lading-probe-{uuid.uuid4().hex}"
        argv = [self.settings.interpreter, "-I", "-c", image.PROBE]
        try:
            code, said = self._ran(name, argv, base, {})
        finally:
            self.engine.remove(name)
        return image.told(said, code)

    def _build(self, key: str, lock: Lock, base: Mapping[str, Any]) -> str:
        self.log(f"make an image with {len(lock.lines)} packages for Python {lock.python}")
        files = {
            "install.py": resources.files("lading_runner").joinpath("install.py").read_bytes(),
            "lock.txt": lock.text().encode(),
            "pip.conf": image.pip_conf(),
        }
        argv = [
            self.settings.interpreter,
            "-I",
            "-u",
            f"{PRIVATE}/install.py",
            f"{PRIVATE}/lock.txt",
            PACKAGES,
        ]
        name = f"{REPOSITORY}-{key}"
        code, said = self._ran(name, argv, base, files)
        failpoint("docker.packages.installed")
        if code == 0:
            self.engine.commit(name, REPOSITORY, key, {"lading.lock": lock.digest})
        self.engine.remove(name)
        if (made := self.engine.image_id(f"{REPOSITORY}:{key}")) is not None:
            return made
        if code in {0, 75} or said is None:
            raise TransientError(
                f"the requirements are not installed yet: {said or 'their builder vanished'}"
            )
        raise EnvironmentBuildError(said)

    def _ran(
        self, name: str, argv: list[str], base: Mapping[str, Any], files: Mapping[str, bytes]
    ) -> tuple[int | None, str | None]:
        """Exit code and last line of a container of that name, started now or by another worker."""
        made = self.engine.create(self._request(name, argv, base))
        if made["State"]["Status"] == "created":
            self.engine.put(name, PRIVATE, {**files, "work": None, "scratch": None}, _ROOT)
            self.engine.start(name, str(base["Id"]))
        said = None
        for line in self.engine.lines(name, follow=True):
            said = line.strip() or said
            if files:
                self.log(line)
        ended = self.engine.inspect(name)
        return (None if ended is None else int(ended["State"]["ExitCode"])), said

    def _request(self, name: str, argv: list[str], base: Mapping[str, Any]) -> dict[str, Any]:
        network = {"network_mode": self.settings.network} if self.settings.network else {}
        return {
            "name": name,
            "image": base["Id"],
            "entrypoint": argv[:1],
            "command": argv[1:],
            "user": _ROOT,
            "working_dir": "/",
            "environment": {"HOME": WORK, "TMPDIR": SCRATCH, "PIP_CONFIG_FILE": f"{PRIVATE}/pip.conf"},
            "labels": {"lading.builder": name},
            "volumes": [PRIVATE],
            "host_config": {
                "init": True,
                "cap_drop": ["ALL"],
                "security_opt": ["no-new-privileges:true"],
                **network,
            },
        }
