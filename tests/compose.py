"""A deployment by ``docker-compose.yml``, from images that are made here: no registry is asked."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker_engine
from lading_testkit import require_service
from supervised import ENDED, until

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
LOCAL = ROOT / "tests" / "e2e" / "compose"
FILES = (ROOT / "docker-compose.yml", LOCAL / "local.yml")
SERVICES = "lading/compose-services:test"  # PostgreSQL and Redis
IMAGES = {
    "LADING_BASE_IMAGE": docker_engine.IMAGE,
    "LADING_AIRFLOW_IMAGE": "lading/compose-airflow:test",
    "LADING_STORE_IMAGE": "lading/compose-store:test",
    "LADING_POSTGRES_IMAGE": SERVICES,
    "LADING_BROKER_IMAGE": SERVICES,
}


def require() -> None:
    """Skip, or fail where it is required, unless the engine and the Compose plugin answer."""
    require_service("compose", shutil.which("docker") is not None, "there is no docker")
    found = subprocess.run(("docker", "compose", "version"), capture_output=True, text=True, check=False)
    require_service(
        "compose", found.returncode == 0, "docker has no compose plugin; see tools/install-compose"
    )


def make_env(path: Path, settings: Mapping[str, str]) -> Path:
    """``path``, with the secrets that a user gets and ``settings``."""
    subprocess.run((str(ROOT / "deploy" / "make-env"), str(path)), check=True, capture_output=True)
    with path.open("a") as file:
        file.writelines(f"{name}={value}\n" for name, value in settings.items())
    return path


def compose(project: str, env: Path, *words: str, files: tuple[Path, ...] = FILES) -> str:
    """What it prints to stdout."""
    named = [part for file in files for part in ("--file", str(file))]
    argv = ["docker", "compose", "--project-name", project, "--env-file", str(env), *named, *words]
    run = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT)
    assert run.returncode == 0, f"{' '.join(words)}:\n{run.stdout[-2000:]}\n{run.stderr[-4000:]}"
    return run.stdout


@dataclass
class Deployment:
    project: str
    env: Path

    def build(self) -> None:
        """The images stay: made anew only where what they are made of has changed, which takes minutes."""
        before = _image_ids()
        subprocess.run((str(LOCAL / "services-image"), SERVICES), check=True)
        self.compose("build", "api-server", "store")
        for replaced in before - _image_ids():  # refused while another deployment runs on it
            subprocess.run(("docker", "image", "rm", replaced), capture_output=True, check=False)

    def up(self) -> None:
        """Returns once every service is healthy."""
        try:
            self.compose("up", "--detach", "--wait", "--wait-timeout", "420")
        except AssertionError as e:
            said = self.compose("logs", "--no-color", "--tail", "30")
            raise AssertionError(f"{e}\n{said}") from None

    def compose(self, *words: str) -> str:
        return compose(self.project, self.env, *words)

    def health(self) -> dict[str, str]:
        """Health of each running service; of one that ended, its exit code."""
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        return {s["Service"]: s["Health"] or str(s["ExitCode"]) for s in map(json.loads, lines)}

    def python(self, service: str, code: str) -> str:
        """What ``code`` prints in a running container."""
        return self.compose("exec", "-T", service, "python3", "-c", code)

    def remains(self) -> list[str]:
        """Containers, volumes and networks that are labelled as this project's."""
        label = f"label=com.docker.compose.project={self.project}"
        found: list[str] = []
        for kind in ("container", "volume", "network"):
            more = ("--all",) if kind == "container" else ()
            argv = ("docker", kind, "ls", *more, "--quiet", "--filter", label)
            found += subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
        return found

    # The REST API

    @cached_property
    def settings(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.env.read_text().splitlines())

    @cached_property
    def token(self) -> str:
        login = {"username": "admin", "password": self.settings["LADING_ADMIN_PASSWORD"]}
        return str(self.call("POST", "/auth/token", login)["access_token"])

    def api(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self.call(method, f"/api/v2/{path}", body, {"Authorization": f"Bearer {self.token}"})

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str] | None = None
    ) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.settings['LADING_PORT']}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def run(self, dag_id: str, within_s: float = 400) -> str:
        """Id of a new run of the DAG, once it is over."""
        until(lambda: dag_id in {d["dag_id"] for d in self.api("GET", "dags")["dags"]}, f"no DAG {dag_id}")
        run: str = self.api("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"]
        path = f"dags/{dag_id}/dagRuns/{run}"
        until(lambda: self.api("GET", path)["state"] in ENDED, f"{dag_id} does not end", within_s)
        return run

    def states(self, dag_id: str, run: str) -> dict[str, str]:
        found = self.api("GET", f"dags/{dag_id}/dagRuns/{run}/taskInstances")["task_instances"]
        return {
            ti["task_id"] if ti["map_index"] < 0 else f"{ti['task_id']}[{ti['map_index']}]": ti["state"]
            for ti in found
        }


def _image_ids() -> set[str]:
    """Of the images that ``build`` makes."""
    made = sorted(set(IMAGES.values()) - {docker_engine.IMAGE})
    argv = (
        "docker",
        "image",
        "ls",
        "--no-trunc",
        "--quiet",
        *(f"--filter=reference={name}" for name in made),
    )
    return set(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split())
