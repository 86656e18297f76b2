"""Packages that a job brought along: ``LADING_PACKAGES`` names their folder."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lading.environment import packages_digest
from lading_runner import values
from runner_jobs import job

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python that has ``fruit`` 1.0 and ``salt`` 1.0."""
    folder = tmp_path_factory.mktemp("image")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    package(site, "fruit", "1.0")
    package(site, "salt", "1.0")
    return str(folder / "bin" / "python")


def package(folder: Path, name: str, version: str) -> None:
    (folder / f"{name}-{version}.dist-info").mkdir(parents=True)
    (folder / f"{name}.py").write_text(f"VERSION = {version!r}\n")


BROUGHT = """
    import sched, subprocess, sys
    import fruit, linked, salt

    def run():
        child = "import fruit, linked, salt; print(fruit.VERSION, linked.VERSION, salt.VERSION)"
        by_child = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True)
        by_script = subprocess.run(["peel"], capture_output=True, text=True)
        own = [fruit.VERSION, linked.VERSION, salt.VERSION]
        return [own, by_child.stdout.split(), by_script.stdout, hasattr(sched, "VERSION")]
"""


def test_packages_that_the_job_brought_win_over_those_of_the_image(tmp_path: Path, image: str) -> None:
    brought = tmp_path / "brought"
    package(brought, "fruit", "2.0")
    package(brought / "beside", "linked", "2.0")
    (brought / "beside.pth").write_text("beside\n")
    package(brought, "sched", "2.0")  # a name of the standard library
    (brought / "bin").mkdir()
    (brought / "bin" / "peel").write_text("#!/bin/sh\necho peeled\n")
    (brought / "bin" / "peel").chmod(0o755)
    made = job(tmp_path, BROUGHT)
    ended = made.run(image, site=True, LADING_PACKAGES=str(brought))
    assert ended.code == 0, ended.output
    assert ended.result is not None
    assert values.load(ended.result.outputs["return_value"], made.store) == [
        ["2.0", "2.0", "1.0"],
        ["2.0", "2.0", "1.0"],
        "peeled\n",
        False,
    ]


def test_the_packages_that_the_job_brought_are_in_its_recorded_environment(
    tmp_path: Path, image: str
) -> None:
    brought = tmp_path / "brought"
    package(brought, "fruit", "2.0")
    for given, expected in (
        ({"LADING_PACKAGES": str(brought)}, ("fruit==2.0", "salt==1.0")),
        ({}, ("fruit==1.0", "salt==1.0")),
    ):
        (tmp_path / expected[0]).mkdir()
        ended = job(tmp_path / expected[0], "def run():\n    return 1\n").run(image, site=True, **given)
        assert ended.result is not None, ended.output
        assert ended.result.environment["packages"] == packages_digest(expected)


def test_packages_are_found_where_the_interpreter_has_none_installed(tmp_path: Path) -> None:
    package(tmp_path / "brought", "fruit", "2.0")
    package(tmp_path / "brought", "sched", "2.0")
    made = job(tmp_path, "import fruit, sched\ndef run():\n    return [fruit.VERSION, dir(sched)]\n")
    ended = made.run(LADING_PACKAGES=str(tmp_path / "brought"))
    assert ended.result is not None, ended.output
    version, names = values.load(ended.result.outputs["return_value"], made.store)
    assert (version, "VERSION" in names) == ("2.0", False)


def test_a_folder_of_packages_that_is_not_there_is_named(tmp_path: Path) -> None:
    ended = job(tmp_path, "def run():\n    return 1\n").run(LADING_PACKAGES=str(tmp_path / "absent"))
    assert (ended.code, ended.result) == (65, None)
    assert f"LADING_PACKAGES names '{tmp_path}/absent', which is no folder" in ended.output
