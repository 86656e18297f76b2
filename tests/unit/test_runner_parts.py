"""Small parts of the runner: its zip, Python requirements, masks, logs, failpoints."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import lading_runner
from lading.code.archive import archive
from lading.code.runner_zip import runner_archive
from lading_runner.errors import ContractError, StoreFull
from lading_runner.logs import LogTee, MaskedStream
from lading_runner.masks import Masker
from lading_runner.python_version import check_python
from lading_runner.store import open_object_store
from lading_runner.store.local import LocalStore
from lading_testkit import pythons


def test_the_runner_zip_is_the_same_bytes_from_another_copy_of_the_sources(tmp_path: Path) -> None:
    package = Path(lading_runner.__file__).parent
    shutil.copytree(package.parent, tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for number, path in enumerate(sorted((tmp_path / "src").rglob("*.py"))):
        path.chmod(0o600)
        os.utime(path, (number, number))
    code = "from lading.code.runner_zip import runner_archive; print(runner_archive()[1])"
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'src')!r}); {code}"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == f"{runner_archive()[1]}\n", done.stderr


def test_the_runner_zip_holds_the_runner_and_a_lading_without_airflow() -> None:
    names = set(zipfile.ZipFile(io.BytesIO(runner_archive()[0])).namelist())
    assert {
        "__main__.py",
        "lading/__init__.py",
        "lading_runner/job.py",
        "lading_runner/store/local.py",
    } <= names
    assert {name.partition("/")[0] for name in names} == {"__main__.py", "lading", "lading_runner"}
    assert all(name.endswith(".py") for name in names)


def test_an_archive_is_the_same_bytes_in_whatever_order_its_files_come() -> None:
    assert archive({"b.py": b"2", "a.py": b"1"}) == archive({"a.py": b"1", "b.py": b"2"})
    (entry,) = zipfile.ZipFile(io.BytesIO(archive({"a.py": b"1"}))).infolist()
    assert (entry.date_time, entry.external_attr >> 16) == ((1980, 1, 1, 0, 0, 0), 0o100644)


@pytest.mark.parametrize("python", pythons())
def test_every_module_of_the_runner_imports_the_standard_library_alone(tmp_path: Path, python: str) -> None:
    """No site-packages are there: whatever else a module needed at its top would fail."""
    runner = tmp_path / "runner.pyz"
    runner.write_bytes(runner_archive()[0])
    names = zipfile.ZipFile(runner).namelist()
    modules = [name[:-3].replace("/", ".").removesuffix(".__init__") for name in names]
    code = f"import sys, importlib; sys.path.insert(0, {str(runner)!r})\n"
    wanted = [name for name in modules if not name.endswith("__main__")]
    code += f"for name in {wanted}: importlib.import_module(name)"
    done = subprocess.run([python, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("asked", "found", "fits"),
    [
        (">=3.9", (3, 12, 1), True),
        (">=3.12", (3, 9, 18), False),
        ("==3.12.*", (3, 12, 1), True),
        ("==3.12.*", (3, 13, 0), False),
        ("==3.12", (3, 12, 1), True),
        (">=3.9,<3.13", (3, 12, 9), True),
        (">=3.9,<3.13", (3, 13, 0), False),
        (">=3.9, !=3.10.*", (3, 10, 1), False),
        ("<=3.12", (3, 12, 4), True),
        ("<3.13.0", (3, 13, 0), False),
        (">3.11", (3, 11, 9), False),
        ("~=3.9", (3, 12, 0), True),
        ("~=3.9.1", (3, 10, 0), False),
    ],
)
def test_python_requirements(asked: str, found: tuple[int, ...], fits: bool) -> None:
    if fits:
        check_python(asked, found)
    else:
        with pytest.raises(ContractError, match="runs this job, expected"):
            check_python(asked, found)


@pytest.mark.parametrize("asked", ["3.12", "==x", ">=", "=>3.9", ""])
def test_python_requirements_that_are_none_are_refused(asked: str) -> None:
    with pytest.raises(ContractError, match="is not understood"):
        check_python(asked)


def test_a_secret_within_another_is_masked_whole() -> None:
    assert Masker(["hunter", "hunter2-long"]).text("a hunter2-long b hunter") == "a *** b ***"
    assert Masker(["", "x-y"]).text("nothing") == "nothing"


def test_a_stream_shows_no_secret_and_cuts_no_character() -> None:
    text = "größe 🚢 secret-ß done sec\n" * 3 + "secret"
    stream, shown, chunks = MaskedStream(Masker(["secret-ß"])), b"", []
    for byte in text.encode():
        shown += stream.take(bytes([byte]))
        chunks.append(stream.cut().decode())
    assert shown.decode().endswith("done sec\n")  # what may become the secret is held back
    shown += stream.take(b"", last=True)
    chunks.append(stream.cut(last=True).decode())
    expected = text.replace("secret-ß", "***")
    assert shown.decode() == "".join(chunks) == expected


def _tee(folder: Path, text: bytes, store: LocalStore | None = None) -> list[bytes]:
    log = LogTee(store or open_object_store(str(folder)), "attempts/a", Masker(["secret"]), flush_s=0)
    log.start()
    os.write(1, text)
    log.stop()
    return [path.read_bytes() for path in sorted(folder.glob("attempts/a/log/*"))]


def test_what_is_printed_goes_to_stdout_and_into_the_store(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = b"a secret\n" + b"x" * 300_000
    assert b"".join(_tee(tmp_path, text)) == text.replace(b"secret", b"***")
    assert capfd.readouterr().out.encode() == text.replace(b"secret", b"***")


class FullStore(LocalStore):
    def write(self, key: str, data: bytes) -> None:
        raise StoreFull("no space left; make room")


def test_a_log_that_cannot_be_stored_still_goes_to_stdout(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _tee(tmp_path, b"one\ntwo\n", FullStore(str(tmp_path))) == []
    said = capfd.readouterr().out
    assert said.count("no longer stored") == 1
    assert said.replace("lading: the log is no longer stored: no space left; make room\n", "") == "one\ntwo\n"


FAIL = """
from lading_runner.failpoints import failpoint
failpoint("a"); failpoint("b"); print("between"); failpoint("a"); print("end")
"""


@pytest.mark.parametrize(
    ("armed", "code", "printed", "fired"),
    [
        ("", 0, "between\nend\n", ""),
        ("b:kill9", -signal.SIGKILL, "", "b:kill9"),
        ("a:kill9@2", -signal.SIGKILL, "between\n", "a:kill9"),
        ("a:kill9@3", 0, "between\nend\n", ""),
        ("b:raise", 1, "", "b:raise"),
        ("b:delay=0.01", 0, "between\nend\n", "b:delay=0.01"),
        ("b:nonsense", 1, "", "b:nonsense"),
    ],
)
def test_failpoints_act_once_where_they_are_armed(
    tmp_path: Path, armed: str, code: int, printed: str, fired: str
) -> None:
    source = str(Path(lading_runner.__file__).parent.parent)
    env = {"PYTHONPATH": source, "LADING_FAILPOINT": armed, "LADING_FAILPOINT_FIRED": str(tmp_path / "fired")}
    if not armed:
        del env["LADING_FAILPOINT"]
    argv = [sys.executable, "-S", "-u", "-c", FAIL]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, printed)
    record = (tmp_path / "fired").read_text() if (tmp_path / "fired").exists() else ""
    assert record.partition(" ")[0] == fired
