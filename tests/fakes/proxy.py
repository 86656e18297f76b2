"""An HTTP proxy in front of a real storage server that loses answers and makes errors on demand."""

from __future__ import annotations

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit


class Fault(NamedTuple):
    """What happens to the next request of that method. ``lose``: it is carried out, the answer never comes;
    ``cut``: half of the answer's body comes; ``hang``: nothing happens; ``status``: that status is answered
    instead of carrying it out, or (``after``) after that."""

    method: str
    kind: str  # "lose" | "cut" | "hang" | "status"
    status: int = 0
    after: bool = False


class FaultyProxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.faults: list[Fault] = []
        self.always: Fault | None = None
        self.seen: list[str] = []  # methods, in order
        self.lock = threading.Lock()
        self.closing = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def next_fault(self, method: str) -> Fault | None:
        with self.lock:
            self.seen.append(method)
            if self.always is not None and self.always.method in (method, "*"):
                return self.always
            if self.faults and self.faults[0].method in (method, "*"):
                return self.faults.pop(0)
        return None

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up: that is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyProxy

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.next_fault(self.command)
        if fault is not None and fault.kind == "hang":
            self.server.closing.wait(120)
            self.close_connection = True
            return
        if fault is not None and fault.kind == "status" and not fault.after:
            self._answer(fault.status, {}, b"")
            return
        status, headers, answer = self._ask(body)
        if fault is None:
            self._answer(status, headers, answer)
        elif fault.kind == "status":
            self._answer(fault.status, {}, b"")
        else:
            if fault.kind == "cut":
                self._answer(status, headers, answer, cut=len(answer) // 2)
            self.close_connection = True

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _forward

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.server.upstream, timeout=60)
        try:
            connection.request(self.command, self.path, body, {**dict(self.headers), "Connection": "close"})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes, cut: int | None = None) -> None:
        self.send_response(status)
        kept = {k: v for k, v in headers.items() if k.lower() not in _HOP}
        if self.command != "HEAD":
            kept = {k: v for k, v in kept.items() if k.lower() != "content-length"}
            kept["Content-Length"] = str(len(body))
        for name, value in kept.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:cut])

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


_HOP = {"connection", "transfer-encoding", "server", "date", "keep-alive"}


def wait_for(port: int, seconds: float = 30) -> None:
    """Until something listens on 127.0.0.1."""
    import socket

    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
