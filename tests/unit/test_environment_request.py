"""What a step may say about its environment, and what is read from it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.utils import canonicalize_name

from lading.environment import Place, anchor, resolve
from lading.environment.interpreter import probe
from lading.environment.locking import lock, lock_for
from lading.errors import ConfigError, EnvironmentBuildError
from lading_testkit import require_service

SCRIPT = """
# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "pandas>=2",
#   "rich",
# ]
# ///
import pandas
"""
HASH = "sha256:" + "0" * 64


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", ".")
        path.write_text(text)


def test_a_list_is_the_same_request_in_any_order_and_spelling() -> None:
    one = resolve(["pandas >= 2", "rich"], "3.12")
    assert one.lines == ("pandas>=2", "rich")
    assert one.digest == resolve(["rich", "pandas>=2"], "3.12").digest
    assert one.digest != resolve(["rich", "pandas>=2"], "3.11").digest
    assert one.digest != resolve(["rich", "pandas>=3"], "3.12").digest


def test_nothing_said_is_an_empty_environment() -> None:
    assert resolve(None).lines == ()


def test_a_requirements_file_is_followed_into_its_includes(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write(
        tmp_path,
        requirements__txt="# pins\n-r deep/base.txt\npandas>=2  # frames\n-c limits.txt\n"
        f"rich==13.0 \\\n    --hash={HASH} \\\n    --hash={HASH[:-1]}1\n--extra-index-url=https://index.example\n",
        limits__txt="numpy<3\n",
    )
    write(
        tmp_path / "deep",
        base__txt="-r more.in\n--find-links wheels\n",
        more__in="idna ; python_version<'4'\n",
    )
    found = resolve("requirements.txt", folder=tmp_path)
    assert found.lines == (
        'idna; python_version < "4"',
        "pandas>=2",
        f"rich==13.0 --hash={HASH} --hash={HASH[:-1]}1",
    )
    assert found.constraints == ("numpy<3",)
    assert found.options == (
        f"--find-links {tmp_path}/deep/wheels",
        "--extra-index-url https://index.example",
    )


def test_anchored_requirements_read_the_same_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, base__txt="pandas\n", dag__py=SCRIPT)
    said = ["-r base.txt", "dag.py", "rich==13.0", "discord.py", "--pre"]
    anchored = anchor(said, tmp_path)
    assert anchored == (f"-r {tmp_path}/base.txt", f"{tmp_path}/dag.py", "rich==13.0", "discord.py", "--pre")
    monkeypatch.chdir("/")
    assert resolve(anchored).digest == resolve(said, folder=tmp_path).digest


def test_the_block_of_the_dag_file_is_named_by_its_path(tmp_path: Path) -> None:
    write(tmp_path, dag__py=SCRIPT)
    found = resolve(str(tmp_path / "dag.py"))
    assert found.lines == ("pandas>=2", "rich")
    assert found.requires_python == (">=3.11",)


@pytest.mark.parametrize(
    ("files", "said", "message"),
    [
        ({}, "absent.txt", "absent.txt, named by requirements, cannot be read: No such file"),
        ({"a__txt": "-r b.txt\n", "b__txt": "-r a.txt\n"}, "a.txt", "includes itself by way of .*b.txt"),
        ({"a__txt": "-e .\n"}, "a.txt", "a.txt names the local folder or file"),
        ({"a__txt": "pandas=>2\n"}, "a.txt", "a.txt holds 'pandas=>2', which is not a requirement"),
        ({"dag__py": "import os\n"}, "dag.py", "dag.py has 0 '# /// script' blocks"),
        ({"dag__py": "# /// script\n# a = \n# ///\n"}, "dag.py", "is not TOML"),
        ({"uv__lock": "version = 9\n"}, "uv.lock", "lock version 9, this release reads version 1"),
        ({"uv__lock": "version = 1\n"}, "uv.lock", "locks no project"),
        ({"dag__py": SCRIPT + '"""'}, "dag.py", ""),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(
    tmp_path: Path, files: dict[str, str], said: str, message: str
) -> None:
    write(tmp_path, **files)
    if not message:
        assert resolve(said, folder=tmp_path).lines  # the block is a comment: the rest need not be Python
        return
    with pytest.raises(ConfigError, match=message):
        resolve(said, folder=tmp_path)


