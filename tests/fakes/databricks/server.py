"""The HTTP server of a fake workspace: credentials, rights, faults, and who asked for what."""

from __future__ import annotations

import json
import re
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from fakes.databricks.errors import ApiError, NoAnswer
from fakes.databricks.workspace import NODE_TYPES, POLICIES, RUNTIMES, Fault, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOKEN = "dapi-of-the-worker"  # may do everything
READER = "dapi-of-a-reader"  # may look only
EXPIRED = "dapi-of-last-year"
JOB_TOKEN = "dapi-of-the-job"  # what a run's own process has
_FS = "/api/2.0/fs/"


class FakeDatabricks:
    """A workspace at ``http://127.0.0.1:port``; ``secrets`` by ``"scope/key"``."""

    def __init__(self, root: Path) -> None:
        self.secrets: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        root.mkdir(parents=True, exist_ok=True)
        self.workspace = Workspace(root, {"DATABRICKS_HOST": self.url, "DATABRICKS_TOKEN": JOB_TOKEN})
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def connection(self, token: str = TOKEN, **changes: Any) -> str:
        """The Airflow connection, as JSON."""
        given = {"conn_type": "databricks", "host": "127.0.0.1", "port": self.port, "schema": "http"}
        return json.dumps({**given, "password": token, **changes})

    def fault(self, match: str, **what: Any) -> Fault:
        made = Fault(match, **what)
        self.faults.append(made)
        return made

    def close(self) -> None:
        self.workspace.go.set()
        for run in self.workspace.runs.values():
            if not run.over.is_set():
                run.cancelled = True
                run.compute.end(9)
        self._server.shutdown()
        self._server.server_close()

    # Answers

    def answer(self, method: str, url: str, authorization: str, raw: bytes) -> tuple[int, bytes]:
        parts = urlsplit(url)
        path, args = unquote(parts.path), dict(parse_qsl(parts.query))
        fault = self._fault(method, path)
        if fault is not None and not fault.lost:
            raise ApiError(fault.status, fault.code, "a fault that a test asked for")
        owner = self._owner(authorization)
        if path.startswith(_FS):
            self.requests.append((method, path, args))
            data = self._of_files(method, path.removeprefix(_FS), args, raw, owner)
        else:
            given: dict[str, Any] = {**args, **(json.loads(raw) if raw else {})}  # async GETs have a body
            self.requests.append((method, path, given))
            data = json.dumps(self._call(method, path, given, owner)).encode()
        if fault is not None:
            raise NoAnswer
        return (200, data) if data is not None else (204, b"")

    def _fault(self, method: str, path: str) -> Fault | None:
        found = next(
            (one for one in self.faults if one.times and re.search(one.match, f"{method} {path}")), None
        )
        if found is not None:
            found.times, found.fired = found.times - 1, found.fired + 1
        return found

    def _owner(self, authorization: str) -> str:
        names = {TOKEN: "worker", READER: "reader", JOB_TOKEN: "job"}
        if not authorization:
            raise ApiError(401, "401", "Credential was not sent or was of an unsupported type for this API.")
        token = authorization.removeprefix("Bearer ")
        if token == EXPIRED:
            raise ApiError(403, "403", "Access token expired.")
        if token not in names:
            raise ApiError(403, "403", "Invalid access token.")
        return names[token]

    def _of_files(self, method: str, path: str, args: dict[str, str], raw: bytes, owner: str) -> bytes | None:
        kind, _, place = path.partition("/")
        if owner == "reader" and method != "GET":
            raise ApiError(403, "PERMISSION_DENIED", f"User does not have WRITE VOLUME on /{place}.")
        if kind == "directories":
            self.workspace.files.make_folder(f"/{place}")
            return None
        return self.workspace.files.volume(method, f"/{place}", args, raw)

    def _call(self, method: str, path: str, args: dict[str, Any], owner: str) -> dict[str, Any]:
        if path == "/api/2.0/secrets/get":
            if owner != "job":
                raise ApiError(403, "PERMISSION_DENIED", "secrets are read from inside of a run")
            return self._secret(f"{args['scope']}/{args['key']}")
        name = re.sub(r"^/api/2\.\d/", "", path)
        called = self._routes().get((method, name))
        if called is None:
            raise ApiError(404, "ENDPOINT_NOT_FOUND", f"No API found for '{method} {path}'")
        if owner == "reader" and method != "GET":
            raise ApiError(403, "PERMISSION_DENIED", f"User {owner} does not have permission to {name}.")
        if name == "jobs/runs/submit":
            return self.workspace.submit(args, owner)
        return called(args)

    def _routes(self) -> dict[tuple[str, str], Callable[[dict[str, Any]], dict[str, Any]]]:
        runs, files = self.workspace, self.workspace.files
        return {
            ("POST", "jobs/runs/submit"): lambda args: {},
            ("GET", "jobs/runs/get"): runs.get,
            ("GET", "jobs/runs/get-output"): runs.output,
            ("GET", "jobs/runs/list"): runs.list,
            ("POST", "jobs/runs/cancel"): runs.cancel,
            ("POST", "jobs/runs/delete"): runs.delete,
            ("POST", "workspace/import"): files.import_,
            ("GET", "workspace/export"): files.export,
            ("GET", "workspace/get-status"): files.status,
            ("POST", "workspace/delete"): files.delete,
            ("POST", "workspace/mkdirs"): files.mkdirs,
            ("GET", "clusters/spark-versions"): lambda args: {"versions": [{"key": key} for key in RUNTIMES]},
            ("GET", "clusters/list-node-types"): lambda args: {
                "node_types": [{"node_type_id": name} for name in NODE_TYPES]
            },
            ("GET", "policies/clusters/get"): _policy,
            ("GET", "preview/scim/v2/Me"): lambda args: {"userName": "worker"},
        }

    def _secret(self, place: str) -> dict[str, Any]:
        import base64

        if place not in self.secrets:
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Secret does not exist: {place}")
        value = base64.b64encode(self.secrets[place].encode()).decode()
        return {"key": place.rpartition("/")[2], "value": value}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                """Silent."""

            def _serve(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                try:
                    status, data = fake.answer(
                        self.command, self.path, self.headers.get("authorization", ""), raw
                    )
                except NoAnswer:
                    self.close_connection = True
                    return
                except ApiError as e:
                    status = e.status
                    data = json.dumps({"error_code": e.code, "message": e.message}).encode()
                except Exception:
                    traceback.print_exc()
                    status, data = 500, b'{"error_code": "INTERNAL_ERROR", "message": "the fake is broken"}'
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve

        return Handler


def _policy(args: dict[str, Any]) -> dict[str, Any]:
    if args["policy_id"] not in POLICIES:
        raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Policy {args['policy_id']} does not exist.")
    return {"policy_id": args["policy_id"], "name": POLICIES[args["policy_id"]]}
