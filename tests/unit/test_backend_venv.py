"""The venv backend against real processes; the runner is a stand-in that does what a variable says."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from lading.backends import launcher, process
from lading.backends.base import FailureClass, JobHandle, JobRequest, JobState
from lading.backends.venv import VenvBackend
from lading.errors import JobLost

RUNNER = """
import json, os, signal, sys, time
with open(os.environ["EFFECT"], "a") as file:
    file.write(str(os.getpid()) + chr(10))
print("spec", sys.argv[sys.argv.index("--spec") + 1])
exec(os.environ.get("DO", ""))
"""
FAILPOINTS = (
    "venv.find.after",
    "venv.environment.after",
    "venv.runner.after",
    "venv.absent.after",
    "venv.lock.after",
    "venv.spawn.after",
    "venv.start.after",
)


def runner() -> tuple[bytes, str]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("__main__.py", RUNNER)
    return buffer.getvalue(), "sha256:" + hashlib.sha256(RUNNER.encode()).hexdigest()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    return tmp_path / "effects"


def request(effects: Path, do: str = "", **fields: object) -> JobRequest:
    name = hashlib.sha256(str(effects).encode()).hexdigest()[:40]
    env = {"EFFECT": str(effects), "DO": do}
    base = {"name": name, "dag_id": "d", "task_id": "t", "spec_uri": "/store/spec.json"}
    return JobRequest(**(base | {"store_root": "/store", "folder": "a", "env": env} | fields))  # type: ignore[arg-type]


def backend(cache: Path, **more: object) -> VenvBackend:
    return VenvBackend(cache, runner=runner, **more)  # type: ignore[arg-type]


def ended(backend: VenvBackend, handle: JobHandle) -> object:
    """The observation once the job is not running: waits for the end, at most 30 s."""
    end = time.monotonic() + 30
    while (seen := backend.observe(handle)).state is JobState.RUNNING and time.monotonic() < end:
        time.sleep(0.02)
    return seen


def until(condition) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


def test_a_job_runs_once_and_its_exit_and_output_are_found_by_any_process(cache: Path, effects: Path) -> None:
    job = request(effects, "print('héllo'); sys.exit(7)")
    handle = backend(cache).submit(job)
    other = backend(cache)
    seen = ended(other, JobHandle.from_json(json.loads(json.dumps(handle.to_json()))))
    assert (seen.state, seen.exit_code) == (JobState.ENDED, 7)
    assert list(other.logs(handle, None)) == ["spec /store/spec.json", "héllo"]
    assert list(other.logs(handle, str(len("spec /store/spec.json\n")))) == ["héllo"]
    assert other.find(job.name) == handle
    assert other.submit(job) == handle
    assert effects.read_text().split() == [str(handle.extra["pid"])]


def test_eight_submitters_at_once_start_one_job(cache: Path, effects: Path, tmp_path: Path) -> None:
    backend(cache).submit(request(tmp_path / "warm"))  # the environment is built already
    argv = submitter(cache, request(effects, "time.sleep(1)"))
    workers = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    handles = {worker.communicate()[0] for worker in workers}
    assert [worker.returncode for worker in workers] == [0] * 8
    assert len(handles) == 1
    assert len(effects.read_text().split()) == 1


def submitter(cache: Path, job: JobRequest, call: str = "submit(job)") -> list[str]:
    """A program that submits ``job`` (or does another ``call``) and prints the id of its handle."""
    program = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}
from pathlib import Path
from test_backend_venv import backend, request
job = request(Path({job.env["EFFECT"]!r}), {job.env["DO"]!r})
print(backend(Path({str(cache)!r})).{call}.id)
"""
    return [sys.executable, "-c", program]


@pytest.mark.parametrize("point", FAILPOINTS)
def test_a_worker_killed_anywhere_in_submit_leaves_one_job(
    cache: Path, effects: Path, tmp_path: Path, point: str
) -> None:
    job, fired = request(effects), tmp_path / "fired"
    armed = os.environ | {"LADING_FAILPOINT": f"{point}:kill9", "LADING_FAILPOINT_FIRED": str(fired)}
    worker = subprocess.run(submitter(cache, job), env=armed, check=False)
    assert worker.returncode == -signal.SIGKILL
    assert fired.read_text().startswith(f"{point}:kill9")
    second = backend(cache)
    found = second.find(job.name)
    handle = second.submit(job)
    assert found in (None, handle)
    assert ended(second, handle).exit_code == 0
    assert effects.read_text().split() == [str(handle.extra["pid"])]


def test_every_failpoint_of_submit_is_killed_at() -> None:
    sources = [Path(process.__file__), Path(process.__file__).with_name("venv.py")]
    named = {part.partition('"')[0] for path in sources for part in path.read_text().split('failpoint("')[1:]}
    assert named == set(FAILPOINTS)


