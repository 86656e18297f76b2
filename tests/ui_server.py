"""An Airflow API server over a database that the demo and DAGs of ``e2e/ui_dags`` have filled."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from lading.cli.demo import settings

ROOT = Path(__file__).parents[1]
DAGS = Path(__file__).parent / "e2e" / "ui_dags"
USER, PASSWORD = "admin", "correct-horse"
START_S = 300.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class UiServer:
    """``home`` outlives the server: filled once, it can be served again, also below a path."""

    home: Path
    path: str = ""
    port: int = field(default_factory=free_port)
    _server: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"

    @property
    def dags(self) -> Path:
        return self.home / "dags"

    def environment(self, **more: str) -> dict[str, str]:
        passwords = self.home / "passwords.json"
        passwords.write_text(json.dumps({USER: PASSWORD}))
        return {
            **os.environ,
            **settings(self.home / "airflow", self.dags, self.port),
            "AIRFLOW__API__BASE_URL": self.base,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            **more,
        }

    def fill(self) -> None:
        """Runs of every DAG that the tests look at; three of one, with another parameter and other code."""
        done = self.home / "filled"
        if done.exists():
            return
        shutil.copytree(ROOT / "dags", self.dags, dirs_exist_ok=True)
        shutil.copytree(DAGS, self.dags, dirs_exist_ok=True)
        self._python("-m", "lading.cli", "demo", "--no-serve", "--dags", str(self.dags))
        self.run("ui_digits", UI_GAMMA="0.01")
        self.run("ui_digits", UI_GAMMA="0.001")
        source = self.dags / "ui_digits.py"
        source.write_text(source.read_text().replace("DIVISOR = 1.0", "DIVISOR = 16.0"))
        self.run("ui_digits", UI_GAMMA="0.1")
        self.run("ui_serving", succeeds=False, UI_DIGITS_RUN="there is none")
        self.run("ui_serving", UI_DIGITS_RUN=self.newest("ui_digits"))
        self.run("ui_failing", succeeds=False)
        done.touch()

    def fill_with_hostile_names(self) -> None:
        """In a home of its own: lists and pictures of the other runs have none of them."""
        done = self.home / "filled"
        if done.exists():
            return
        shutil.copytree(DAGS, self.dags, dirs_exist_ok=True)
        self._python("-m", "airflow", "db", "migrate")
        self.run("ui_hostile", succeeds=False)
        done.touch()

    def run(self, dag_id: str, *, succeeds: bool = True, **more: str) -> None:
        self._python("-m", "lading.cli.demo_run", dag_id, expected=0 if succeeds else 1, **more)

    def _python(self, *argv: str, expected: int = 0, **more: str) -> None:
        environment = self.environment(**more)  # steps write files where they run: not into the checkout
        ended = subprocess.run(
            [sys.executable, *argv],
            env=environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == expected, f"{argv} exited with {ended.returncode}:\n{ended.stderr[-3000:]}"

    def newest(self, dag_id: str) -> str:
        return self.runs(dag_id)[0]

    def runs(self, dag_id: str) -> list[str]:
        """Newest first."""
        with sqlite3.connect(self.home / "airflow" / "airflow.db") as database:
            found = database.execute(
                "select run_id from dag_run where dag_id = ? order by id desc", (dag_id,)
            )
            return [row[0] for row in found]

    def start(self) -> None:
        log = self.home / f"server-{self.port}.log"
        with log.open("wb") as out:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "airflow", "api-server", "--workers", "1"],
                env=self.environment(),
                stdout=out,
                stderr=out,
            )
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert self._server.poll() is None, f"the server ended; see {log}"
            try:
                urllib.request.urlopen(f"{self.base}/api/v2/version", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        raise AssertionError(f"no answer in {START_S} s; see {log}")

    def stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait(30)

    def address(self, place: str, **query: str) -> str:
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        return f"{self.base}{place}{'?' + text if text else ''}"

    def run_page(self, dag_id: str, run_id: str | None = None, **query: str) -> str:
        run = quote(run_id or self.newest(dag_id), safe="")
        return self.address(f"/dags/{dag_id}/runs/{run}/plugin/lading-run", **query)

    def task_page(self, dag_id: str, task_id: str, map_index: int = -1) -> str:
        run = quote(self.newest(dag_id), safe="")
        mapped = f"/mapped/{map_index}" if map_index >= 0 else ""
        return self.address(f"/dags/{dag_id}/runs/{run}/tasks/{task_id}{mapped}/plugin/lading-task")

    def dag_page(self, dag_id: str, **query: str) -> str:
        return self.address(f"/dags/{dag_id}/plugin/lading-dag", **query)

    def lineage_page(self, **query: str) -> str:
        return self.address("/plugin/lading", **query)
