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

    def stop(self) -> None:
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
            back = threading.Thread(target=_pass, args=(beyond, self.request))
            back.start()
            _pass(self.request, beyond)
            back.join()
            self.server.open -= ends


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