def test_a_start_under_way_is_neither_absent_nor_started_again(
    cache: Path, effects: Path, tmp_path: Path
) -> None:
    job, fired = request(effects), tmp_path / "fired"
    armed = os.environ | {"LADING_FAILPOINT": "venv.lock.after:stop", "LADING_FAILPOINT_FIRED": str(fired)}
    worker = subprocess.Popen(submitter(cache, job), env=armed, stdout=subprocess.PIPE)
    until(fired.exists)
    finder = subprocess.Popen(submitter(cache, job, "find(job.name)"), stdout=subprocess.PIPE)
    with pytest.raises(subprocess.TimeoutExpired):
        finder.wait(2)
    os.kill(worker.pid, signal.SIGCONT)
    assert finder.communicate() == worker.communicate()
    until(effects.exists)
    assert len(effects.read_text().split()) == 1


def test_a_submitter_that_comes_late_joins_the_job_that_ended_meanwhile(
    cache: Path, effects: Path, tmp_path: Path
) -> None:
    job, fired = request(effects), tmp_path / "fired"
    armed = os.environ | {"LADING_FAILPOINT": "venv.absent.after:stop", "LADING_FAILPOINT_FIRED": str(fired)}
    late = subprocess.Popen(submitter(cache, job), env=armed, stdout=subprocess.PIPE)
    until(fired.exists)
    handle = backend(cache).submit(job)
    ended(backend(cache), handle)
    os.kill(late.pid, signal.SIGCONT)
    assert late.communicate()[0].decode().strip() == handle.id
    assert len(effects.read_text().split()) == 1


def test_the_job_outlives_its_launcher_and_its_end_is_seen(
    cache: Path, effects: Path, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    job = request(effects, f"while not os.path.exists({str(go)!r}): time.sleep(0.02)")
    handle = backend(cache).submit(job)
    stat = Path(f"/proc/{handle.extra['pid']}/stat").read_text()
    os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)
    assert backend(cache).observe(handle).state is JobState.RUNNING
    go.touch()
    seen = ended(backend(cache), handle)
    assert (seen.state, seen.exit_code, seen.failure) == (JobState.ENDED, None, FailureClass.INFRA)


def test_a_killed_job_says_its_signal(cache: Path, effects: Path) -> None:
    handle = backend(cache).submit(request(effects, "os.kill(os.getpid(), signal.SIGKILL)"))
    seen = ended(backend(cache), handle)
    assert (seen.exit_code, seen.failure) == (-9, FailureClass.INFRA)
    assert "SIGKILL" in seen.reason


def test_cancel_ends_the_job_and_its_children_and_again_does_nothing(cache: Path, effects: Path) -> None:
    job = request(effects, "import subprocess; subprocess.Popen(['sleep', '60']); time.sleep(60)")
    mine = backend(cache)
    handle = mine.submit(job)
    until(lambda: effects.exists() and children(handle))
    grandchildren = children(handle)
    mine.cancel(handle, grace_s=5)
    mine.cancel(handle, grace_s=5)
    seen = mine.observe(handle)
    assert (seen.state, seen.exit_code, seen.failure) == (JobState.ENDED, -15, FailureClass.CANCELLED)
    until(lambda: not any(launcher.start_ticks(pid) for pid in grandchildren))


def test_what_a_job_leaves_behind_is_ended_with_it(cache: Path, effects: Path) -> None:
    left = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid); os._exit(3)"
    mine = backend(cache)
    handle = mine.submit(request(effects, left))
    assert ended(mine, handle).exit_code == 3
    (pid,) = map(int, list(mine.logs(handle, None))[1:])
    until(lambda: not launcher.start_ticks(pid))


def children(handle: JobHandle) -> list[int]:
    pid = handle.extra["pid"]
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_job_that_ignores_sigterm_is_killed_after_its_grace(cache: Path, effects: Path) -> None:
    ignoring = f"signal.signal(15, signal.SIG_IGN); open({str(effects)!r} + '.ready', 'w'); time.sleep(60)"
    mine = backend(cache)
    handle = mine.submit(request(effects, ignoring))
    until(Path(f"{effects}.ready").exists)
    mine.cancel(handle, grace_s=0.2)
    assert mine.observe(handle).exit_code == -9
    assert mine.observe(handle).failure is FailureClass.CANCELLED


def test_a_recycled_pid_is_never_signalled(cache: Path, effects: Path) -> None:
    mine = backend(cache)
    handle = mine.submit(request(effects, "time.sleep(60)"))
    folder = cache / "jobs" / handle.name
    bystander = subprocess.Popen(["sleep", "60"], start_new_session=True)
    record = {"host": socket.gethostname(), "pid": bystander.pid, "start": handle.extra["start"] + "0"}
    (folder / "record.json").write_text(json.dumps(record))
    process._signal(process.JobFolder(folder).record(), signal.SIGKILL)  # type: ignore[arg-type]
    with pytest.raises(subprocess.TimeoutExpired):
        bystander.wait(0.5)
    bystander.kill()
    bystander.wait()
    (folder / "record.json").write_text(json.dumps(dict(handle.extra)))
    mine.cancel(handle, grace_s=5)
    assert mine.observe(handle).exit_code == -15


def test_a_job_over_its_time_is_ended_without_any_worker(cache: Path, effects: Path) -> None:
    handle = backend(cache).submit(request(effects, "time.sleep(60)", timeout_s=0.5))
    seen = ended(backend(cache), handle)
    assert (seen.exit_code, seen.failure) == (-15, FailureClass.TIMEOUT)


