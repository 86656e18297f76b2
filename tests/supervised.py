"""A whole Airflow of processes, as it is deployed: API server, scheduler, LocalExecutor, DAG processor."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lading.lineage import log
from lading_runner.store import open_object_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lading.lineage.event import LineageEvent
    from lading_runner.store.base import ObjectStore

_START_S = 180.0  # a quarter of that on an idle machine
_DELETED = b"ObjectDeletedError: Instance '<DagRun"
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


def until(condition: Callable[[], Any], what: str, within_s: float = 120.0, every_s: float = 0.1) -> Any:
    """The first true value of ``condition``."""
    end = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {within_s:.0f} s in vain: {what}"
        time.sleep(every_s)
    return found


def lives(pid: int) -> bool:
    """Whether ``pid`` runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@dataclass
class Airflow:
    """``home`` gets everything: database, logs, store, environments, and ``notes``, the folder that DAGs find
    as ``SUPERVISED_NOTES``."""

    home: Path
    dags: Path
    secrets: Mapping[str, str] = field(default_factory=dict)  # and settings
    triggerer: bool = False
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _port: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _watch: threading.Thread | None = None

    @property
    def notes(self) -> Path:
        return self.home / "notes"

    @property
    def objects(self) -> ObjectStore:
        return open_object_store((self.home / "store").as_uri())

    def start(self) -> None:
        """Returns when the DAGs, of which each file has one at least, can be triggered."""
        self.notes.mkdir(parents=True)
        self._port = free_port()
        self._run("db", "migrate")
        for name in ("api-server", "scheduler", "dag-processor", *(["triggerer"] if self.triggerer else [])):
            self._processes[name] = self._begin(name)
        until(self._up, f"Airflow does not start:\n{self._said()}", _START_S)
        self._watch = threading.Thread(target=self._revive, daemon=True)
        self._watch.start()

    @contextmanager
    def running(self) -> Iterator[Airflow]:
        try:
            self.start()
            yield self
        finally:
            self.stop()

    def stop(self) -> None:
        """Ends every process, tasks and jobs included."""
        self._over.set()
        if self._watch is not None:
            self._watch.join()
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in self._processes.values():
                _signal(process.pid, number)
            for process in self._processes.values():
                _wait(process)
        for record in self.home.glob("environments/jobs/*/record.json"):
            _signal(json.loads(record.read_bytes())["pid"], signal.SIGKILL)

    def restart(self, name: str) -> None:
        """Kill -9 one of the processes, with all that it started, and start it again."""
        self._kill(name)
        self._processes[name] = self._begin(name)

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """One of the processes is killed, with all that it started, and is away meanwhile. Were it only
        stopped it might hold the lock of the database."""
        self._kill(name)
        try:
            yield
        finally:
            self._processes[name] = self._begin(name)

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    # The REST API

    def api(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/api/v2/{quote(path, safe='/?=&')}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        end = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    data = answer.read()
                return json.loads(data) if data else None
            except urllib.error.HTTPError as e:
                # SQLite has one writer at a time, and Airflow answers so when it waited for it in vain
                if e.code != 500 or time.monotonic() > end:
                    raise
            time.sleep(0.5)

    def trigger(self, dag_id: str) -> str:
        """The new run's id."""
        run_id: str = self.api("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"]
        return run_id

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        found = self.api("GET", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {ti["task_id"]: ti for ti in found}

    def ended(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1) -> str:
        """State of a task once its try ``try_number``, or a later one, is over."""

        def state() -> str | None:
            ti = self.tasks(dag_id, run_id).get(task_id, {})
            over = ti.get("state") in ENDED and ti["try_number"] >= try_number
            return str(ti["state"]) if over else None

        return str(until(state, f"{dag_id}.{task_id} does not end"))

    def over(self, dag_id: str, run_id: str, within_s: float = 120.0) -> str:
        """State of a run once it is over; a clear before that may be lost on the scheduler."""

        def state() -> str | None:
            found = str(self.api("GET", f"dags/{dag_id}/dagRuns/{run_id}")["state"])
            return found if found in ENDED else None

        return str(until(state, f"{dag_id} does not end", within_s))

    def mark_failed(self, dag_id: str, run_id: str, task_id: str) -> None:
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self.api("PATCH", path, {"new_state": "failed"})

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        what = {"dag_run_id": run_id, "task_ids": [task_id], "only_failed": False, "reset_dag_runs": True}
        self.api("POST", f"dags/{dag_id}/clearTaskInstances", {"dry_run": False, **what})

    # What happened

    def events(self, dag_id: str, task_id: str | None = None) -> list[LineageEvent]:
        """Oldest first."""
        found = log.read(self.objects, dag_id=dag_id)
        return [e for e in found if task_id is None or e.task.task_id == task_id]

    def events_of(self, run_id: str) -> list[LineageEvent]:
        return [e for e in log.read(self.objects) if e.task.run_id == run_id]

    def history(self, run_id: str, task_id: str) -> list[tuple[str, int, str | None]]:
        """Status, generation and failure class of each attempt."""
        found = [e for e in self.events_of(run_id) if e.task.task_id == task_id]
        return [(e.status, e.task.generation, (e.error or {}).get("class")) for e in found]

    def log_of(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1) -> str:
        where = f"dag_id={dag_id}/run_id={run_id}/task_id={task_id}/attempt={try_number}.log"
        return (self.home / "logs" / where).read_text()

    def shown(self, dag_id: str, run_id: str, task_id: str) -> list[dict[str, Any]]:
        """The log of the first try as a user sees it."""
        where = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/1?full_content=true"
        found: list[dict[str, Any]] = self.api("GET", where)["content"]
        return found

    def noted(self, name: str) -> str:
        """The text of a note, once it is there."""
        path = self.notes / name
        return str(until(lambda: path.exists() and path.read_text(), f"no note {name}"))

    # Parts

    def _up(self) -> bool:
        for name, process in self._processes.items():
            assert process.poll() is None, f"{name} ended:\n{self._said()}"
        try:
            known = {dag["relative_fileloc"] for dag in self.api("GET", "dags")["dags"]}
            assert not (wrong := self.api("GET", "importErrors")["import_errors"]), wrong
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return known >= {path.name for path in self.dags.glob("*.py")}

    def _revive(self) -> None:
        """Start the scheduler again, as every deployment does, where it died of a run's deletion: Airflow 3.3
        names the run in the log of its error, which reads the row that is gone."""
        said = self.home / "scheduler.log"
        while not self._over.wait(0.2):
            code = self._processes["scheduler"].poll()
            if code is not None and code > 0 and _DELETED in said.read_bytes():
                said.rename(self.home / "scheduler-that-died.log")
                self._processes["scheduler"] = self._begin("scheduler")

    def _kill(self, name: str) -> None:
        _signal(self._processes[name].pid, signal.SIGKILL)
        assert self._processes[name].wait(timeout=20) == -signal.SIGKILL

    def _begin(self, name: str) -> subprocess.Popen[bytes]:
        with (self.home / f"{name}.log").open("wb") as out:
            return subprocess.Popen(
                (sys.executable, "-m", "airflow", name),
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def _run(self, *words: str) -> None:
        argv = (sys.executable, "-m", "airflow", *words)
        subprocess.run(argv, env=self._environ(), check=True, capture_output=True)

    def _said(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self.home.glob("*.log"))

    def _environ(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AIRFLOW_", "_AIRFLOW_", "LADING_"))
        }
        return {**kept, **self._settings(), **self.secrets}

    def _settings(self) -> dict[str, str]:
        base = f"http://127.0.0.1:{self._port}"
        key = self.home / "key"
        if not key.exists():
            key.write_text(secrets.token_hex(32))
        return {
            "AIRFLOW_HOME": str(self.home),
            "SUPERVISED_NOTES": str(self.notes),
            "AIRFLOW__API__BASE_URL": base,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self._port),
            "AIRFLOW__API__SECRET_KEY": key.read_text(),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": key.read_text(),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{base}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "3",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__XCOM_BACKEND": "lading.xcom.LadingXComBackend",
            # One writer at a time: the others wait longer than the five seconds that are usual. But Airflow's
            # API server writes its audit log on the very loop that has to end the request whose lock it
            # waits for: then only this time ends the wait, and the request is asked again.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db?timeout=15",
            "AIRFLOW__LADING__CANCEL_GRACE_S": "8",  # more than Airflow gives a killed task
            "AIRFLOW__LADING__ENVIRONMENTS": str(self.home / "environments"),
            "AIRFLOW__LADING__STORE": (self.home / "store").as_uri(),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "4",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        return  # the next signal is stronger
