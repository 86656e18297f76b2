"""The official client of Kubernetes in a release that no provider of Airflow allows yet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cluster_node

TESTS = Path(__file__).parents[1]
FILES = ("unit/test_kubernetes_backend.py", "integration/test_backends_elsewhere.py::TestKubernetes")


@pytest.mark.slow
@pytest.mark.service("kubernetes")
@pytest.mark.timeout(900)
def test_the_backend_works_with_the_next_client_too(tmp_path: Path) -> None:
    cluster_node.require()
    install = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(tmp_path))
    subprocess.run([*install, "kubernetes>=37,<38"], check=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    version = subprocess.check_output(
        [sys.executable, "-c", "import kubernetes; print(kubernetes.__version__)"], env=environment, text=True
    )
    assert version.startswith("37.")
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(TESTS / f) for f in FILES)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
