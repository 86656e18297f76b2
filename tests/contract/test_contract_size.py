"""What the contracts hold: a test that is no longer collected is missed by nobody else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("subject", "least"),
    [
        ("contract/test_backends_here.py::TestVenv", 60),  # "some sixty tests", says docs/backends.md
        ("unit/test_store_local.py::TestLocal", 40),
    ],
)
def test_a_contract_has_as_many_tests_as_it_is_said_to(subject: str, least: int) -> None:
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    ran = subprocess.run([*argv, f"{TESTS}/{subject}"], capture_output=True, text=True, check=False)
    collected = [line for line in ran.stdout.splitlines() if f"{subject}::test_" in line]
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert len(collected) >= least
