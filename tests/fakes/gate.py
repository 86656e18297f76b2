"""A TCP way to a server that a test can shut."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading


class Gate(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Passage)
        self.beyond = (host, port)
        self.shut = False
        self.refused = 0
        self.held = 0  # times that somebody was kept waiting
        self.flows = threading.Event()
        self.flows.set()
        self.open: set[socket.socket] = set()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def close(self) -> None:
        """Also for those who are inside."""
        self.shut = True
        for end in list(self.open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def reopen(self) -> None:
        self.shut = False
        self.flows.set()

    def hold(self) -> None:
        """Nothing is refused, and nothing passes: who asks waits, as for a process that is stopped."""
        self.flows.clear()

    def stop(self) -> None:
        self.flows.set()
        self.close()
        self.shutdown()
        self.server_close()


class _Passage(socketserver.BaseRequestHandler):
    server: Gate

    def handle(self) -> None:
        if self.server.shut:
            self.server.refused += 1
            return
        with socket.create_connection(self.server.beyond) as beyond:
            ends = {self.request, beyond}
            self.server.open |= ends
            back = threading.Thread(target=_pass, args=(self.server, beyond, self.request))
            back.start()
            _pass(self.server, self.request, beyond)
            back.join()
            self.server.open -= ends


def _pass(gate: Gate, source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            gate.held += not gate.flows.is_set()
            gate.flows.wait()
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
