"""What is never loaded where: decoders in Airflow's servers, web frameworks in tasks."""

from __future__ import annotations

import subprocess
import sys

# dill is loaded by Airflow itself
DECODERS = (
    "pandas", "pyarrow", "polars", "sklearn", "skops", "joblib", "cloudpickle", "torch",
    "safetensors", "xgboost", "lightgbm", "matplotlib", "PIL",
)  # fmt: skip
_TELL = "import sys; print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"


def loaded(code: str) -> set[str]:
    """Top-level packages that a new process has loaded after ``code``."""
    argv = [sys.executable, "-W", "ignore", "-c", f"{code}\n{_TELL}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return set(done.stdout.rpartition("LOADED ")[2].split())


def test_the_api_server_loads_no_decoder() -> None:
    code = """
from airflow.api_fastapi.app import create_app
from fastapi.testclient import TestClient
client = TestClient(create_app("core"), raise_server_exceptions=False)
mounted = next(route.app for route in client.app.routes if getattr(route, "path", "") == "/lading")
for route in mounted.routes:
    client.get("/lading" + route.path.replace("{artifact_id}", "0" * 32))
"""
    found = loaded(code)
    assert "fastapi" in found
    assert found.isdisjoint(DECODERS), found & set(DECODERS)


def test_scheduler_and_triggerer_load_no_decoder_by_us() -> None:
    code = "import lading.plugin, lading.provider_info, lading.xcom, lading.triggers.job, lading.database"
    found = loaded(code)
    assert found.isdisjoint(DECODERS), found & set(DECODERS)


def test_a_task_process_loads_no_web_framework_by_us() -> None:
    code = """
import airflow.sdk.execution_time.task_runner
import sys
before = set(sys.modules)
import lading.plugin, lading.capture, lading.decorators.step, lading.xcom.backend
from lading.plugin import LadingPlugin
LadingPlugin.listeners
new = set(sys.modules) - before
for name in [name for name in sys.modules if name not in new]:
    del sys.modules[name]
"""
    found = loaded(code)
    assert "lading" in found
    assert found.isdisjoint({"fastapi", "starlette", "sqlalchemy", "alembic", "uvicorn"})
