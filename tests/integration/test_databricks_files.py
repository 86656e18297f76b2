"""The runner's way into a workspace when several workers bring it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import databricks_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fakes.databricks import FakeDatabricks

pytestmark = pytest.mark.service("databricks")
WORKERS = 4


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDatabricks]:
    with databricks_workspace.workspace(tmp_path / "workspace") as made:
        monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", made.connection())
        databricks_workspace.forget_hooks()
        yield made
        databricks_workspace.forget_hooks()


def test_workers_that_come_at_once_to_a_new_folder_all_find_the_runner_there(fake: FakeDatabricks) -> None:
    """The first run of a whole DAG: each worker finds no folder, makes it, and writes the same file."""
    from lading.backends.databricks.workspace import Workspace

    path = f"{databricks_workspace.FILES}/new/runner.py"
    absent = threading.Barrier(WORKERS)  # all have been told that the folder is absent before one makes it
    files = fake.workspace.files
    make = files.make_folder

    def together(folder: str) -> None:
        absent.wait(60)
        make(folder)

    files.make_folder = together  # type: ignore[method-assign]
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda _: Workspace("databricks_default").put(path, b"runner"), range(WORKERS)))
    assert absent.broken is False
    assert files.place(path).read_bytes() == b"runner"
