"""Environments built for real, from wheels made here, by uv and by pip: no network is needed."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from environment_wheels import only_tool, wheel
from lading import environment
from lading.environment import installed, interpreter, tools
from lading.errors import EnvironmentBuildError
from lading_testkit import require_service

FAILPOINTS = ("environment.created", "environment.installed")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    wheel(folder, "apple", "1.0")
    wheel(folder, "apple", "2.0")
    wheel(folder, "pie", "1.0", "apple>=1")
    wheel(folder, "sauce", "1.0", "apple<2")
    wheel(folder, "tart", "1.0", "apple>=2")
    return folder


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {tool: tmp_path_factory.mktemp(tool) for tool in ("uv", "pip")}


@pytest.fixture(params=["uv", "pip"])
def cache(
    request: pytest.FixtureRequest, caches: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """A cache in which everything is built by one tool."""
    tool = str(request.param)
    only_tool(tool, tmp_path, monkeypatch)
    monkeypatch.setenv("UV_CACHE_DIR", str(caches[tool] / "tools" / "uv"))
    return caches[tool]


def build(cache: Path, wheels: Path, *lines: str, log: tools.Log = print) -> Path:
    request = environment.resolve(["--no-index", f"--find-links {wheels}", *lines])
    return environment.ensure(environment.lock(request, cache, log), cache, log)


def says(python: Path, program: str) -> str:
    argv = (str(python), "-I", "-c", program)
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def test_an_environment_holds_its_lock_and_nothing_of_the_worker(cache: Path, wheels: Path) -> None:
    python = build(cache, wheels, "pie")
    assert says(python, "import apple, pie; print(apple.VERSION, pie.VERSION)") == "2.0 1.0"
    absent = "import importlib.util as u; print(u.find_spec('pytest'), u.find_spec('pip'))"
    assert says(python, absent) == "None None"
    assert installed.packages(python.parent.parent) == ("apple==2.0", "pie==1.0")


def test_a_lock_pins_and_hashes_the_whole_closure(cache: Path, wheels: Path) -> None:
    request = environment.resolve(["--no-index", f"--find-links {wheels}", "sauce"])
    lock = environment.lock(request, cache, print)
    expected = [
        f"{path.name.partition('-')[0]}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in (wheels / "apple-1.0-py3-none-any.whl", wheels / "sauce-1.0-py3-none-any.whl")
    ]
    assert list(lock.lines) == expected


def test_the_second_request_runs_no_tool_and_takes_milliseconds(cache: Path, wheels: Path) -> None:
    first = build(cache, wheels, "tart")
    said: list[str] = []
    started = time.perf_counter()
    assert build(cache, wheels, "tart", log=said.append) == first
    assert time.perf_counter() - started < 0.1
    assert said == []


def test_constraints_hold(cache: Path, wheels: Path, tmp_path: Path) -> None:
    (tmp_path / "limits.txt").write_text("apple<2\n")
    python = build(cache, wheels, "pie", f"-c {tmp_path}/limits.txt")
    assert says(python, "import apple; print(apple.VERSION)") == "1.0"


def test_an_empty_environment_needs_no_index(cache: Path) -> None:
    python = environment.ensure(environment.lock(environment.resolve(None), cache, print), cache, print)
    assert installed.packages(python.parent.parent) == ()
    assert says(python, "print('up')") == "up"


PROGRAM = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from test_environment_build import build
def log(line):
    with open({log!r}, "a") as file:
        file.write(line + chr(10))
print(build(Path({cache!r}), Path({wheels!r}), *{lines!r}, log=log))
"""


def builder(cache: Path, wheels: Path, log: Path, *lines: str) -> list[str]:
    path = [str(Path(__file__).parent), *sys.path]
    program = PROGRAM.format(path=path, log=str(log), cache=str(cache), wheels=str(wheels), lines=lines)
    return [sys.executable, "-c", program]


