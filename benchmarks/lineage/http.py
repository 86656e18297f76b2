"""The run graph through a real API server."""

from __future__ import annotations

import http.client
import os
import random
import secrets
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.lineage.dataset import DAGS, names
from benchmarks.lineage.measure import Figure, figure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def environment(home: Path, url: str, store: str) -> dict[str, str]:
    """Of an Airflow whose metadata database is ``url``."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(40),
        "AIRFLOW__LADING__STORE": store,
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    }


def migrate(of: dict[str, str]) -> None:
    subprocess.run(
        (sys.executable, "-m", "airflow", "db", "migrate"), env=of, check=True, stdout=subprocess.DEVNULL
    )


def run_graph(of: dict[str, str], artifacts: int, n: int = 150) -> Figure:
    """One client, one worker process, connection kept."""
    randomly = random.Random(3)
    with _server(of) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        seconds = []
        for _ in range(n + 5):
            key = names(randomly.randrange(DAGS), randomly.randrange(artifacts // 50 // DAGS), 0)
            began = time.perf_counter()
            connection.request("GET", f"/lading/api/v1/dags/{key.dag_id}/runs/{key.run_id}/graph")
            answer = connection.getresponse()
            body = answer.read()
            seconds.append(time.perf_counter() - began)
            assert answer.status == 200, body[:500]
    return figure("run graph, HTTP", seconds[5:], 50)


@contextmanager
def _server(of: dict[str, str]) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = (sys.executable, "-m", "airflow", "api-server", "--workers", "1", "--host", "127.0.0.1")
    out = subprocess.DEVNULL
    server = subprocess.Popen((*argv, "--port", str(port)), env=of, stdout=out, stderr=out)
    try:
        _wait(server, port)
        yield port
    finally:
        server.terminate()
        server.wait(60)


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 240
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    raise RuntimeError(f"the API server does not answer on 127.0.0.1:{port}")
