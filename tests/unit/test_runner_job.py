"""The runner as a process: exit codes, the claim, interrupts and what is left in the store."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lading_runner import values
from lading_runner.contract import INPUT_KEY, Producer
from lading_runner.errors import ArtifactError
from lading_runner.store.keys import blob_key
from lading_testkit import pythons
from runner_jobs import FOLDER, Job, job

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("python", pythons())
def test_the_runner_runs_under_every_python_at_hand(tmp_path: Path, python: str) -> None:
    made = job(
        tmp_path,
        """
        from __future__ import annotations
        from lading import log_metrics

        def run(rows, k, *, names):
            print("training", len(rows))
            log_metrics({"accuracy": 0.97}, higher_is_better={"accuracy": True})
            return {"total": sum(rows) * k, "names": names, "pair": (1, 2)}
        """,
    )
    ref = values.save([1, 2, 3], made.store)
    made.change(
        args=[{INPUT_KEY: "rows"}, 2],
        params={"names": {"$tuple": ["a", "b"]}},
        inputs={"rows": ref},
        python=">=3.9",
    )
    ended = made.run(python)
    assert (ended.code, ended.output) == (0, "training 3\n")
    assert ended.result is not None
    value = values.load(ended.result.outputs["return_value"], made.store)
    assert value == {"total": 12, "names": ("a", "b"), "pair": (1, 2)}
    assert ended.result.metrics == {"accuracy": 0.97}
    assert ended.result.metrics_higher_is_better == {"accuracy": True}
    assert set(ended.result.timings) == {"stage_in_s", "run_s", "stage_out_s"}
    assert ended.result.profile["bytes_in"] == ref.size
    assert ended.result.profile["peak_rss_bytes"] > 2**20
    assert ended.result.started <= ended.result.ended
    assert made.log() == "training 3\n"


def test_bytes_in_and_out_are_those_of_the_parts_too(tmp_path: Path) -> None:
    made = job(tmp_path, "def run(rows):\n    return {'both': rows[0] + rows[1], 'n': 2}\n")
    ref = values.save([b"a" * 1000, b"b" * 2000], made.store, split=True)
    made.change(args=[{INPUT_KEY: "rows"}], inputs={"rows": ref}, outputs={"split": True})
    result = made.run().result
    assert result is not None
    profile, whole = result.profile, result.outputs["return_value"]
    assert (profile["bytes_in"], profile["bytes_out"]) == (3000 + ref.size, 3000 + whole.size)


def test_eight_runners_of_one_attempt_do_its_work_once(tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    made = job(
        tmp_path, f"def run():\n    with open({str(effects)!r}, 'a') as file:\n        file.write('x')\n"
    )
    processes = [made.start() for _ in range(8)]
    codes = sorted(process.wait(timeout=60) for process in processes)
    for process in processes:
        process.communicate()
    assert codes == [0] + [86] * 7
    assert effects.read_text() == "x"


def test_a_restart_of_the_same_job_takes_its_claim_up_again(tmp_path: Path) -> None:
    made = job(tmp_path, "def run():\n    print('again')\n")
    (made.folder / "claim").write_text("pod-1")
    (made.folder / "log").mkdir()
    (made.folder / "log" / "000000").write_text("first\n")
    assert made.run(LADING_JOB_ID="pod-2").code == 86
    assert made.run(LADING_JOB_ID="pod-1").code == 0
    assert made.log() == "first\nagain\n"


def test_the_first_result_counts(tmp_path: Path) -> None:
    made = job(tmp_path, "def run():\n    return 1\n")
    (made.folder / "claim").write_text("pod-1")
    (made.folder / "result.json").write_text("{}")
    made.start(LADING_JOB_ID="pod-1").communicate()
    assert (made.folder / "result.json").read_text() == "{}"


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    import time

    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


WAITING = """
    import pathlib, time

    def run(started):
        pathlib.Path(started).touch()
        try:
            while True:
                try:
                    time.sleep(60)
                except {held}:
                    pass
        finally:
            pathlib.Path(started + "-cleaned").touch()
