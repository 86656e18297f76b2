"""A registry of images that holds one, as an engine gave it, and lets it be pulled."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"  # engines look at the bytes: plain tar will do


@contextmanager
def registry(saved: bytes) -> Iterator[str]:
    """``saved``: of ``docker save``. Gives the name of the image, by its digest."""
    blobs: dict[str, bytes] = {}

    def described(data: bytes, kind: str) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        blobs[digest] = data
        return {"mediaType": kind, "size": len(data), "digest": digest}

    with tarfile.open(fileobj=io.BytesIO(saved)) as tar:

        def member(name: str) -> bytes:
            file = tar.extractfile(name)
            assert file is not None
            return file.read()

        (image,) = json.loads(member("manifest.json"))
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": described(member(image["Config"]), _CONFIG),
            "layers": [described(member(layer), _LAYER) for layer in image["Layers"]],
        }
    whole = described(json.dumps(manifest).encode(), _MANIFEST)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            digest = self.path.rpartition("/")[2]
            body = b"{}" if self.path == "/v2/" else blobs.get(digest)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Type", _MANIFEST if "/manifests/" in self.path else "application/json")
            self.send_header("Content-Length", str(len(body or b"")))
            self.send_header("Docker-Content-Digest", digest)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body or b"")

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}/lading/python@{whole['digest']}"
    finally:
        server.shutdown()
        server.server_close()
