"""The installer as it runs in an image: alone, with no home and no temporary folder that can be written."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lading_runner
from environment_wheels import only_tool, wheel
from lading import environment
from lading.environment import Lock, Place
from lading.environment.request import default_python
from lading_testkit import pythons, require_service

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN = (default_python(), sysconfig.get_platform())
SYSTEM = "/usr/bin:/bin"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    wheel(folder, "apple", "1.0")
    wheel(folder, "pie", "1.0", "apple>=1", "absent")
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Python and PATH, by the installer that is there."""
    folder = tmp_path_factory.mktemp("images")
    uv = shutil.which("uv")
    for name in ("none", "ensurepip", "pip"):
        bare = [] if name == "pip" else ["--without-pip"]
        subprocess.run([sys.executable, "-m", "venv", *bare, str(folder / name)], check=True)
    (site,) = (folder / "none").glob("lib/python3*/site-packages")
    (site / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n")
    found = {name: (str(folder / name / "bin" / "python"), SYSTEM) for name in ("none", "ensurepip", "pip")}
    if uv:
        (folder / "bin").mkdir()
        (folder / "bin" / "uv").symlink_to(uv)
        found["uv"] = (found["none"][0], f"{folder}/bin:{SYSTEM}")
    return found


@pytest.fixture
def installer(tmp_path: Path) -> Path:
    (tmp_path / "alone").mkdir()
    source = Path(lading_runner.__file__).parent / "install.py"
    return Path(shutil.copy(source, tmp_path / "alone"))


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    (tmp_path / "volume").mkdir()
    return tmp_path / "volume"


@pytest.fixture(params=["uv", "pip", "ensurepip"])
def image(request: pytest.FixtureRequest, images: dict[str, tuple[str, str]]) -> tuple[str, str]:
    require_service("uv", request.param in images, "no uv on PATH")
    return images[request.param]


def locked(wheels: Path, *lines: str, options: tuple[str, ...] = ()) -> Lock:
    where = options or ("--no-index", f"--find-links {wheels}")
    return Lock(lines, *OWN, where)


def pinned(wheels: Path, *names: str) -> tuple[str, ...]:
    files = {name: (wheels / f"{name}-1.0-py3-none-any.whl").read_bytes() for name in names}
    return tuple(
        f"{name}==1.0 --hash=sha256:{hashlib.sha256(data).hexdigest()}" for name, data in files.items()
    )


def start(
    image: tuple[str, str], installer: Path, lock: Lock, folder: Path, **env: str
) -> subprocess.Popen[str]:
    file = installer.parent / "lock.txt"
    file.write_text(lock.text())
    # Not even root can write in /proc.
    whole = {"PATH": image[1], "HOME": "/proc/home", "TMPDIR": "/proc", "PIP_RETRIES": "0", **env}
    return subprocess.Popen(
        [image[0], "-I", str(installer), str(file), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"UV_HTTP_RETRIES": "0", **whole},
        text=True,
    )


def install(image: tuple[str, str], installer: Path, lock: Lock, folder: Path, **env: str) -> tuple[int, str]:
    process = start(image, installer, lock, folder, **env)
    said, _ = process.communicate(timeout=120)
    print(said)
    return process.returncode, said


def versions(python: str, folder: Path, *names: str) -> list[str]:
    program = f"import sys; sys.path.append({str(folder)!r})\n"
    program += f"for name in {names!r}: print(__import__(name).VERSION)"
    run = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_a_lock_is_installed_by_what_the_image_has(
    image: tuple[str, str], installer: Path, wheels: Path, volume: Path
) -> None:
    code, said = install(image, installer, locked(wheels, *pinned(wheels, "apple", "pie")), volume / "there")
    assert code == 0, said
    assert versions(image[0], volume / "there", "apple", "pie") == ["1.0", "1.0"]
    assert [path.name for path in volume.iterdir()] == ["there"]


@pytest.mark.parametrize("python", pythons())
def test_every_python_at_hand_runs_the_installer(
    installer: Path, wheels: Path, volume: Path, python: str
) -> None:
    program = "import sys, sysconfig; print('%d.%d' % sys.version_info[:2], sysconfig.get_platform())"
    version, platform = subprocess.check_output([python, "-I", "-c", program], text=True).split()
    lock = Lock(pinned(wheels, "apple"), version, platform, ("--no-index", f"--find-links {wheels}"))
    assert install((python, SYSTEM), installer, lock, volume / "there")[0] == 0
    assert versions(python, volume / "there", "apple") == ["1.0"]


def test_lines_without_hashes_are_installed_too(
    image: tuple[str, str], installer: Path, wheels: Path, volume: Path
) -> None:
    assert install(image, installer, locked(wheels, "apple==1.0"), volume / "there")[0] == 0
    assert versions(image[0], volume / "there", "apple") == ["1.0"]


def test_other_bytes_than_the_locked_ones_are_refused(
    image: tuple[str, str], installer: Path, wheels: Path, volume: Path
) -> None:
    (line,) = pinned(wheels, "apple")
    code, said = install(image, installer, locked(wheels, line[:-4] + "0000"), volume / "there")
    assert code == 65
    assert "has other bytes of apple==1.0 than the lock says; find out who" in said.splitlines()[-1]
    assert list(volume.iterdir()) == []


def test_a_package_that_is_not_there_is_named(
    image: tuple[str, str], installer: Path, wheels: Path, volume: Path
) -> None:
    lines = [f"{line} --hash=sha256:{'0' * 64}" for line in ("absent==1.0", "apple==3.0")]
    for line in lines:
        code, said = install(image, installer, locked(wheels, line), volume / "there")
        assert code == 65
        wanted = line.partition("==")[0]
        assert f"the index has no {wanted}" in said.splitlines()[-1]
        assert said.rstrip().endswith("or put the package into the image")
    assert list(volume.iterdir()) == []


@pytest.fixture
def index(wheels: Path, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "served" / "simple" / "apple").mkdir(parents=True)
    shutil.copy(wheels / "apple-1.0-py3-none-any.whl", tmp_path / "served" / "simple" / "apple")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def test_the_index_that_the_image_configures_for_pip_is_asked(
    image: tuple[str, str], installer: Path, wheels: Path, volume: Path, index: str
) -> None:
    lock = Lock(pinned(wheels, "apple"), *OWN)
    assert install(image, installer, lock, volume / "there", PIP_INDEX_URL=index)[0] == 0
    assert versions(image[0], volume / "there", "apple") == ["1.0"]


def test_the_index_in_pip_s_configuration_is_asked_by_uv_too(
    image: tuple[str, str], installer: Path, wheels: Path, volume: Path, index: str, tmp_path: Path
) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(f"[global]\nindex-url = {index}\ntimeout = 5\n")
    lock = Lock(pinned(wheels, "apple"), *OWN)
    assert install(image, installer, lock, volume / "there", PIP_CONFIG_FILE=str(config))[0] == 0
    assert versions(image[0], volume / "there", "apple") == ["1.0"]


def test_settings_that_would_bend_the_tools_are_not_followed(
    image: tuple[str, str], installer: Path, wheels: Path, volume: Path
) -> None:
    bent = {f"PIP_{name}": str(volume / "else") for name in ("TARGET", "PREFIX", "ROOT")}
    bent |= {
        "PIP_USER": "1",
        "UV_SYSTEM_PYTHON": "1",
        "UV_PYTHON": "3.99",
        "PYTHONPATH": str(volume / "else"),
    }
    lock = locked(wheels, *pinned(wheels, "apple"))
    assert install(image, installer, lock, volume / "there", PIP_REQUIRE_VIRTUALENV="1", **bent)[0] == 0
    assert versions(image[0], volume / "there", "apple") == ["1.0"]
    assert [path.name for path in volume.iterdir()] == ["there"]


def test_an_index_that_does_not_answer_is_worth_another_try_and_no_password_is_shown(
    image: tuple[str, str], installer: Path, wheels: Path, volume: Path
) -> None:
    options = ("--index-url http://me:hunter2@127.0.0.1:9/simple",)
    lock = locked(wheels, *pinned(wheels, "apple"), options=options)
    code, said = install(image, installer, lock, volume / "there", PIP_RETRIES="1")
    assert code == 75, said
    assert "index does not answer" in said.splitlines()[-1]
    assert "hunter2" not in said
    assert list(volume.iterdir()) == []


def test_an_image_without_any_installer_is_told_both_cures(
    images: dict[str, tuple[str, str]], installer: Path, wheels: Path, volume: Path
) -> None:
    code, said = install(
        images["none"], installer, locked(wheels, *pinned(wheels, "apple")), volume / "there"
    )
    assert code == 65
    assert "use an image that has pip or uv, or put the packages into the image" in said
    assert list(volume.iterdir()) == []


@pytest.mark.parametrize(
    ("python", "platform", "cure"),
    [
        (
            "3.99",
            OWN[1],
            f"set python='{OWN[0]}' of the step or its target, or choose an image with Python 3.99",
        ),
        (OWN[0], "linux-s390x", "choose an image and a node for linux-s390x"),
    ],
)
def test_a_lock_for_another_interpreter_is_refused_with_both_named(
    images: dict[str, tuple[str, str]], installer: Path, volume: Path, python: str, platform: str, cure: str
) -> None:
    code, said = install(images["pip"], installer, Lock((), python, platform), volume / "there")
    assert code == 65
    assert f"this image has Python {OWN[0]} on {OWN[1]}" in said
    assert f"chosen for Python {python} on {platform}; {cure}" in said
    assert list(volume.iterdir()) == []


def test_packages_that_are_there_already_need_no_installer(
    images: dict[str, tuple[str, str]], installer: Path, wheels: Path, volume: Path
) -> None:
    lock = locked(wheels, *pinned(wheels, "apple"))
    assert install(images["pip"], installer, lock, volume / "there")[0] == 0
    (volume / "there").chmod(0o555)
    code, said = install(images["none"], installer, lock, volume / "there")
    assert (code, said) == (0, f"lading: {volume}/there has the 1 packages already\n")


def test_an_empty_lock_needs_no_installer(
    images: dict[str, tuple[str, str]], installer: Path, volume: Path
) -> None:
    assert install(images["none"], installer, Lock((), *OWN), volume / "deep" / "there")[0] == 0
    assert (volume / "deep" / "there").is_dir()


@pytest.mark.parametrize("held", ["other.txt", ".lading-lock"])
def test_a_folder_of_other_things_is_left_alone(
    images: dict[str, tuple[str, str]], installer: Path, wheels: Path, volume: Path, held: str
) -> None:
    (volume / held).write_text("mine")
    code, said = install(images["pip"], installer, locked(wheels, *pinned(wheels, "apple")), volume)
    assert code == 65
    assert f"{volume} holds something else than these packages; name a folder that is not there" in said
    assert {path.name: path.read_text() for path in volume.iterdir()} == {held: "mine"}


def test_a_folder_that_is_empty_is_taken(
    images: dict[str, tuple[str, str]], installer: Path, wheels: Path, volume: Path
) -> None:
    assert install(images["pip"], installer, locked(wheels, *pinned(wheels, "apple")), volume)[0] == 0
    assert versions(images["pip"][0], volume, "apple") == ["1.0"]


def test_a_parent_that_cannot_be_written_is_named(
    images: dict[str, tuple[str, str]], installer: Path, wheels: Path
) -> None:
    lock = locked(wheels, *pinned(wheels, "apple"))
    code, said = install(images["pip"], installer, lock, Path("/proc/lading/there"))
    assert code == 65
    assert "/proc/lading cannot be written" in said
    assert "Traceback" not in said


def fake_uv(folder: Path, script: str) -> str:
    """A PATH with an ``uv`` that runs ``script`` with the target folder as ``$target``."""
    (folder / "fake").mkdir()
    uv = folder / "fake" / "uv"
    find = 'while [ "$1" != --target ]; do shift; done\ntarget=$2\n'
    uv.write_text(f"#!/bin/sh\n{find}{script}")
    uv.chmod(0o755)
    return f"{folder}/fake:{SYSTEM}"


def test_a_password_in_what_a_tool_says_is_not_shown(
    images: dict[str, tuple[str, str]], installer: Path, wheels: Path, volume: Path, tmp_path: Path
) -> None:
    path = fake_uv(tmp_path, "echo asking http://me:hunter2@index.example/simple\nexit 2\n")
    lock = locked(wheels, *pinned(wheels, "apple"))
    code, said = install((images["none"][0], path), installer, lock, volume / "there")
    assert code == 65
    assert "asking http://***@index.example/simple" in said
    assert "hunter2" not in said


def test_of_four_at_once_one_fills_the_folder_and_all_succeed(
    images: dict[str, tuple[str, str]], installer: Path, wheels: Path, volume: Path, tmp_path: Path
) -> None:
    (tmp_path / "met").mkdir()
    meet = f"cd {tmp_path}/met; touch $$; until [ $(ls | wc -l) -ge 4 ]; do sleep 0.01; done\n"
    path = fake_uv(tmp_path, meet + "echo $$ > $target/a; echo $$ > $target/b\n")
    lock = locked(wheels, *pinned(wheels, "apple"))
    processes = [start((images["none"][0], path), installer, lock, volume / "there") for _ in range(4)]
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    assert sum("another process was faster" in text for text in said) == 3
    assert [entry.name for entry in volume.iterdir()] == ["there"]
    assert (volume / "there" / "a").read_text() == (volume / "there" / "b").read_text()


def test_what_a_killed_installer_leaves_is_never_used_and_removed_a_day_later(
    images: dict[str, tuple[str, str]], installer: Path, wheels: Path, volume: Path, tmp_path: Path
) -> None:
    path = fake_uv(tmp_path, "touch $target/half; kill -9 $PPID\n")
    lock = locked(wheels, *pinned(wheels, "apple"))
    code, _ = install((images["none"][0], path), installer, lock, volume / "there")
    (half,) = volume.iterdir()
    assert (code, half.name.partition(".part-")[0]) == (-signal.SIGKILL, "there")
    assert (half / "packages" / "half").exists()
    os.utime(half, (0, 0))
    assert install(images["pip"], installer, lock, volume / "there")[0] == 0
    assert versions(images["pip"][0], volume / "there", "apple") == ["1.0"]
    assert [entry.name for entry in volume.iterdir()] == ["there"]


def test_an_installer_that_is_told_to_end_does_so_at_once_and_leaves_nothing(
    images: dict[str, tuple[str, str]], installer: Path, wheels: Path, volume: Path, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    path = fake_uv(tmp_path, f"touch {begun}; exec sleep 60\n")
    lock = locked(wheels, *pinned(wheels, "apple"))
    process = start((images["none"][0], path), installer, lock, volume / "there")
    end = time.monotonic() + 60
    while not begun.exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    process.terminate()
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 143
    assert "Traceback" not in said
    assert list(volume.iterdir()) == []


def test_what_another_installer_is_filling_is_left_alone(
    images: dict[str, tuple[str, str]], installer: Path, wheels: Path, volume: Path
) -> None:
    (volume / "there.part-7-abc").mkdir()
    lock = locked(wheels, *pinned(wheels, "apple"))
    assert install(images["pip"], installer, lock, volume / "there")[0] == 0
    assert {entry.name for entry in volume.iterdir()} == {"there", "there.part-7-abc"}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "usage: python -I install.py <lock file> <folder>"),
        (["absent.txt", "there"], "absent.txt cannot be read"),
        (["install.py", "there"], "install.py does not begin with '# lading lock: python"),
    ],
)
def test_a_call_that_is_not_understood_says_what_was_expected(
    installer: Path, argv: list[str], message: str
) -> None:
    run = subprocess.run(
        [sys.executable, "-I", str(installer), *argv],
        cwd=installer.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 64
    assert message in run.stdout
    assert run.stderr == ""


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_what_is_locked_for_another_python_installs_there(
    installer: Path, volume: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    """From the worker's lock to an import in the image's Python."""
    others = [python for python in pythons() if f"python{OWN[0]}" not in str(Path(python).resolve())]
    require_service("python", bool(others), "there is one CPython only")
    only_tool(tool, tmp_path, monkeypatch)
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    version = subprocess.check_output([others[-1], "-I", "-c", program], text=True).strip()
    made = tmp_path / "made"
    made.mkdir()
    wheel(made, "apple", "1.0", 'salt; python_version == "3.99"')
    digits = version.replace(".", "")
    wheel(made, "berry", "3.0", "apple", tag=f"cp{digits}-cp{digits}-manylinux2014_{os.uname().machine}")
    asked = environment.resolve(["--no-index", f"--find-links {made}", "berry"], version)
    lock = environment.lock_for(asked, Place(version, OWN[1]), tmp_path / "cache", print)
    assert install((others[-1], os.environ["PATH"]), installer, lock, volume / "there")[0] == 0
    assert versions(others[-1], volume / "there", "berry", "apple") == ["3.0", "1.0"]