def test_four_processes_at_once_build_once(cache: Path, wheels: Path, tmp_path: Path) -> None:
    argv = builder(cache, wheels, tmp_path / "log", "pie", "sauce")
    processes = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    pythons = {process.communicate()[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    lines = (tmp_path / "log").read_text().splitlines()
    assert sum(line.startswith("build environment") for line in lines) == 1
    assert sum(line.startswith("resolve ") for line in lines) == 1
    (python,) = pythons
    assert says(Path(python), "import pie; print(pie.VERSION)") == "1.0"


@pytest.mark.parametrize("point", FAILPOINTS)
def test_half_an_environment_is_never_used(cache: Path, wheels: Path, tmp_path: Path, point: str) -> None:
    line = f"apple<{2 + FAILPOINTS.index(point)},>0.{len(cache.name)}"
    fired = tmp_path / "fired"
    armed = os.environ | {"LADING_FAILPOINT": f"{point}:kill9", "LADING_FAILPOINT_FIRED": str(fired)}
    before = {folder.name for folder in cache.iterdir()}
    killed = subprocess.run(builder(cache, wheels, tmp_path / "log", line), env=armed, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert fired.exists()
    (half,) = {folder.name for folder in cache.iterdir()} - before - {"locks", "tools"}
    (cache / half / "left-over").touch()
    python = build(cache, wheels, line)
    assert python.parent.parent.name == half
    assert not (cache / half / "left-over").exists()
    assert says(python, "import apple; print(bool(apple.VERSION))") == "True"


def test_an_environment_whose_python_is_gone_is_built_anew(cache: Path, wheels: Path) -> None:
    python = build(cache, wheels, "apple==1.0", "pie")
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert build(cache, wheels, "apple==1.0", "pie") == python
    assert says(python, "import pie; print(pie.VERSION)") == "1.0"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["no-such-fruit"], r"no-such-fruit.*no version of it fits"),
        (["apple==9.9"], r"apple==9.9.*no version of it fits"),
        (["sauce", "tart"], r"contradict each other"),
        (["--index-url http://me:hunter2@127.0.0.1:9/simple", "plum"], r"index cannot be reached|no version"),
        (["plum @ http://me:hunter2@127.0.0.1:9/plum-1.0-py3-none-any.whl"], r"index cannot be reached"),
    ],
)
def test_a_failure_names_the_requirement_and_the_cure(
    cache: Path, wheels: Path, lines: list[str], message: str
) -> None:
    said: list[str] = []
    offline = [] if lines[0].startswith("--index") else ["--no-index", f"--find-links {wheels}"]
    request = environment.resolve([*offline, *lines])
    with pytest.raises(EnvironmentBuildError, match=message) as caught:
        environment.lock(request, cache, said.append)
    assert "the tool ended with code" in str(caught.value)
    assert "hunter2" not in str(caught.value) + "".join(said)


def test_other_bytes_than_the_locked_ones_are_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    wheel(own, "quince", "1.0")
    lock = environment.lock(
        environment.resolve(["--no-index", f"--find-links {own}", "quince"]), cache, print
    )
    wheel(own, "quince", "1.0", "apple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))  # uv kept the first bytes
    with pytest.raises(EnvironmentBuildError, match="other bytes than the lock says"):
        environment.ensure(lock, cache, print)


def test_an_absent_python_names_what_was_looked_for_and_what_is_there() -> None:
    with pytest.raises(EnvironmentBuildError) as caught:
        interpreter.find("3.99")
    assert "python3.99 on PATH" in str(caught.value)
    assert f"{environment.request.default_python()} (" in str(caught.value)


def test_another_python_of_this_machine_is_used(cache: Path, wheels: Path) -> None:
    own = environment.request.default_python()
    others = [version for version in interpreter.available() if version != own]
    require_service("python", bool(others), "there is one CPython only")
    request = environment.resolve(["--no-index", f"--find-links {wheels}", "apple"], others[0])
    python = environment.ensure(environment.lock(request, cache, print), cache, print)
    assert says(python, "import apple, sys; print('%d.%d' % sys.version_info[:2])") == others[0]


def test_a_tool_that_says_nothing_is_still_heard_and_its_lines_come_live() -> None:
    seen: list[tuple[float, str]] = []
    program = "import time; print('one', flush=True); time.sleep(0.5); print('two')"
    tools.run((sys.executable, "-c", program), "try", lambda line: seen.append((time.monotonic(), line)))
    assert [line for _, line in seen] == ["one", "two"]
    assert seen[1][0] - seen[0][0] > 0.3


@pytest.mark.parametrize("folders", [["Foo_Bar-1.2.dist-info", "z-2.0+cpu.dist-info", "x.py"]])
def test_packages_are_read_from_folder_names(tmp_path: Path, folders: list[str]) -> None:
    for folder in folders:
        (tmp_path / "lib/python3.12/site-packages" / folder).mkdir(parents=True)
    assert installed.packages(tmp_path) == ("foo-bar==1.2", "z==2.0+cpu")
