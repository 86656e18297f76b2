"""Locks for a Python and a platform that are not this machine's, by uv and by pip."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from environment_wheels import only_tool, wheel
from lading import environment
from lading.environment import Place
from lading.errors import EnvironmentBuildError
from lading_testkit import require_service

if TYPE_CHECKING:
    from pathlib import Path

INTEL_312 = Place("3.12", "linux-x86_64")
INTEL_313 = Place("3.13", "linux-x86_64")
ARM_313 = Place("3.13", "linux-aarch64")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    wheel(folder, "apple", "1.0")
    wheel(folder, "salt", "1.0")
    wheel(folder, "water", "1.0")
    wheel(
        folder,
        "dough",
        "1.0",
        'salt; python_version >= "3.13"',
        'apple; python_version < "3.12"',
        'water; platform_machine == "aarch64" and sys_platform == "linux"',
    )
    for python in ("cp311", "cp312", "cp313"):
        for platform in ("manylinux2014_x86_64", "manylinux_2_28_aarch64", "win_amd64"):
            wheel(folder, "berry", "1.0", tag=f"{python}-{python}-{platform}")
    wheel(folder, "berry", "2.0", tag="cp312-cp312-manylinux_2_99_x86_64")
    wheel(folder, "yeast", "1.0")
    wheel(folder, "yeast", "2.0", python=">=3.13")
    wheel(folder, "plum", "1.0", tag="cp310-abi3-linux_x86_64")
    for version in ("1.0", "2.0"):
        (folder / f"source-{version}.tar.gz").touch()
    return folder


@pytest.fixture(params=["uv", "pip"])
def cache(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache, and one tool to fill it."""
    only_tool(str(request.param), tmp_path, monkeypatch)
    return tmp_path / "cache"


def lock(cache: Path, wheels: Path, place: Place, *lines: str) -> tuple[str, ...]:
    asked = environment.resolve(["--no-index", f"--find-links {wheels}", *lines])
    found = environment.lock_for(asked, place, cache, print)
    assert (found.python, found.platform) == (place.python, place.platform)
    assert found.options == asked.options
    return found.lines


def names(lines: tuple[str, ...]) -> list[str]:
    return [line.partition("==")[0] for line in lines]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (INTEL_312, ["dough"]),
        (INTEL_313, ["dough", "salt"]),
        (ARM_313, ["dough", "salt", "water"]),
    ],
    ids=str,
)
def test_markers_of_dependencies_are_those_of_the_place(
    cache: Path, wheels: Path, place: Place, expected: list[str]
) -> None:
    assert names(lock(cache, wheels, place, "dough")) == expected


def test_markers_of_the_request_are_those_of_the_place(cache: Path, wheels: Path) -> None:
    lines = ['apple; python_version < "3.12"', 'salt; python_full_version == "3.13.0"', "water"]
    assert names(lock(cache, wheels, INTEL_313, *lines)) == ["salt", "water"]


@pytest.mark.parametrize(
    ("place", "tag"),
    [
        (INTEL_312, "cp312-cp312-manylinux2014_x86_64"),
        (INTEL_313, "cp313-cp313-manylinux2014_x86_64"),
        (ARM_313, "cp313-cp313-manylinux_2_28_aarch64"),
    ],
    ids=str,
)
def test_the_hash_is_of_the_wheel_that_the_place_takes(
    cache: Path, wheels: Path, place: Place, tag: str
) -> None:
    (line,) = lock(cache, wheels, place, "berry")
    digest = hashlib.sha256((wheels / f"berry-1.0-{tag}.whl").read_bytes()).hexdigest()
    assert line.startswith("berry==1.0 --hash=")
    assert f" --hash=sha256:{digest}" in line


def test_wheels_of_the_stable_abi_and_of_no_manylinux_are_taken(cache: Path, wheels: Path) -> None:
    assert names(lock(cache, wheels, INTEL_312, "plum")) == ["plum"]


@pytest.mark.parametrize(("place", "version"), [(INTEL_312, "1.0"), (INTEL_313, "2.0")], ids=str)
def test_requires_python_of_a_package_is_asked_of_the_place(
    cache: Path, wheels: Path, place: Place, version: str
) -> None:
    (line,) = lock(cache, wheels, place, "yeast")
    assert line.startswith(f"yeast=={version} ")


@pytest.mark.parametrize(
    ("place", "line"),
    [(INTEL_312, "source"), (INTEL_312, "berry==2.0"), (ARM_313, "plum"), (INTEL_312, "yeast>=2")],
)
def test_a_requirement_without_a_wheel_for_the_place_is_named(
    cache: Path, wheels: Path, place: Place, line: str
) -> None:
    with pytest.raises(EnvironmentBuildError) as caught:
        lock(cache, wheels, place, line)
    said = str(caught.value).partition("; the tool ended")[0]
    assert said.startswith(f"cannot resolve {line} for {place} because of '{names((line,))[0][:5]}")
    assert "choose another python=" in said
    assert said.endswith("or put the package into the image, which is given wheels only")


def test_a_lock_is_made_once_for_each_place(cache: Path, wheels: Path) -> None:
    asked = environment.resolve(["--no-index", f"--find-links {wheels}", "dough"])
    made = {place: environment.lock_for(asked, place, cache, print) for place in (INTEL_312, ARM_313)}
    assert made[INTEL_312] != made[ARM_313]
    said: list[str] = []
    for place, known in made.items():
        assert environment.lock_for(asked, place, cache, said.append) == known
    assert said == []


def test_an_empty_lock_needs_no_tool(tmp_path: Path) -> None:
    said: list[str] = []
    found = environment.lock_for(environment.resolve(None), ARM_313, tmp_path, said.append)
    assert said == []
    assert not (tmp_path / "tools").exists()
    assert found == environment.Lock((), "3.13", "linux-aarch64")


def test_the_package_index_answers_for_another_python(cache: Path, tmp_path: Path) -> None:
    argv = (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path), "six==1.17.0")
    there = subprocess.run(argv, capture_output=True, check=False).returncode == 0
    require_service("index", there, "the package index cannot be reached")
    asked = environment.resolve(["exceptiongroup", 'tomli; python_version < "3.11"', "six==1.17.0"])
    found = {
        place: names(environment.lock_for(asked, place, cache, print).lines) for place in (INTEL_312, ARM_313)
    }
    assert found == {
        INTEL_312: ["exceptiongroup", "six", "typing-extensions"],
        ARM_313: ["exceptiongroup", "six"],
    }
    with pytest.raises(EnvironmentBuildError, match=r"because of 'numpy==1\.22\.0'"):
        environment.lock_for(environment.resolve("numpy==1.22.0"), INTEL_313, cache, print)
