"""Jobs in containers of a real Docker engine: what they are given, how they end, and what is said of it."""

from __future__ import annotations

import json
import os
import signal
import sysconfig
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import docker_engine
from cluster_node import wait_until
from docker_engine import Desk, api
from fakes.registry import registry
from lading.backends.base import Connection, FailureClass, Worker
from lading.errors import ConfigError, JobLost, LadingError, StepFailed
from lading.resources import Resources
from lading.testing import steps

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.service("docker")


@pytest.fixture(autouse=True, scope="module")
def engine() -> None:
    docker_engine.require()


def facts(n: int) -> dict[str, Any]:
    import os
    import sys
    from pathlib import Path

    print("hello from the container")
    status = Path("/proc/self/status").read_text()
    caps = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff"))
    privileges = next(line.split()[1] for line in status.splitlines() if line.startswith("NoNewPrivs"))

    def writable(path: str) -> bool:
        try:
            Path(path, "probe").write_text("x")
        except OSError:
            return False
        return True

    places = ["/", "/usr", "/lading/store", "/lading/store/blobs", "/tmp", os.environ["HOME"], os.getcwd()]
    return {
        "n": n,
        "uid": os.getuid(),
        "capabilities": int(caps, 16),
        "no_new_privileges": privileges,
        "first_process": Path("/proc/1/comm").read_text().strip(),
        "writable": [place for place in places if writable(place)],
        "python": sys.version_info[:2] >= (3, 9),
        "greeting": os.environ.get("GREETING"),
    }


def test_a_job_has_no_privileges_and_writes_only_where_it_may(tmp_path: Path) -> None:
    desk = Desk(tmp_path, facts, {"n": 7}, env={"GREETING": 'h\'i "there" $HOME äö'})
    result = desk.run()
    found = desk.value(result)
    assert found == {
        "n": 7,
        "uid": 65534,
        "capabilities": 0,
        "no_new_privileges": "1",
        "first_process": "docker-init",
        "writable": ["/tmp", "/lading/work", "/lading/work"],
        "python": True,
        "greeting": 'h\'i "there" $HOME äö',
    }
    assert desk.lines == ["hello from the container"]
    assert desk.containers() == []
    assert desk.ended[0].handle is not None
    assert "sha256:" in desk.ended[0].handle.extra["environment"]["image"]
    assert result.profile["cpu_s"] > 0
    assert result.profile["peak_rss_bytes"] > 1 << 20


def limits() -> dict[str, Any]:
    import os
    from pathlib import Path

    def read(*places: str) -> str:
        return next(Path(place).read_text().strip() for place in places if Path(place).exists())

    quota = read("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us").split()
    period = quota[1] if len(quota) > 1 else read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    shm = os.statvfs("/dev/shm")
    return {
        "cpu": int(quota[0]) / int(period),
        "memory": int(read("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")),
        "shm": shm.f_frsize * shm.f_blocks,
    }


def test_limits_are_real(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limits, resources=Resources(cpu=0.5, memory="200MiB", shm="24MiB"))
    assert desk.value(desk.run()) == {"cpu": 0.5, "memory": 200 << 20, "shm": 24 << 20}


def with_packages() -> list[str]:
    import sys

    import six

    return [six.__version__, six.__file__, str("pip" in sys.modules)]


def test_requirements_are_installed_once_and_shared(tmp_path: Path) -> None:
    told: list[str] = []
    lend = Worker(cache=tmp_path / "cache", log=told.append)
    made = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        desk = Desk(folder, with_packages, requirements=("six==1.16.0",), lend=lend)
        begun = len(told)
        found = desk.value(desk.run())
        assert found[:2] == ["1.16.0", "/opt/lading/packages/six.py"]
        made.append(any("make an image" in line for line in told[begun:]))
        assert desk.ended[0].handle is not None
        assert desk.ended[0].handle.extra["environment"]["lock"].startswith("sha256:")
    assert made[1] is False
    # of other tests at the same time, too
    assert wait_until(lambda: api().containers(all=True, filters={"label": "lading.builder"}) == [], 60)


def test_requirements_that_do_not_exist_fail_at_once(tmp_path: Path) -> None:
    lend = Worker(cache=tmp_path / "cache")
    desk = Desk(tmp_path, with_packages, requirements=("six==99.0",), lend=lend)
    with pytest.raises(ConfigError, match=r"six==99\.0"):
        desk.run()
    assert desk.created() == []


