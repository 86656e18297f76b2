"""The runs of a fake workspace: their states, their token, their fate."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fakes.databricks import schema
from fakes.databricks.compute import Compute, Done, InstallError
from fakes.databricks.errors import ApiError
from fakes.databricks.files import Files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NODE_TYPES = ("m5.xlarge", "m5.4xlarge", "g5.xlarge", "Standard_D4ds_v5", "n2-standard-4")
RUNTIMES = ("16.4.x-cpu-ml-scala2.12", "16.4.x-gpu-ml-scala2.12", "16.4.x-scala2.12")
POLICIES = {"0123456789ABCDEF": "ml-jobs"}
PROFILES = ("arn:aws:iam::123456789012:instance-profile/ml",)
BAD = "INVALID_PARAMETER_VALUE"


@dataclass
class Fault:
    """What becomes of the next ``times`` requests whose method and path match: ``status`` is answered
    instead, or, with ``lost``, the request does its work and the connection is cut."""

    match: str
    status: int = 503
    lost: bool = False
    times: int = 1
    code: str = "TEMPORARILY_UNAVAILABLE"
    fired: int = 0


@dataclass
class Fate:
    """What becomes of the next run: it never gets its compute (``before``), or the compute is lost after its
    first line (``kill``: "all" or "child")."""

    code: str = ""
    type: str = "CLOUD_FAILURE"
    message: str = ""
    kill: str | None = None
    fired: int = 0


class Ends(Exception):
    """A run is over before its process began: result, code, type, message, and perhaps its state."""


@dataclass
class Run:
    id: int
    body: dict[str, Any]
    owner: str
    began: float
    compute: Compute
    state: str = "PENDING"
    result: str = ""
    message: str = ""
    details: dict[str, str] | None = None
    output: dict[str, Any] = field(default_factory=dict)
    fate: Fate | None = None
    cancelled: bool = False
    printed: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


class Workspace:
    def __init__(self, root: Path, env: dict[str, str]) -> None:
        self.folder, self.env, self.files = root, env, Files(root / "fs")
        self.runs: dict[int, Run] = {}
        self.tokens: dict[str, int] = {}
        self.deleted: set[int] = set()
        self.fates: list[Fate] = []
        self.listing_s = 0.0  # how late a run is listed
        self.listeners: list[Callable[[Run, bool], None]] = []  # hear of each run: it begins, it has ended
        self.started = Counter[str]()  # processes, by idempotency token
        self.go = threading.Event()  # while it is not set, no run gets its compute
        self.go.set()
        self._next, self._lock = 1000, threading.RLock()

    # The API

    def submit(self, body: dict[str, Any], owner: str) -> dict[str, Any]:
        token = body.get("idempotency_token")
        if token is not None and len(token) > 64:
            raise ApiError(400, BAD, "idempotency_token must have at most 64 characters")
        with self._lock:
            if token in self.tokens:
                if self.tokens[token] in self.deleted:
                    raise ApiError(400, BAD, f"The run with idempotency token {token} has been deleted.")
                return {"run_id": self.tokens[token]}
            self._check(body)
            run = Run(self._next, body, owner, time.monotonic(), Compute(self.files, self.folder, self.env))
            self._next += 10
            self.runs[run.id] = run
            if token:
                self.tokens[token] = run.id
            run.fate = self.fates.pop(0) if self.fates else None
        self._tell(run, begins=True)
        threading.Thread(target=self._execute, args=(run,), daemon=True).start()
        return {"run_id": run.id}

    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        run, of_task = self._find(args)
        return self._task(run) if of_task else self._public(run)

    def output(self, args: dict[str, Any]) -> dict[str, Any]:
        run, of_task = self._find(args)
        if not of_task and len(run.body["tasks"]) > 1:
            raise ApiError(400, BAD, "Retrieving the output of runs with multiple tasks is not supported.")
        return {"metadata": self._task(run), **run.output}

    def cancel(self, args: dict[str, Any]) -> dict[str, Any]:
        run, _ = self._find(args)
        if not run.over.is_set():
            run.cancelled = True
            threading.Thread(target=run.compute.end, daemon=True).start()
        return {}

    def list(self, args: dict[str, Any]) -> dict[str, Any]:
        now = time.monotonic()
        seen = [run for run in self.runs.values() if now - run.began >= self.listing_s]
        if str(args.get("active_only", "")).lower() == "true":
            seen = [run for run in seen if not run.over.is_set()]
        return {"runs": [self._public(run) for run in reversed(seen)][:25], "has_more": False}

    def delete(self, args: dict[str, Any]) -> dict[str, Any]:
        run, _ = self._find(args)
        if not run.over.is_set():
            raise ApiError(400, "INVALID_STATE", f"Run {run.id} is active: only ended runs can be deleted.")
        self.deleted.add(run.id)
        return {}

    # Checks

    def _check(self, body: dict[str, Any]) -> None:
        if wrong := schema.wrong(body):
            raise ApiError(400, BAD, f"Could not parse request object: {'; '.join(wrong)}")
        known = {one["environment_key"] for one in body.get("environments", [])}
        for task in body["tasks"]:
            cluster = task.get("new_cluster")
            if cluster is not None:
                self._check_cluster(cluster)
            elif task.get("libraries"):
                raise ApiError(
                    400, BAD, "Libraries are not supported for serverless tasks, use environments."
                )
            elif task.get("environment_key") not in known:
                raise ApiError(400, BAD, f"Task {task['task_key']}: environment_key is required.")
            if "spark_python_task" not in task:
                raise ApiError(400, BAD, "only Python files are run here")
        versions = {one["spec"].get("environment_version") for one in body.get("environments", [])}
        if unknown := versions - {"1", "2", "3", "4"}:
            raise ApiError(400, BAD, f"Invalid environment_version {unknown.pop()!r}.")

    @staticmethod
    def _check_serverless(task: dict[str, Any], known: set[str]) -> None:
        if task.get("libraries"):
            raise ApiError(400, BAD, "Libraries are not supported for serverless tasks, use environments.")
        if task.get("environment_key") not in known:
            raise ApiError(400, BAD, f"Task {task['task_key']}: environment_key is required.")

    def _check_cluster(self, cluster: dict[str, Any]) -> None:
        node, runtime = cluster.get("node_type_id"), cluster.get("spark_version")
        policy = cluster.get("policy_id")
        profile = (cluster.get("aws_attributes") or {}).get("instance_profile_arn")
        if node is None and not cluster.get("instance_pool_id"):
            raise ApiError(400, BAD, "Cluster validation error: Missing required field: node_type_id")
        if node is not None and node not in NODE_TYPES:
            known = ", ".join(NODE_TYPES)
            raise ApiError(400, BAD, f"Node type {node} is not supported. Supported node types: {known}")
        if runtime not in RUNTIMES:
            raise ApiError(400, BAD, f"Cluster validation error: Invalid spark version {runtime}.")
        if policy is not None and policy not in POLICIES:
            raise ApiError(400, BAD, f"Cluster validation error: Cluster policy {policy} does not exist")
        if profile is not None and profile not in PROFILES:
            raise ApiError(403, "PERMISSION_DENIED", f"No access to instance profile {profile}.")

    # Runs

    def _execute(self, run: Run) -> None:
        self.go.wait()
        try:
            done = self._ran(run, run.fate)
        except Ends as e:
            self._finish(run, *e.args)
        else:
            self._end(run, done, run.fate)

    def _ran(self, run: Run, fate: Fate | None) -> Done:
        if run.cancelled:
            raise Ends("CANCELED", "USER_CANCELED", "SUCCESS", f"Run cancelled by {run.owner}.")
        if fate is not None and fate.kill is None:
            fate.fired += 1
            raise Ends("FAILED", fate.code, fate.type, fate.message, "INTERNAL_ERROR")
        task = run.body["tasks"][0]
        environments = {one["environment_key"]: one["spec"] for one in run.body.get("environments", [])}
        try:
            packages = run.compute.install(task, environments.get(task.get("environment_key"), {}))
        except InstallError as e:
            text = f"Library installation failed: {e}"
            raise Ends("FAILED", "LIBRARY_INSTALLATION_ERROR", "CLIENT_ERROR", text) from e
        file = task["spark_python_task"]["python_file"]
        if not self.files.place(file).is_file():
            raise Ends("FAILED", "RESOURCE_NOT_FOUND", "CLIENT_ERROR", f"Cannot read the python file {file}.")
        run.state = "RUNNING"
        self.started[str(run.body.get("idempotency_token"))] += 1
        timer = threading.Timer(int(run.body.get("timeout_seconds") or 10**6), self._time_out, (run,))
        timer.daemon = True
        timer.start()
        try:
            return run.compute.run(task, packages, run.id, lambda line: self._printed(run, fate))
        finally:
            timer.cancel()

    def lose(self, run_id: int, fate: Fate) -> None:
        """The compute of a running run, now."""
        run = self.runs[run_id]
        run.fate = fate
        fate.fired += 1
        if fate.kill == "child":
            run.compute.kill_child()
        else:
            run.compute.end(9)

    def _printed(self, run: Run, fate: Fate | None) -> None:
        run.printed.set()
        if fate is None or fate.kill is None or fate.fired:
            return
        fate.fired += 1
        if fate.kill == "child":
            run.compute.kill_child()
        else:
            threading.Thread(target=run.compute.end, args=(9,), daemon=True).start()

    def _time_out(self, run: Run) -> None:
        run.result = "TIMEDOUT"
        run.compute.end()

    def _end(self, run: Run, done: Done, fate: Fate | None) -> None:
        run.output = {"logs": done.logs, "logs_truncated": False}
        task = run.body["tasks"][0]["task_key"]
        failed = f"Task {task} failed with message: Workload failed, see run output."
        if run.cancelled:
            self._finish(run, "CANCELED", "USER_CANCELED", "SUCCESS", f"Run cancelled by {run.owner}.")
        elif run.result == "TIMEDOUT":
            self._finish(run, "TIMEDOUT", "CANCELED", "CLIENT_ERROR", "Run timed out")
        elif done.code == 0:
            self._finish(run, "SUCCESS", "SUCCESS", "SUCCESS", "")
        else:
            run.output |= _error(done)
            code, kind = (
                (fate.code, fate.type) if fate and fate.code else ("RUN_EXECUTION_ERROR", "CLIENT_ERROR")
            )
            self._finish(run, "FAILED", code, kind, fate.message if fate and fate.message else failed)

    def _finish(
        self, run: Run, result: str, code: str, kind: str, message: str, state: str = "TERMINATED"
    ) -> None:
        with self._lock:
            run.state, run.result, run.message = state, result, message
            run.details = {"code": code, "type": kind, "message": message}
        self._tell(run, begins=False)
        run.over.set()

    def _tell(self, run: Run, *, begins: bool) -> None:
        for hear in list(self.listeners):
            hear(run, begins)

    # What is shown

    def _find(self, args: dict[str, Any]) -> tuple[Run, bool]:
        """The run, and whether its task's run is meant, which has an id of its own."""
        number = int(args["run_id"])
        found = self.runs.get(number - number % 10)
        if found is None or found.id in self.deleted or number % 10 > 1:
            raise ApiError(400, BAD, f"Run {number} does not exist.")
        return found, number % 10 == 1

    def _public(self, run: Run) -> dict[str, Any]:
        return {
            "job_id": run.id + 500_000,
            "run_id": run.id,
            "run_name": run.body.get("run_name", "Untitled"),
            "run_page_url": f"{self.env['DATABRICKS_HOST']}/?o=1#job/{run.id + 500_000}/run/{run.id}",
            "run_type": "SUBMIT_RUN",
            "creator_user_name": run.owner,
            **self._states(run),
            "tasks": [self._task(run)],
        }

    def _task(self, run: Run) -> dict[str, Any]:
        key = run.body["tasks"][0]["task_key"]
        return {"task_key": key, "run_id": run.id + 1, "attempt_number": 0, **self._states(run)}

    def _states(self, run: Run) -> dict[str, Any]:
        with self._lock:
            state = {"life_cycle_state": run.state, "state_message": run.message}
            status: dict[str, Any] = {"state": run.state if run.details is None else "TERMINATED"}
            if run.details is not None:
                state["result_state"] = run.result
                status["termination_details"] = run.details
            return {"state": state, "status": status}


def _error(done: Done) -> dict[str, str]:
    lines = [line for line in done.trace.splitlines() if line.strip()]
    if done.code < 0 or not lines:
        number = 128 - done.code if done.code < 0 else done.code
        return {"error": f"The Python process exited with exit code {number}.", "error_trace": done.trace}
    return {"error": re.sub(r"^__main__\.", "", lines[-1]), "error_trace": done.trace}