def test_a_python_outside_the_requirements_is_refused(tmp_path: Path) -> None:
    write(tmp_path, dag__py=SCRIPT)
    assert resolve("dag.py", "3.11", tmp_path).python == "3.11"
    with pytest.raises(ConfigError, match=r"python='3.10' does not satisfy requires-python >=3.11"):
        resolve("dag.py", "3.10", tmp_path)


LOCK = f"""
version = 1
requires-python = ">=3.9"
[[package]]
name = "mine"
version = "0"
source = {{ virtual = "." }}
dependencies = [
  {{ name = "a", extra = ["fast"] }},
  {{ name = "b", marker = "sys_platform == 'win32'" }},
  {{ name = "c", version = "1", source = {{ registry = "r" }}, marker = "python_full_version < '3.10'" }},
  {{ name = "c", version = "2", source = {{ registry = "r" }}, marker = "python_full_version >= '3.10'" }},
]
[package.dev-dependencies]
dev = [{{ name = "unused" }}]
[[package]]
name = "a"
version = "1"
source = {{ registry = "r" }}
wheels = [{{ url = "u", hash = "{HASH}" }}]
[package.optional-dependencies]
fast = [{{ name = "d", marker = "os_name == 'posix'" }}]
[[package]]
name = "b"
version = "1"
source = {{ registry = "r" }}
dependencies = [{{ name = "e" }}, {{ name = "a" }}]
[[package]]
name = "c"
version = "1"
source = {{ registry = "r" }}
[[package]]
name = "c"
version = "2"
source = {{ registry = "r" }}
dependencies = [{{ name = "e" }}]
[[package]]
name = "d"
version = "1"
source = {{ git = "https://git.example/d?rev=main#abc" }}
[[package]]
name = "e"
version = "1"
source = {{ url = "https://files.example/e-1.whl" }}
[[package]]
name = "unused"
version = "1"
source = {{ registry = "r" }}
"""


def test_a_lock_gives_every_package_with_the_markers_on_the_way_to_it(tmp_path: Path) -> None:
    write(tmp_path, uv__lock=LOCK)
    found = resolve("uv.lock", folder=tmp_path)
    assert found.locked
    assert found.lines == (
        f"a==1 --hash={HASH}",
        "b==1 ; (sys_platform == 'win32')",
        "c==1 ; (python_full_version < '3.10')",
        "c==2 ; (python_full_version >= '3.10')",
        "d @ git+https://git.example/d@abc ; (os_name == 'posix')",
        "e @ https://files.example/e-1.whl ; "
        "((python_full_version >= '3.10')) or ((sys_platform == 'win32'))",
    )


def test_a_lock_is_pinned_for_one_python_without_any_tool(tmp_path: Path) -> None:
    write(tmp_path, uv__lock=LOCK.replace('git = "https://git.example/d?rev=main#abc"', 'registry = "r"'))
    found = lock(resolve("uv.lock", folder=tmp_path), tmp_path / "cache", print)
    assert found.lines == ("a==1", "c==2", "d==1", "e @ https://files.example/e-1.whl")


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place("3.9", "linux-x86_64"), ("a==1", "c==1")),
        (Place("3.13", "linux-x86_64"), ("a==1", "c==2", "e @ https://files.example/e-1.whl")),
        (Place("3.9", "linux-aarch64"), ("a==1", "c==1", "d==1")),
    ],
    ids=str,
)
def test_a_lock_is_pinned_for_an_image_by_the_markers_of_that_image(
    tmp_path: Path, place: Place, expected: tuple[str, ...]
) -> None:
    by_machine = LOCK.replace("os_name == 'posix'", "platform_machine == 'aarch64'")
    write(
        tmp_path, uv__lock=by_machine.replace('git = "https://git.example/d?rev=main#abc"', 'registry = "r"')
    )
    found = lock_for(resolve("uv.lock", folder=tmp_path), place, tmp_path / "cache", print)
    assert (found.lines, found.python, found.platform) == (expected, place.python, place.platform)


