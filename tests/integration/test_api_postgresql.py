"""The lineage API with Airflow's database on a PostgreSQL server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from index_databases import postgresql
from lading.lineage.index import tables as t

_FILES = ("test_api_answers.py", "test_api_hidden.py", "test_api_index.py", "test_cli_index.py")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_answers_are_the_same_on_postgresql(postgresql_server: str) -> None:
    engine = postgresql(postgresql_server)
    t.metadata.drop_all(engine)
    url = engine.url.render_as_string(hide_password=False)
    files = [str(Path(__file__).parent / name) for name in _FILES]
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    environment = {**os.environ, "LADING_TEST_DATABASE": url}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
