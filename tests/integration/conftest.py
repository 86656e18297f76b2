"""Services that more than one module talks to."""

from __future__ import annotations

import importlib.util
import logging
import urllib.request
from typing import TYPE_CHECKING

import pytest

from lading_testkit import require_service

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """URL of an S3 server that has the bucket ``lading``."""
    present = all(importlib.util.find_spec(name) for name in ("moto", "flask", "obstore"))
    require_service("moto", present, "install moto[server] and obstore")
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    bucket = urllib.request.Request(f"http://{host}:{port}/lading", method="PUT")
    urllib.request.urlopen(bucket, timeout=30).close()
    yield f"http://{host}:{port}"
    server.stop()
