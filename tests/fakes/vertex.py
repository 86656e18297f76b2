"""A small Vertex AI: its job service over gRPC, with jobs that really run, as processes of this machine.

Google's own clients and Airflow's own operators find it faithful (``test_vertex_fake``). A job goes through
queued, pending and running; its command gets the buckets under ``/gcs`` and the variables that the service
sets; what it prints is in Cloud Logging. ``faults`` and ``fates`` make things go wrong, ``fired`` has each
that did.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from google.cloud import aiplatform_v1 as v1
from google.cloud.logging_v2.types import ListLogEntriesRequest, ListLogEntriesResponse, LogEntry
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2, json_format

from fakes.vertex_faults import Fate, Fault
from fakes.vertex_schema import refusals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fakes.gcs import FakeGCS

PROJECT, REGION = "proj-1234", "us-central1"
_OVER = (v1.JobState.JOB_STATE_SUCCEEDED, v1.JobState.JOB_STATE_FAILED, v1.JobState.JOB_STATE_CANCELLED)
_GRACE_S = 5.0
_EXITED = (
    "The replica workerpool0-0 exited with a non-zero status of {code}. To find out more about why your job "
    "exited please check the logs: https://console.cloud.google.com/logs/viewer?project=1&resource=ml_job"
)


@dataclass
class Job:
    message: Any  # protobuf CustomJob
    fate: Fate
    visible: float  # monotonic
    process: subprocess.Popen[str] | None = None
    lines: list[str] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def state(self) -> str:
        return str(v1.JobState(self.message.state).name.removeprefix("JOB_STATE_"))


class FakeVertex:
    """``buckets``: the folder that jobs see as ``/gcs``, filled from ``gcs`` before each one; ``node``:
    variables of every job, such as the credentials that a service account gives it on the real service."""

    def __init__(
        self,
        folder: Path,
        certificate: Path,
        key: Path,
        gcs: FakeGCS | None = None,
        node: dict[str, str] | None = None,
    ) -> None:
        self.folder, self.gcs, self.node = folder, gcs, node or {}
        self.buckets = folder / "gcs"
        self.buckets.mkdir(parents=True)
        self.jobs: dict[str, Job] = {}
        self.calls: list[str] = []
        self.logins: set[str] = set()  # what callers proved themselves by
        self.faults: list[Fault] = []
        self.fates: list[Fate] = []
        self.fired: list[str] = []
        self.listeners: list[Callable[[Job, bool], None]] = []  # hear of each job: it begins, it has ended
        self.mounted = False  # whether jobs have a mount namespace of their own
        self._numbers = itertools.count(7_000_000_000_000_000_000)
        self._lock = threading.RLock()
        self._server = grpc.server(ThreadPoolExecutor(24), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers(self._handlers())
        pair = key.read_bytes(), certificate.read_bytes()
        self.port = self._server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        self._server.start()

    def stop(self) -> None:
        for job in list(self.jobs.values()):
            job.cancelled.set()
            if job.process is not None:
                _signal(job.process, signal.SIGKILL)
        self._server.stop(0)

    def strike(self, name: str, fate: Fate) -> None:
        """Have it happen now to the running job whose resource name ends with ``name``."""
        (job,) = (job for full, job in self.jobs.items() if full.endswith(f"/{name}"))
        assert job.process is not None
        job.fate = fate
        self._strike(job, job.process)

    def erase(self, name: str) -> None:
        """The job is gone, and nothing tells of it."""
        (full,) = (full for full in self.jobs if full.endswith(f"/{name}"))
        job = self.jobs.pop(full)
        job.cancelled.set()
        if job.process is not None:
            _signal(job.process, signal.SIGKILL)

    def named(self, name: str) -> list[Job]:
        """Those that were ever created for a job of Lading's, the oldest first."""
        return [job for job in self.jobs.values() if job.message.labels.get("lading_job") == name]

    def running(self) -> list[Job]:
        return [job for job in list(self.jobs.values()) if job.message.state not in _OVER]

    # The job service

    def create_custom_job(self, request: Any, context: grpc.ServicerContext) -> Any:
        found = re.fullmatch(r"projects/([^/]+)/locations/([^/]+)", request.parent)
        if found is None or found[2] != REGION:
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, f"List of found errors: unknown location {request.parent}"
            )
        if found[1] != PROJECT:
            context.abort(
                grpc.StatusCode.PERMISSION_DENIED, f"Permission denied on resource project {found[1]}."
            )
        for refusal in refusals(request.custom_job):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, refusal)
        with self._lock:
            message = type(request.custom_job)()
            message.CopyFrom(request.custom_job)
            message.name = f"{request.parent}/customJobs/{next(self._numbers)}"
            message.state = v1.JobState.JOB_STATE_QUEUED
            message.create_time.GetCurrentTime()
            fate = self.fates.pop(0) if self.fates else Fate()
            job = Job(message, fate, time.monotonic() + fate.hidden_s)
            self.jobs[message.name] = job
        self._tell(job, begins=True)
        answer = _copy(message)
        threading.Thread(target=self._carry, args=(job,), daemon=True).start()
        return answer

    def get_custom_job(self, request: Any, context: grpc.ServicerContext) -> Any:
        return _copy(self._job(request.name, context).message)

    def list_custom_jobs(self, request: Any, context: grpc.ServicerContext) -> Any:
        matched = re.fullmatch(r'labels\.([a-z0-9_-]+)\s*=\s*"?([^"]*)"?', request.filter)
        if request.filter and matched is None:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Filter {request.filter!r} is not understood.")
        now, found = time.monotonic(), []
        for job in list(self.jobs.values()):
            if not job.message.name.startswith(f"{request.parent}/") or (
                matched and job.message.labels.get(matched[1]) != matched[2]
            ):
                continue
            if job.visible > now:
                self.fired.append("hidden")
                continue
            found.append(job.message)
        first = int(request.page_token or 0)
        size = request.page_size or 2  # small, so that paging is exercised
        response = v1.ListCustomJobsResponse.pb(v1.ListCustomJobsResponse())
        response.custom_jobs.extend(found[first : first + size])
        if first + size < len(found):
            response.next_page_token = str(first + size)
        return response

    def cancel_custom_job(self, request: Any, context: grpc.ServicerContext) -> Any:
        job = self._job(request.name, context)
        with self._lock:
            if job.message.state in _OVER:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"The job is in state {job.state}.")
            job.message.state = v1.JobState.JOB_STATE_CANCELLING
        job.cancelled.set()
        if job.process is not None:
            threading.Thread(target=_end, args=(job.process,), daemon=True).start()
        return empty_pb2.Empty()

    def delete_custom_job(self, request: Any, context: grpc.ServicerContext) -> Any:
        job = self._job(request.name, context)
        if job.message.state not in _OVER:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"The job is in state {job.state}.")
        del self.jobs[request.name]
        operation = operations_pb2.Operation(name=f"{request.name}/operations/1", done=True)
        operation.response.Pack(empty_pb2.Empty())
        return operation

    def list_log_entries(self, request: Any, context: grpc.ServicerContext) -> Any:
        number = re.search(r'resource\.labels\.job_id="(\d+)"', request.filter)
        jobs = [job for name, job in self.jobs.items() if number and name.endswith(f"/{number[1]}")]
        return ListLogEntriesResponse.pb(
            ListLogEntriesResponse(
                entries=[LogEntry(text_payload=line) for job in jobs for line in job.lines]
            )
        )

    # How a job goes

    def _carry(self, job: Job) -> None:
        """Through its states."""
        for state, pause in (("PENDING", 0.05 + job.fate.queued_s), ("RUNNING", 0.05)):
            if job.cancelled.wait(pause):
                self._over(job, "CANCELLED", 1, "CANCELED")
                return
            self._set(job, state)
            if job.fate.end is not None and job.fate.at == state == "PENDING":
                self.fired.append(job.fate.end[1])
                self._over(job, "FAILED", *job.fate.end)
                return
        code = self._run(job)
        if job.cancelled.is_set():
            self._over(job, "CANCELLED", 1, "CANCELED")
        elif job.fate.end is not None:
            self._over(job, "FAILED", *job.fate.end)
        elif code == 0:
            self._over(job, "SUCCEEDED")
        else:
            self._over(job, "FAILED", 3, _EXITED.format(code=code))

    def _run(self, job: Job) -> int:
        """Exit code, as the service reports it."""
        spec = job.message.job_spec.worker_pool_specs[0].container_spec
        self._fill_buckets()
        number = job.message.name.rpartition("/")[2]
        scratch = self.folder / number
        scratch.mkdir()
        env = {variable.name: variable.value for variable in spec.env}
        env |= {"CLOUD_ML_JOB_ID": number, "CLOUD_ML_PROJECT_ID": PROJECT, "TMPDIR": str(scratch)}
        index = {n: v for n, v in os.environ.items() if n.startswith(("PIP_", "UV_", "SSL_"))}
        base = {**index, "PATH": os.environ["PATH"], "HOME": str(scratch)}  # as an image has them
        with self._lock:
            if job.cancelled.is_set():
                return 1
            job.process = subprocess.Popen(
                self._argv([*spec.command, *spec.args]),
                env={**base, **self.node, **env},
                cwd=scratch,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        if job.fate.end is not None:
            threading.Thread(target=self._strike, args=(job, job.process), daemon=True).start()
        timeout_s = job.message.job_spec.scheduling.timeout.ToTimedelta().total_seconds()
        timer = threading.Timer(timeout_s or 7 * 24 * 3600, _end, (job.process,))
        timer.daemon = True
        timer.start()
        with job.process:
            for line in job.process.stdout or ():
                job.lines.append(line.rstrip("\n"))
        code = job.process.returncode
        timer.cancel()
        return code if code >= 0 else 128 - code

    def _argv(self, argv: list[str]) -> list[str]:
        if argv[0] in ("python", "python3"):
            argv = [sys.executable, *argv[1:]]
        if self.mounted:
            mount = 'mount --bind "$1" /gcs && shift && exec "$@"'
            return ["unshare", "--mount", "sh", "-c", mount, "sh", str(self.buckets), *argv]
        return [
            f"{self.buckets}{arg.removeprefix('/gcs')}" if arg.startswith("/gcs/") else arg for arg in argv
        ]

    def _fill_buckets(self) -> None:
        """What a job would see through the mount."""
        for name, bucket in self.gcs.buckets.items() if self.gcs else ():
            for key, found in list(bucket.objects.items()):
                path = self.buckets / name / key
                if not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    own = path.with_name(f"{path.name}.{threading.get_ident()}")
                    own.write_bytes(found.data)
                    own.replace(path)

    def _strike(self, job: Job, process: subprocess.Popen[str]) -> None:
        time.sleep(job.fate.after_s)
        self.fired.append(job.fate.end[1] if job.fate.end else "")
        _signal(process, job.fate.number)
        time.sleep(0.5)
        _signal(process, signal.SIGKILL)

    def _set(self, job: Job, state: str) -> None:
        with self._lock:
            if not job.cancelled.is_set():
                job.message.state = v1.JobState[f"JOB_STATE_{state}"]
                if state == "RUNNING":
                    job.message.start_time.GetCurrentTime()

    def _over(self, job: Job, state: str, code: int = 0, message: str = "") -> None:
        with self._lock:
            job.message.state = v1.JobState[f"JOB_STATE_{state}"]
            job.message.end_time.GetCurrentTime()
            if code:
                job.message.error.code, job.message.error.message = code, message
        self._tell(job, begins=False)

    def _tell(self, job: Job, *, begins: bool) -> None:
        for hear in list(self.listeners):
            hear(job, begins)

    # Calls

    def _job(self, name: str, context: grpc.ServicerContext) -> Job:
        if name not in self.jobs:
            context.abort(grpc.StatusCode.NOT_FOUND, f"The CustomJob does not exist: {name}")
        return self.jobs[name]

    def _handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        jobs = {
            "CreateCustomJob": (self.create_custom_job, v1.CreateCustomJobRequest),
            "GetCustomJob": (self.get_custom_job, v1.GetCustomJobRequest),
            "ListCustomJobs": (self.list_custom_jobs, v1.ListCustomJobsRequest),
            "CancelCustomJob": (self.cancel_custom_job, v1.CancelCustomJobRequest),
            "DeleteCustomJob": (self.delete_custom_job, v1.DeleteCustomJobRequest),
        }
        logs = {"ListLogEntries": (self.list_log_entries, ListLogEntriesRequest)}
        services = {"google.cloud.aiplatform.v1.JobService": jobs, "google.logging.v2.LoggingServiceV2": logs}
        return tuple(
            grpc.method_handlers_generic_handler(
                service, {name: self._handler(name, *both) for name, both in methods.items()}
            )
            for service, methods in services.items()
        )

    def _handler(self, name: str, serve: Callable[[Any, Any], Any], request: Any) -> grpc.RpcMethodHandler:
        def answer(given: Any, context: grpc.ServicerContext) -> Any:
            self.calls.append(name)
            self.logins |= {value for key, value in context.invocation_metadata() if key == "authorization"}
            fault = self._fault(name)
            if fault is not None and not fault.after:
                context.abort(grpc.StatusCode[fault.code], fault.message)
            found = serve(given, context)
            if fault is not None:
                context.abort(grpc.StatusCode[fault.code], fault.message)
            return found

        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=request.pb(request()).FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )

    def _fault(self, method: str) -> Fault | None:
        with self._lock:
            found = next((f for f in self.faults if f.method == method and f.times > 0), None)
            if found is not None:
                found.times -= 1
                self.fired.append(f"{method}: {found.code}")
            return found


def as_json(job: Job) -> dict[str, Any]:
    found: dict[str, Any] = json_format.MessageToDict(job.message)
    return found


def _copy(message: Any) -> Any:
    made = type(message)()
    made.CopyFrom(message)
    return made


def _end(process: subprocess.Popen[str]) -> None:
    """As the service ends a container."""
    _signal(process, signal.SIGTERM)
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[str], number: int) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