def test_a_job_of_another_host_is_lost_and_both_hosts_are_named(cache: Path) -> None:
    handle = JobHandle("venv", "elsewhere:1:1", "f" * 40, extra={"host": "elsewhere", "pid": 1, "start": "1"})
    seen = backend(cache).observe(handle)
    assert seen.state is JobState.LOST
    assert "elsewhere" in seen.reason
    assert socket.gethostname() in seen.reason


def test_a_job_of_another_host_is_not_cancelled_silently(cache: Path, effects: Path) -> None:
    mine = backend(cache)
    handle = mine.submit(request(effects, "time.sleep(60)"))
    record = cache / "jobs" / handle.name / "record.json"
    record.write_text(json.dumps(dict(handle.extra) | {"host": "elsewhere"}))
    with pytest.raises(JobLost, match="elsewhere"):
        mine.cancel(handle, 1)
    record.write_text(json.dumps(dict(handle.extra)))
    mine.cancel(handle, 5)


def test_the_job_sees_a_private_folder_and_only_allowed_variables(
    cache: Path, effects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "cloud")
    monkeypatch.setenv("LC_TIME", "C")
    mine = backend(cache)
    do = "print(json.dumps([dict(os.environ), os.getcwd(), os.listdir('.'), sys.flags.isolated]))"
    handle = mine.submit(request(effects, do))
    ended(mine, handle)
    env, folder, files, isolated = json.loads(list(mine.logs(handle, None))[1])
    assert set(env) <= {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "LC_TIME", "LC_CTYPE", "LC_ALL"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "LD_LIBRARY_PATH"),
        *("EFFECT", "DO", "LADING_JOB_ID", "LADING_HANDOVER_FD", "VIRTUAL_ENV", "NO_PROXY", "no_proxy"),
        *("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"),
    }
    assert env["LADING_JOB_ID"] == handle.id
    assert env["LC_TIME"] == "C"
    assert (Path(folder).parent.name, files, isolated) == (handle.name, [], 1)
    until(lambda: not Path(folder).exists())


def test_cloud_credentials_go_along_only_where_the_store_is_remote(
    cache: Path, effects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "cloud")
    mine = backend(cache)
    local, remote = request(effects), request(effects, spec_uri="s3://bucket/spec.json")
    assert "AWS_SECRET_ACCESS_KEY" not in mine.render(local)["env"]  # type: ignore[operator]
    assert "AWS_SECRET_ACCESS_KEY" in mine.render(remote)["env"]  # type: ignore[operator]


def test_the_driver_of_a_remote_store_is_installed_with_the_requirements(cache: Path, effects: Path) -> None:
    mine = backend(cache)
    remote = {"spec_uri": "s3://bucket/spec.json"}

    def lines(**fields: object) -> object:
        return mine.render(request(effects, **fields))["environment"]["requirements"]  # type: ignore[index]

    assert lines(requirements=("pandas",), **remote) == ["obstore", "pandas"]
    assert lines(requirements=("obstore==0.10.1",), **remote) == ["obstore", "obstore==0.10.1"]
    assert lines(**remote) == ["obstore"]
    assert lines(requirements=("pandas",)) == ["pandas"]


@pytest.mark.parametrize("size", [3, 200_000])
def test_secrets_reach_the_job_through_a_pipe_and_nothing_else(cache: Path, effects: Path, size: int) -> None:
    secret = "s3cr3t" + "x" * size
    options = {"endpoint": "http://store", "secret_access_key": secret}
    mine = backend(cache, secrets=lambda: [secret], store_options=lambda: options)
    do = (
        "said = json.load(os.fdopen(int(os.environ['LADING_HANDOVER_FD'])))"
        "; sizes = [len(s) for s in [*said['mask'], *said['store'].values()]]"
        f"; sys.exit(5 if sizes == [{len(secret)}, 12, {len(secret)}] else 6)"
    )
    handle = mine.submit(request(effects, do))
    assert ended(mine, handle).exit_code == 5
    for path in (cache / "jobs" / handle.name).rglob("*"):
        assert not path.is_file() or b"s3cr3t" not in path.read_bytes()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"python": "3.12.1"}, "python"),
        ({"python": "2.7"}, "python"),
        ({"requirements": ["pandas>>2"]}, "requirements"),
        ({"requirements": ["absent.txt"]}, "requirements"),
    ],
)
def test_validate_finds_a_wrong_environment(
    cache: Path, effects: Path, fields: dict[str, object], field: str
) -> None:
    (problem,) = backend(cache).validate(request(effects, **fields))
    assert problem.field == field
    assert problem.cure


def test_render_is_pure_and_shows_no_credentials(tmp_path: Path, effects: Path) -> None:
    cache = tmp_path / "cache"
    job = request(effects, requirements=["--index-url https://me:hunter2@index.example/simple", "pandas>=2"])
    shown = json.dumps(backend(cache).render(job))
    assert "hunter2" not in shown
    assert "index.example" in shown
    assert not cache.exists()
