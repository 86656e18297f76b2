from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lading.cli.parser import build

if TYPE_CHECKING:
    from pathlib import Path


def run(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lading.cli", *argv],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    "argv", [(), ("lineage",), ("nope",), ("artifacts", "get"), ("lineage", "trace", "a", "--depth", "0")]
)
def test_wrong_usage_exits_2_with_help_on_standard_error(argv: tuple[str, ...]) -> None:
    done = run(*argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: lading" in done.stderr


def test_help_and_version_exit_0_and_help_documents_the_codes() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert "exit codes: 0 done, 1 a problem was found or nothing was, 2 wrong usage" in done.stdout
    assert run("--version").stdout.startswith("lading ")


def test_help_and_lineage_import_no_airflow(tmp_path: Path) -> None:
    code = (
        "import sys; from lading.cli import main; main(['--help']); main(['lineage', 'show', '--dag', 'x']);"
        "heavy = {'airflow', 'pandas', 'numpy', 'rich', 'obstore'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    environment = {**os.environ, "LADING_STORE": tmp_path.as_uri()}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr


def test_the_store_of_the_argument_wins_over_the_variable(tmp_path: Path) -> None:
    done = run(
        "lineage", "show", "--dag", "x", "--store", "file:///nowhere/a", LADING_STORE=tmp_path.as_uri()
    )
    assert done.returncode == 1
    assert "file:///nowhere/a" in done.stderr


def test_a_store_that_is_no_url_is_one_line_and_no_traceback() -> None:
    done = run("lineage", "show", "--dag", "x", "--store", "ftp://h/x")
    assert done.returncode == 1
    assert done.stderr.startswith("lading: store 'ftp://h/x'")
    assert len(done.stderr.splitlines()) == 1


def test_without_a_store_given_airflows_is_used(tmp_path: Path) -> None:
    done = run(
        "lineage", "show", "--dag", "x", LADING_STORE="", AIRFLOW__LADING__STORE=(tmp_path / "af").as_uri()
    )
    assert done.returncode == 1
    assert (tmp_path / "af").as_uri() in done.stderr


BROKEN = '{"a": {"backend": "venv"}, "b": {"backend": "slrm"}}'
TARGETS = '{"isolated": {"backend": "venv", "python": "3.12", "env": {"API_TOKEN": "hunter2"}}}'
SETTINGS = {"AIRFLOW__LADING__TARGETS": TARGETS, "AIRFLOW__LADING__STORE": "s3://me:hunter2@host/b"}


def test_config_prints_each_value_with_its_origin_and_no_secret() -> None:
    done = run("config", "--json", **SETTINGS)
    assert done.returncode == 0, done.stderr
    settings = json.loads(done.stdout)["settings"]
    assert settings["store"] == {
        "value": "s3://***@host/b",
        "origin": "environment variable AIRFLOW__LADING__STORE",
    }
    assert settings["targets"]["value"]["isolated"]["env"] == {"API_TOKEN": "***"}
    assert settings["infra_retries"]["value"] == 3
    assert "hunter2" not in done.stdout + run("config", **SETTINGS).stdout


def test_a_misspelled_setting_is_a_problem() -> None:
    done = run("config", AIRFLOW__LADING__INLINE_LIMTI="3")
    assert done.returncode == 1
    assert (
        "AIRFLOW__LADING__INLINE_LIMTI sets nothing; did you mean AIRFLOW__LADING__INLINE_LIMIT?"
        in " ".join(done.stdout.split())  # wherever the lines break
    )


def test_targets_tell_problems_and_exit_1() -> None:
    done = run(
        "targets", "--json", AIRFLOW__LADING__TARGETS='{"a": {"backend": "venv"}, "b": {"backend": "slrm"}}'
    )
    assert done.returncode == 1
    rows = {row["name"]: row for row in json.loads(done.stdout)["targets"]}
    assert rows["a"]["problem"] == ""
    assert "'slrm'" in rows["b"]["problem"]
    assert rows["local"]["is_default"]
    assert run("targets", "--json", **{"AIRFLOW__LADING__TARGETS": TARGETS}).returncode == 0


def test_a_wrong_setting_is_one_json_error() -> None:
    done = run("targets", "--json", AIRFLOW__LADING__INLINE_LIMIT="many")
    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(done.stderr.splitlines()[-1])["error"]["type"] == "ConfigError"


def test_doctor_names_a_cure_for_each_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run(
        "doctor",
        "--json",
        AIRFLOW__CORE__XCOM_BACKEND="airflow.sdk.execution_time.xcom.BaseXCom",
        LADING_STORE=(tmp_path / "file" / "store").as_uri(),
        AIRFLOW__LADING__TARGETS=BROKEN,
    )
    assert done.returncode == 1
    failed = {(c["area"], c["name"]): c for c in json.loads(done.stdout)["checks"] if c["ok"] is False}
    assert {("Airflow", "XCom backend"), ("targets", "b")} <= set(failed)
    assert any(area == "store" for area, _ in failed)
    assert all(check["cure"] for check in failed.values())
    assert "lading.xcom.LadingXComBackend" in failed["Airflow", "XCom backend"]["cure"]


def test_doctor_goes_on_after_a_store_that_cannot_be_opened() -> None:
    done = run("doctor", "--json", "--store", "ftp://h/x", "--target", "local")
    assert done.returncode == 1
    checks = {(c["area"], c["name"]): c for c in json.loads(done.stdout)["checks"]}
    assert checks["store", "address"]["ok"] is False
    assert "ftp://h/x" in checks["store", "address"]["detail"]
    assert checks["targets", "local"]["ok"] is True


def test_doctor_finds_a_good_store_good(tmp_path: Path) -> None:
    done = run("doctor", "--json", "--store", tmp_path.as_uri(), "--target", "local")
    checks = json.loads(done.stdout)["checks"]
    assert [c["ok"] for c in checks if c["area"] == "store"] == [None, True, True, True, True, True]
    assert [c["name"] for c in checks if c["area"] == "targets"] == ["local"]
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_valid(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = run("completion", shell).stdout
    subprocess.run([shell, "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", "artifacts"),
        ("lineage ", "show"),
        ("lineage show --r", "--run"),
        ("artifacts get --f", "--force"),
        ("completion f", "fish"),
    ],
)
def test_bash_completes_commands_and_options(words: str, found: str) -> None:
    quoted = " ".join(f"'{word}'" for word in ("lading " + words).split(" "))
    script = run("completion", "bash").stdout
    script += f"\nCOMP_WORDS=({quoted})\nCOMP_CWORD=$((${{#COMP_WORDS[@]}}-1))\n_lading\n"
    done = subprocess.run(
        ["bash", "-c", script + 'echo "${COMPREPLY[@]}"'], capture_output=True, text=True, check=True
    )
    assert found in done.stdout.split()


def test_every_command_explains_itself() -> None:
    parser = build()
    text = parser.format_help()
    assert all(
        name in text for name in ("demo", "lineage", "artifacts", "targets", "config", "doctor", "completion")
    )