@pytest.mark.parametrize(
    ("said", "python", "message"),
    [
        (
            "uv.lock",
            None,
            r"ask for requires-python >=3.12, but the image has Python 3.10 on linux-x86_64; use",
        ),
        (
            "idna",
            "3.12",
            r"ask for python='3.12', but the image has Python 3.10 on linux-x86_64; use an image",
        ),
    ],
)
def test_an_image_with_a_python_that_the_request_excludes_is_refused(
    tmp_path: Path, said: str, python: str | None, message: str
) -> None:
    write(tmp_path, uv__lock=LOCK.replace(">=3.9", ">=3.12"))
    with pytest.raises(EnvironmentBuildError, match=message):
        lock_for(resolve(said, python, tmp_path), Place("3.10", "linux-x86_64"), tmp_path / "cache", print)


@pytest.mark.parametrize(
    ("python", "platform", "message"),
    [
        ("3", "linux-x86_64", "python='3' is not understood"),
        ("3.12", "linux/amd64", "'linux/amd64' is not one .* expected linux-x86_64 or linux-aarch64; use an"),
        ("3.12", "macosx-14-arm64", "expected linux-x86_64 or linux-aarch64"),
    ],
)
def test_a_place_that_no_image_is_is_refused(python: str, platform: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Place(python, platform)


def test_a_lock_of_local_packages_is_refused(tmp_path: Path) -> None:
    write(tmp_path, uv__lock=LOCK.replace('url = "https://files.example/e-1.whl"', 'directory = "../e"'))
    with pytest.raises(ConfigError, match=r"takes 'e' from the directory '../e'"):
        resolve("uv.lock", folder=tmp_path)


def test_a_lock_and_more_is_refused(tmp_path: Path) -> None:
    write(tmp_path, uv__lock=LOCK)
    with pytest.raises(ConfigError, match="a lock is complete by itself"):
        resolve(["uv.lock", "rich"], folder=tmp_path)


def test_a_lock_reads_as_uv_itself_exports_it(tmp_path: Path) -> None:
    require_service("uv", shutil.which("uv") is not None, "no uv on PATH")
    write(
        tmp_path,
        pyproject__toml='[project]\nname="mine"\nversion="0"\nrequires-python=">=3.9"\n'
        'dependencies=["pandas>=2", "httpx[http2]", "rich ; sys_platform == \'win32\'"]\n'
        "[dependency-groups]\ndev=['pytest']\n",
    )
    subprocess.run(["uv", "lock", "-q"], cwd=tmp_path, check=True)
    argv = ["uv", "export", "-q", "--frozen", "--no-emit-project", "--no-dev", "--no-header", "--no-annotate"]
    exported = subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    write(tmp_path, exported__txt=exported)
    ours, theirs = resolve("uv.lock", folder=tmp_path), resolve("exported.txt", folder=tmp_path)
    for version in ("3.9.1", "3.10.4", "3.14.0"):
        for platform in ("linux", "win32", "darwin"):
            env = {"python_full_version": version, "python_version": version.rpartition(".")[0]}
            env |= {"sys_platform": platform, "os_name": "nt" if platform == "win32" else "posix"}
            assert applying(ours.lines, env) == applying(theirs.lines, env)


def applying(lines: tuple[str, ...], env: dict[str, str]) -> list[list[str]]:
    """Name, version and hashes of the lines whose marker holds."""
    found = []
    for line in lines:
        text, *hashes = line.split(" --hash=")
        pinned, _, marker = text.partition(";")
        if not marker or Marker(marker).evaluate(env):
            found.append(
                [
                    canonicalize_name(pinned.partition("==")[0]),
                    pinned.partition("==")[2].strip(),
                    *sorted(hashes),
                ]
            )
    return sorted(found)


def test_an_interpreter_tells_its_own_markers() -> None:
    import sys

    found = probe(Path(sys.executable))
    assert found is not None
    own = json.dumps(found.markers)
    from packaging.markers import default_environment

    assert json.loads(own) == dict(default_environment()) | {"extra": ""}
    assert probe(Path("/bin/true")) is None
    assert probe(Path(os.devnull)) is None
