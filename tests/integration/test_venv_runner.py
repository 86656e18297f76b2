"""The venv backend with the real runner: spec in, result out."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from integration.test_store_s3 import KEYS
from lading.backends.base import JobRequest, JobState
from lading.backends.venv import VenvBackend
from lading.code.slicing import slice_function
from lading_runner.contract import Attempt, Result, Spec
from lading_runner.store import ArtifactStore, open_object_store

if TYPE_CHECKING:
    from pathlib import Path

    from lading.backends.base import JobHandle, Observation


def greet(name: str) -> dict[str, str]:
    import os
    import sys

    print("greeting", name, "with hunter2")
    return {"prefix": sys.prefix, "greeting": f"hello {name}", "job": os.environ["LADING_JOB_ID"]}


def stored_job(store: ArtifactStore) -> JobRequest:
    """A job that greets, with its code and its spec in the store."""
    code = slice_function(greet)
    store.put_bytes(code.archive)
    attempt, folder = Attempt("d", "r", "t"), "attempts/d/r/t/-1/1"
    root = store.objects.root
    where = {"digest": code.digest, "entry": code.entry}
    spec = Spec(attempt=attempt, code=where, store=root, folder=folder, params={"name": "venv"})
    store.objects.create(f"{folder}/spec.json", spec.dumps())
    return JobRequest("a" * 40, "d", "t", f"{root}/{folder}/spec.json", root, folder)


def ended(backend: VenvBackend, job: JobRequest) -> tuple[JobHandle, Observation]:
    """Of a job that is run now, for at most a minute."""
    handle = backend.submit(job)
    end = time.monotonic() + 60
    while (seen := backend.observe(handle)).state is JobState.RUNNING and time.monotonic() < end:
        time.sleep(0.02)
    return handle, seen


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(open_object_store(f"file://{tmp_path}/store"))


def test_a_sliced_function_runs_in_its_environment_and_leaves_a_result(
    store: ArtifactStore, tmp_path: Path
) -> None:
    job = stored_job(store)
    backend = VenvBackend(tmp_path / "environments", secrets=lambda: ["hunter2"])

    handle, seen = ended(backend, job)

    assert (seen.state, seen.exit_code) == (JobState.ENDED, 0), list(backend.logs(handle, None))
    result = Result.loads(store.objects.read(f"{job.folder}/result.json"))
    assert result.status == "succeeded"
    value = store.blob(result.outputs["return_value"]).read().decode()
    assert "hello venv" in value
    assert handle.id in value
    assert str(tmp_path / "environments") in value
    assert handle.id in store.objects.read(f"{job.folder}/claim").decode()
    assert "greeting venv with ***" in backend.logs(handle, None)


@pytest.mark.slow
@pytest.mark.service("moto")
def test_a_job_reaches_a_remote_store_by_what_the_connection_of_the_store_says(
    moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    options = {**KEYS, "endpoint": moto}
    store = ArtifactStore(open_object_store("s3://lading/venv", options))
    job = stored_job(store)

    backend = VenvBackend(tmp_path / "environments", store_options=lambda: options)
    handle, seen = ended(backend, job)

    assert (seen.state, seen.exit_code) == (JobState.ENDED, 0), list(backend.logs(handle, None))
    result = Result.loads(store.objects.read(f"{job.folder}/result.json"))
    assert "hello venv" in store.blob(result.outputs["return_value"]).read().decode()
