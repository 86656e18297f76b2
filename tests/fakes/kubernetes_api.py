"""An API server in memory: objects by path, and refusals on demand."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path


class FakeApi(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, dict[str, Any]] = {}
        self.refusals: list[tuple[int, str]] = []  # of the next requests
        self.silent = False
        self.forbidden: str | None = None  # a method, or the end of the paths, that this account may not use
        self.seen: list[tuple[str, str, Any]] = []  # method, path, body
        self.tokens: list[str] = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def configuration(self, file: Path, namespace: str | None = "ml", token: str = "first") -> str:
        """A kubeconfig that leads here."""
        context = {"cluster": "c", "user": "u", **({"namespace": namespace} if namespace else {})}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": context}],
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.server_address[1]}"}}],
            "users": [{"name": "u", "user": {"token": token}}],
        }
        file.write_text(json.dumps(config))
        return str(file)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeApi

    def _do(self) -> None:
        if self.server.silent:
            self.close_connection = True
            return
        path = urlsplit(self.path).path
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.seen.append((self.command, self.path, body))
        self.server.tokens.append(self.headers.get("Authorization", ""))
        if self.server.refusals:
            status, message = self.server.refusals.pop(0)
            self._answer(status, {"kind": "Status", "message": message})
        elif self.server.forbidden and self.server.forbidden in (
            self.command,
            path[-len(self.server.forbidden) :],
        ):
            self._answer(403, {"kind": "Status", "message": f'{path} is forbidden: User "u" cannot do that'})
        elif self.command == "POST":
            self._create(path, body)
        elif self.command == "GET" and path.rpartition("/")[2] in ("pods", "events"):
            self._answer(
                200, {"items": [o for key, o in self.server.objects.items() if key.startswith(path)]}
            )
        elif path not in self.server.objects:
            self._answer(404, {"kind": "Status", "message": f"{path} not found"})
        else:
            {"GET": self._read, "PATCH": self._patch, "DELETE": self._delete}[self.command](path, body)

    do_GET = do_POST = do_DELETE = do_PATCH = _do

    def _create(self, path: str, body: dict[str, Any]) -> None:
        key = f"{path}/{body['metadata']['name']}"
        if key in self.server.objects:
            self._answer(409, {"kind": "Status", "message": "already exists"})
            return
        namespace = path.split("/")[-2]
        meta = {
            "uid": str(uuid.uuid4()),
            "namespace": namespace,
            "creationTimestamp": datetime.now(UTC).isoformat(),
        }
        made = {**body, "metadata": {**meta, **body["metadata"]}, "status": {"phase": "Pending"}}
        self.server.objects[key] = made
        self._answer(201, made)

    def _read(self, path: str, body: None) -> None:
        self._answer(200, self.server.objects[path])

    def _patch(self, path: str, body: dict[str, Any]) -> None:
        self.server.objects[path]["metadata"].update(body["metadata"])
        self._answer(200, self.server.objects[path])

    def _delete(self, path: str, body: dict[str, Any]) -> None:
        if (
            "preconditions" in body
            and body["preconditions"]["uid"] != self.server.objects[path]["metadata"]["uid"]
        ):
            self._answer(409, {"kind": "Status", "message": "the UID in the precondition does not match"})
            return
        self._answer(200, self.server.objects.pop(path))

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""
