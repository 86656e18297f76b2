"""A way from Google's own clients, which insist on TLS and on their own host names, to a server of a test.

A throw-away certificate authority signs for the names; a proxy takes CONNECT for the hosts that a test routes
and refuses all others, so that nothing can reach the real cloud.
"""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class ConnectProxy(socketserver.ThreadingTCPServer):
    """``routes``: a pattern of ``host:port``, and a port of this machine."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, routes: dict[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.routes = routes
        self.refused: list[str] = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Tunnel(socketserver.StreamRequestHandler):
    server: ConnectProxy

    def handle(self) -> None:
        host = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        port = next(
            (port for pattern, port in self.server.routes.items() if re.fullmatch(pattern, host)), None
        )
        if port is None:
            self.server.refused.append(host)
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", port)) as beyond:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_pass, args=(beyond, self.connection), daemon=True)
            back.start()
            _pass(self.connection, beyond)
            back.join()


def _pass(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def certificates(folder: Path, *names: str) -> tuple[Path, Path, Path]:
    """Files of the authority, the server's certificate and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def named(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def builder(name: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named("lading tests"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )

    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    root = builder("lading tests", authority).add_extension(constraints, critical=True)
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    leaf = builder(names[0], own).add_extension(alternatives, critical=False)
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files = {
        "ca.pem": root.sign(authority, hashes.SHA256()).public_bytes(pem),
        "server.pem": leaf.sign(authority, hashes.SHA256()).public_bytes(pem),
        "server.key": own.private_bytes(pem, *plain),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    ca, certificate, key = (folder / name for name in files)
    return ca, certificate, key
