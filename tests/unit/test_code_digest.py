"""The digest of a step's code changes with what the step does, and with nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from code_samples import import_dag, write
from lading.code import slice_function
from lading_testkit import pythons

BASE = '''
from airflow.sdk import dag, task
from helpers import clean

RATE = 3


def helper(x, power=2):
    """Doc."""
    return x ** power


@task
def other():
    return 1


@dag(schedule="@daily")
def churn():
    @task.step
    def train(rows, depth=RATE):
        """Train."""
        return helper(clean(rows)) + depth

    globals()["TRAIN"] = train


churn()
'''
HELPERS = "def clean(x):\n    return x\n"


def digest(folder: Path, text: str = BASE, helpers: str = HELPERS) -> str:
    write(folder, "helpers.py", helpers)
    found = slice_function(import_dag(folder, text).TRAIN).digest
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return 1", "return 2"),
        ("RATE = 3", "RATE = 3  # per cent"),
        ("RATE = 3", "\n\n\nRATE = 3   \n"),
        ("def train", "# trains\n    def train"),
        ('"@daily"', '"@hourly"'),
        ("return x ** power", "\n    # the power\n\n    return x ** power  # of x"),
        ("        return helper(", "\n        # at last\n        return helper("),
        ('"""Train."""', '"""Trains a model.\n\n        At length."""'),
        ("@task.step", '@task.step(on="docker", retries=3)'),
        ("@task\ndef other", "UNUSED = 7\n\n\n@task(retries=2)\ndef other"),
    ],
)
def test_what_the_step_does_not_reach_leaves_the_digest_alone(tmp_path: Path, old: str, new: str) -> None:
    assert old in BASE
    assert digest(tmp_path / "a") == digest(tmp_path / "b", BASE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x ** power", "x * power"),
        ("power=2", "power=3"),
        ("RATE = 3", "RATE = 4"),
        ("depth=RATE", "depth=1"),
        ("+ depth", "- depth"),
        ('"""Doc."""', '"""Other."""'),
        ("from helpers import clean", "from helpers import clean as clean"),
    ],
)
def test_what_the_step_reaches_changes_the_digest(tmp_path: Path, old: str, new: str) -> None:
    assert old in BASE
    assert digest(tmp_path / "a") != digest(tmp_path / "b", BASE.replace(old, new))


def test_a_first_party_module_changes_the_digest(tmp_path: Path) -> None:
    assert digest(tmp_path / "a") != digest(tmp_path / "b", helpers="def clean(x):\n    return -x\n")


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    first = digest(tmp_path)
    assert digest(tmp_path, BASE.replace("RATE = 3", "RATE = 44")) != first


_PRINT = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[2]]
from code_samples import import_dag
from lading.code import slice_function
from lading.code.runner_zip import runner_archive
from pathlib import Path
folder = Path(sys.argv[3])
step = import_dag(folder, (folder / "source.txt").read_text()).TRAIN
print(slice_function(step).digest, runner_archive()[1])
"""


def _elsewhere(python: str, folder: Path, seed: str, umask: int) -> str:
    tests = Path(__file__).parent.parent
    argv = [python, "-S", "-c", _PRINT, str(tests), str(tests.parent / "provider" / "src"), str(folder)]
    env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": ""}
    done = subprocess.run(argv, env=env, umask=umask, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _new_enough(python: str) -> bool:
    probe = "import sys; print(sys.version_info >= (3, 11))"
    return (
        subprocess.run([python, "-c", probe], capture_output=True, text=True, check=True).stdout == "True\n"
    )


@pytest.mark.parametrize("python", [python for python in pythons() if _new_enough(python)])
def test_digests_are_the_same_under_every_python_in_every_folder(tmp_path: Path, python: str) -> None:
    seen = set()
    for number, place in enumerate([tmp_path / "one", tmp_path / "two" / "deeper"]):
        write(place, "helpers.py", HELPERS)
        write(place, "source.txt", BASE + '\nTEXT = f"{RATE!r:>{RATE}} {{}}"\n')
        os.utime(place / "helpers.py", (number, number))
        seen.add(_elsewhere(sys.executable, place, seed="1", umask=0o022))
        seen.add(_elsewhere(python, place, seed=str(number + 2), umask=0o077))
    assert len(seen) == 1