"""


@pytest.mark.parametrize("held", ["Exception", "BaseException"])
def test_sigterm_cancels_whatever_the_step_catches(tmp_path: Path, held: str) -> None:
    made = job(tmp_path, WAITING.format(held=held), args=[str(tmp_path / "started")])
    process = made.start()
    _wait_for(tmp_path / "started", process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    result = made.result()
    assert process.returncode == 143
    assert (tmp_path / "started-cleaned").exists() == (held == "Exception")
    assert result is not None
    assert (result.status, dict(result.error or {})["class"]) == ("cancelled", "cancelled")


def test_a_step_past_its_deadline_fails_for_time(tmp_path: Path) -> None:
    made = job(tmp_path, WAITING.format(held="Exception"), args=[str(tmp_path / "started")])
    made.change(deadline="2020-01-01T00:00:00Z")
    ended = made.run()
    assert (ended.code, ended.error["class"]) == (1, "timeout")
    assert "2020-01-01" in ended.error["message"]


def test_sigterm_to_a_forked_child_of_the_step_is_the_childs(tmp_path: Path) -> None:
    made = job(
        tmp_path,
        """
        import os, signal, time

        def run():
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                os.write(writer, b"ready")
                time.sleep(60)
            os.read(reader, 5)
            os.kill(child, signal.SIGTERM)
            return os.WTERMSIG(os.waitpid(child, 0)[1])
        """,
    )
    ended = made.run()
    assert ended.result is not None
    assert values.load(ended.result.outputs["return_value"], made.store) == signal.SIGTERM


def test_another_python_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    made = job(tmp_path, "def run():\n    return 1\n", python="==3.8.*")
    ended = made.run()
    assert ended.code == 64
    assert f"Python {sys.version.split()[0]} runs this job, expected ==3.8.*" in ended.output
    assert [path.name for path in made.folder.iterdir()] == ["spec.json"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (b"{", "not JSON"),
        (b"[]", "expected a JSON object"),
        (b'{"protocol": 7}', "speaks protocol 7, this side speaks 1"),
        (b'{"protocol": 1}', "incomplete"),
    ],
)
def test_a_spec_that_is_none_is_refused(tmp_path: Path, spec: bytes, says: str) -> None:
    made = job(tmp_path, "def run():\n    return 1\n")
    made.write(spec)
    ended = made.run()
    assert (ended.code, ended.result) == (64, None)
    assert says in ended.output


@pytest.mark.parametrize("arguments", [[], ["--spec"], ["--spec", "/nowhere/spec.json"], ["--help"]])
def test_a_call_without_a_spec_says_how_to_call(tmp_path: Path, arguments: list[str]) -> None:
    made = job(tmp_path, "def run():\n    return 1\n")
    argv = [sys.executable, "-I", str(made.runner), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert "--spec" in done.stderr or "no spec at '/nowhere/spec.json'" in done.stderr


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_damaged_code_is_exit_66(tmp_path: Path, damage: str) -> None:
    made = job(tmp_path, "def run():\n    return 1\n")
    _damage(made.root / blob_key(str(made.spec.code["digest"])), damage)
    ended = made.run()
    assert (ended.code, ended.error["class"]) == (66, "config")
    assert str(made.spec.code["digest"]) in ended.error["message"]
    assert "the code of the step cannot be read" in ended.error["message"]


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_input_is_exit_66_and_names_its_producer(tmp_path: Path, damage: str) -> None:
    made = job(tmp_path, f"def run(rows):\n    open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    ref = values.save([1, 2, 3], made.store).replace(producer=Producer("churn", "manual__1", "load"))
    made.change(args=[{INPUT_KEY: "rows"}], inputs={"rows": ref})
    _damage(made.root / blob_key(ref.digest), damage)
    ended = made.run()
    assert (ended.code, ended.error["class"]) == (66, ArtifactError.failure)
    assert "churn.manual__1.load.return_value" in ended.error["message"]
    assert not (tmp_path / "ran").exists()


def _damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    path.unlink()
    if how == "flip":
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    elif how == "truncate":
        path.write_bytes(data[:-1])


def test_a_store_without_an_answer_is_exit_75(tmp_path: Path) -> None:
    made = job(tmp_path, "def run():\n    return 1\n")
    (tmp_path / "file").write_text("")
    made.change(store=f"file://{tmp_path / 'file'}")
    ended = made.run()
    assert (ended.code, ended.result) == (75, None)


def test_an_image_without_the_library_is_exit_65(tmp_path: Path) -> None:
    ended = job(tmp_path, "import not_installed_anywhere\ndef run():\n    return 1\n").run()
    assert (ended.code, ended.error["class"]) == (65, "config")
    assert "'not_installed_anywhere'" in ended.error["message"]
    assert "requirements=" in ended.error["message"]


def test_a_user_exception_shows_the_users_frames_alone(tmp_path: Path) -> None:
    made = job(
        tmp_path,
        """
        def helper(x):
            return 1 / x

        def run():
            try:
                helper(0)
            except ZeroDivisionError as e:
                raise ValueError("no trees") from e
        """,
    )
    made.change(code={**made.spec.code, "file": "dags/churn.py", "lines": [0, 7, 8, 9, 20, 21, 22, 23, 24]})
    ended = made.run()
    assert ended.code == 1
    assert (ended.error["type"], ended.error["message"], ended.error["class"]) == (
        "ValueError",
        "no trees",
        "user",
    )
    text = ended.error["traceback"]
    for line in (
        'File "dags/churn.py", line 22, in run\n    helper(0)',
        'File "dags/churn.py", line 8, in helper\n    return 1 / x',
        'File "dags/churn.py", line 24, in run',
        "ZeroDivisionError: division by zero",
    ):
        assert line in text
    assert "lading" not in text.replace(str(tmp_path), "")
    assert text in ended.output
    assert made.log() == text


def test_secrets_of_the_worker_are_masked_wherever_the_job_writes(tmp_path: Path) -> None:
    secrets = ["hunter2-hunter2", "päss/wörd+&=", 'quo"te\\back', "multi\nline\nkey"]
    made = job(
        tmp_path,
        """
        import json, os, subprocess, sys, time
        from urllib.parse import quote
        from lading import log_external_input, log_metrics

        def run(parts):
            secrets = ["".join(pair) for pair in parts]
            for secret in secrets:
                print("plain", secret, flush=True)
                print(json.dumps({"a": secret}), quote(secret, safe=""), repr(secret))
                for half in (secret[:5], secret[5:]):
                    os.write(1, half.encode())
                    time.sleep(0.05)
                subprocess.run([sys.executable, "-c", "import sys; print(sys.argv[1])", secret])
                log_external_input("s3://bucket/" + secret)
                log_metrics({secret: 1})
            raise ValueError(f"cannot log in with {secrets}", *secrets)
        """,
    )
    # what the step is given is not what is searched for
    made.change(args=[[[secret[:4], secret[4:]] for secret in secrets]])
    reader, writer = os.pipe()
    os.write(writer, json.dumps({"mask": secrets}).encode())
    os.close(writer)
    ended = made.run(fds=(reader,), LADING_HANDOVER_FD=str(reader))
    os.close(reader)
    assert ended.code == 1
    assert ended.output.count("plain ***") == len(secrets)
    written = [path.read_text() for path in made.folder.rglob("*") if path.is_file()]
    assert len(written) >= 4
    for secret in secrets:
        for text in [ended.output, *written]:
            assert secret not in text
            assert json.dumps(secret)[1:-1] not in text


def test_child_processes_of_the_step_find_its_module(tmp_path: Path) -> None:
    made = job(
        tmp_path,
        """
        import multiprocessing

        def square(x):
            return x * x

        def run():
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                return pool.map(square, [1, 2, 3])
        """,
    )
    ended = made.run()
    assert ended.code == 0, ended.output
    assert ended.result is not None
    assert values.load(ended.result.outputs["return_value"], made.store) == [1, 4, 9]


def test_a_runner_killed_at_any_point_leaves_no_result_or_a_whole_one(tmp_path: Path) -> None:
    points = [
        "runner.claim.before",
        "runner.claim.after",
        "runner.inputs.after",
        "runner.call.before",
        "runner.call.after",
        "runner.outputs.after",
        "runner.result.before",
        "runner.result.after",
    ]
    for number, point in enumerate(points):
        (tmp_path / str(number)).mkdir()
        made = job(tmp_path / str(number), "def run():\n    return 1\n")
        fired = tmp_path / f"fired-{number}"
        ended = made.run(LADING_FAILPOINT=f"{point}:kill9", LADING_FAILPOINT_FIRED=str(fired))
        assert ended.code == -signal.SIGKILL
        assert fired.read_text().startswith(f"{point}:kill9")
        assert (ended.result is not None) == (point == "runner.result.after")


def test_the_runner_starts_from_its_zip_where_nothing_can_be_unpacked(tmp_path: Path) -> None:
    made = job(tmp_path, "def run():\n    return 1\n")
    first = made.run()
    (unpacked,) = tmp_path.glob("runner.pyz.*")
    assert first.code == 0
    shutil.rmtree(unpacked)
    unpacked.write_text("not a folder")
    (made.folder / "claim").unlink()
    assert made.run().code == 0


def test_a_folder_that_others_may_write_is_not_run_from(tmp_path: Path) -> None:
    made = job(tmp_path, "def run():\n    return 1\n")
    made.run()
    (unpacked,) = tmp_path.glob("runner.pyz.*")
    (unpacked / "lading_runner" / "job.py").write_text("raise SystemExit(99)")
    unpacked.chmod(0o777)
    (made.folder / "claim").unlink()
    assert made.run().code == 0


def test_the_runner_has_no_way_out_of_its_folder(tmp_path: Path) -> None:
    """Of the store, a job writes blobs, their previews, and its own attempt's folder alone."""
    made: Job = job(tmp_path, "def run():\n    return [1]\n")
    made.run()
    outside = {
        path.relative_to(made.root).parts[0]
        for path in made.root.rglob("*")
        if path.is_file() and not path.is_relative_to(made.folder)
    }
    assert outside == {"blobs", "previews"}
    assert {path.name for path in made.folder.iterdir()} <= {"spec.json", "claim", "log", "result.json"}
    assert FOLDER in str(made.folder)