def test_a_value_that_cannot_be_stored_is_the_user_s(tmp_path: Path) -> None:
    desk = Desk(tmp_path, unstorable)
    with pytest.raises(
        StepFailed,
        match=r"SerializationError: return_value is of type function.*return one of these",
    ):
        desk.run()
    assert desk.ended[-1].verdict.failure is FailureClass.USER
    assert desk.containers() == []


def first_line(desk: Desk, kind: type[LadingError]) -> str:
    """Of the error that a user sees; nothing of the job is left on the engine."""
    with pytest.raises(kind) as failed:
        desk.run()
    assert desk.containers() == []
    return str(failed.value).splitlines()[0]


def test_memory_that_runs_out_is_told_with_the_limit_and_the_cure(tmp_path: Path) -> None:
    first = first_line(Desk(tmp_path, steps.fill_memory, resources=Resources(memory="64MiB")), JobLost)
    assert first.startswith("killed by the kernel: it used all of its memory limit of 64 MiB (its peak)")
    assert first.endswith("give the step more memory")


def outlive_a_child_without_memory() -> list[int]:
    """How a child ended that took all that there is, the peak of the container, and its limit."""
    import subprocess
    import sys
    from pathlib import Path

    first = "from pathlib import Path; Path('/proc/self/oom_score_adj').write_text('1000')"  # not its parent
    taken = "held = [bytearray(b'x' * 4096) for _ in range(1 << 30)]"
    child = subprocess.run([sys.executable, "-c", f"{first}\n{taken}"], check=False)
    new, old = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory")
    if (old / "memory.limit_in_bytes").exists():
        files = (old / "memory.max_usage_in_bytes", old / "memory.limit_in_bytes")
    else:
        files = (new / "memory.peak", new / "memory.max")
    return [child.returncode, *(int(file.read_text()) for file in files)]


def test_the_peak_of_memory_that_ran_out_is_the_limit(tmp_path: Path) -> None:
    """What is said of a job that the kernel killed, and that nobody is left to measure."""
    desk = Desk(tmp_path, outlive_a_child_without_memory, resources=Resources(memory="64MiB"))
    code, peak, limit = desk.value(desk.run())
    assert code == -signal.SIGKILL
    assert limit == 64 << 20
    assert abs(limit - peak) < 1 << 20


def test_an_exit_by_the_step_is_told_with_its_code(tmp_path: Path) -> None:
    first = first_line(Desk(tmp_path, steps.call_exit), StepFailed)
    assert "sys.exit(3)" in first
    assert "raise an exception" in first


def test_another_python_than_asked_for_is_told_with_both_and_the_cure(tmp_path: Path) -> None:
    desk = Desk(tmp_path, steps.one)
    desk.spec = {"python": "==3.8.*"}
    first = first_line(desk, ConfigError)
    assert "3.8" in first
    assert "3.11" in first
    assert "give the step an image or environment with that Python" in first


def test_a_container_that_ends_well_and_says_nothing_is_no_success(tmp_path: Path) -> None:
    desk = Desk(tmp_path, steps.leave, policy=replace(docker_engine.POLICY, infra_retries=0))
    first = first_line(desk, JobLost)
    assert "ended without a result (exit code 0" in first
    assert "os._exit() instead of returning" in first


def raises() -> None:
    raise LookupError("no such customer")


def unstorable() -> Any:
    return lambda: 1


def test_the_traceback_in_the_log_is_the_users(tmp_path: Path) -> None:
    desk = Desk(tmp_path, raises)
    with pytest.raises(StepFailed):
        desk.run()
    text = (tmp_path / "store" / desk.job(desk.ended[0].attempt).folder / "result.json").read_text()
    assert "test_docker.py" in text
    assert "lading_runner" not in text.partition('"traceback"')[2].partition('"type"')[0]


def test_an_image_that_does_not_exist_fails_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, facts, {"n": 1}, image="lading/no-such-image:1")
    begun = time.monotonic()
    with pytest.raises(ConfigError, match=r"\Aimage 'lading/no-such-image:1' .*cannot be pulled.*check its"):
        desk.run()
    assert time.monotonic() - begun < 30
    assert desk.created() == []


@pytest.fixture(scope="module")
def without_python() -> str:
    """An image that holds one file."""
    import io
    import tarfile

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("etc/empty"), io.BytesIO())
    api().import_image_from_data(out.getvalue(), repository="lading/without-python", tag="test")
    return "lading/without-python:test"


def test_an_image_without_python_is_named_with_the_cure(tmp_path: Path, without_python: str) -> None:
    desk = Desk(tmp_path, facts, {"n": 1}, image=without_python)
    first = first_line(desk, ConfigError)
    assert first.startswith("image ")
    assert "has no 'python3'; use an image with Python 3.9 or later" in first


def tells_secrets() -> str:
    import os

    print("the token is", os.environ["TOKEN"])
    return "told"


def test_secrets_reach_the_job_and_nothing_else(tmp_path: Path) -> None:
    secret, other = "s3cr3t-t0ken-of-a-connection", "another-secret-of-the-worker"
    lend = Worker(
        connection=lambda name: Connection(password=secret), secrets=lambda: [other], store_options=dict
    )
    desk = Desk(tmp_path, tells_secrets, target={"secret_env": {"TOKEN": "hub"}, "keep": "failed"}, lend=lend)
    seen = []
    submit = desk.worker()
    started = submit.start()
    assert started.handle is not None
    seen.append(str(api().inspect_container(started.handle.id)))
    result = submit.finish(submit.wait(started))
    assert desk.value(result) == "told"
    assert desk.lines == ["the token is ***"]
    files = [path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()]
    everything = "".join([*seen, str(started.to_json()), repr(desk.ended)]) + repr(files)
    assert "TOKEN" not in seen[0]
    assert secret not in everything
    assert other not in everything


def test_a_failed_container_is_kept_when_asked(tmp_path: Path) -> None:
    desk = Desk(tmp_path, raises, target={"keep": "failed"})
    with pytest.raises(StepFailed):
        desk.run()
    (kept,) = desk.containers()
    api().remove_container(kept["Id"], v=True)


def test_a_worker_in_a_container_starts_jobs_beside_it(tmp_path: Path) -> None:
    """Through the socket of the engine that it runs on, which does not see the worker's files."""
    url = urlsplit(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    if url.scheme != "unix":
        pytest.skip(f"the engine has no socket to mount: {url.geturl()}")
    store, libraries = tmp_path / "store", sysconfig.get_path("purelib")
    store.mkdir()
    binds = [f"{ROOT}:{ROOT}:ro", f"{libraries}:{libraries}:ro", f"{store}:/store", f"{url.path}:{url.path}"]
    path = [ROOT / "provider" / "src", ROOT / "tests", ROOT, libraries]
    made = api().create_container(
        docker_engine.IMAGE,
        ["python3", f"{ROOT}/tests/fakes/docker_worker.py", "/store", str(store)],
        environment={"PYTHONPATH": ":".join(map(str, path)), "DOCKER_HOST": url.geturl()},
        host_config=api().create_host_config(binds=binds),
    )["Id"]
    try:
        api().start(made)
        code = api().wait(made, timeout=120)["StatusCode"]
        printed = api().logs(made).decode()
    finally:
        api().remove_container(made, force=True)
    assert code == 0, printed
    told = json.loads(printed.splitlines()[-1])
    assert told["refused"] == ["store"]
    assert told["value"] == 1


def test_an_image_by_its_id_is_run_and_recorded(tmp_path: Path) -> None:
    known = api().inspect_image(docker_engine.IMAGE)
    desk = Desk(tmp_path, steps.one, image=known["Id"])
    assert desk.value(desk.run()) == 1
    assert recorded(desk) in [*known["RepoDigests"], known["Id"]]


def test_an_image_by_its_digest_is_pulled_run_and_recorded(tmp_path: Path) -> None:
    with registry(b"".join(api().get_image(docker_engine.IMAGE))) as name:
        desk = Desk(tmp_path, steps.one, image=name)
        try:
            assert desk.value(desk.run()) == 1
            known = api().inspect_image(name)["RepoDigests"]
        finally:
            api().remove_image(name)
    assert name in known
    assert recorded(desk) in known


def recorded(desk: Desk) -> str:
    """The image, as the evidence of the first generation names it."""
    handle = desk.ended[0].handle
    assert handle is not None
    return str(handle.extra["environment"]["image"])
