"""Requirements of steps in pods of a real cluster: what is installed, how often, and who sees what."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import cluster_node
from cluster_node import wait_until
from fakes.pod_worker import POLICY, PodDesk
from lading.backends.base import FailureClass, Worker
from lading.errors import ConfigError, JobLost
from lading.execution import Outcome
from lading.resources import Resources
from lading_runner import values
from lading_runner.store import ArtifactStore
from lading_runner.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lading_runner.contract import Result

    NewDesk = Callable[..., PodDesk]

pytestmark = pytest.mark.service("kubernetes")

SIX = ("six==1.17.0",)
FACTS = """
def run():
    import os, sys, time
    import six
    time.sleep({seconds})
    folder = os.path.dirname(six.__file__)
    try:
        open(os.path.join(folder, "written"), "w")
        writable = True
    except OSError:
        writable = False
    return {{
        "version": six.__version__, "folder": folder, "inode": os.stat(folder).st_ino, "writable": writable,
        "lock": os.path.exists("/lading/lock"), "others": sorted(os.listdir(folder)),
    }}
"""
QUICK, SLOW = FACTS.format(seconds=0), FACTS.format(seconds=4)
SLEEP = "def run():\n    import time\n    time.sleep(600)\n"
PASSWORD = "hunter2-of-the-index"


@pytest.fixture
def told() -> list[str]:
    """What the worker said of the locks that it made."""
    return []


@pytest.fixture
def new_desk(target: cluster_node.Cluster, tmp_path: Path, told: list[str]) -> NewDesk:
    """Of a step's code and keys of the target; all desks share the worker's cache."""

    def made(code: str, name: str = "one", **keys: Any) -> PodDesk:
        folder = tmp_path / f"{tmp_path.name}-{name}"
        folder.mkdir()
        return PodDesk(
            folder, target.space, code, keys, lend=Worker(cache=tmp_path / "cache", log=told.append)
        )

    return made


@pytest.fixture(params=["host_path", "pvc"])
def cache(
    request: pytest.FixtureRequest, target: cluster_node.Cluster, packages: Path
) -> Iterator[dict[str, str]]:
    """``packages`` as a target names it: by its path, or by a claim on it."""
    if request.param == "host_path":
        yield {"host_path": str(packages)}
        return
    claim, volume = "lading-packages", f"{target.space}-packages"
    common = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    whose = {"namespace": target.space, "name": claim}
    spec = {"capacity": {"storage": "1Gi"}, "hostPath": {"path": str(packages)}, "claimRef": whose}
    target.api.create_persistent_volume({"metadata": {"name": volume}, "spec": {**common, **spec}})
    asked = {"volumeName": volume, "resources": {"requests": {"storage": "1Gi"}}}
    body = {"metadata": {"name": claim}, "spec": {**common, **asked}}
    target.api.create_namespaced_persistent_volume_claim(target.space, body)
    yield {"pvc": claim}
    target.api.delete_namespaced_persistent_volume_claim(claim, target.space)
    target.api.delete_persistent_volume(volume)


def value(desk: PodDesk, result: Result) -> Any:
    return values.load(result.outputs["return_value"], ArtifactStore(LocalStore(str(desk.root))))


def relock(desk: PodDesk, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what the worker knows of the lock, as if the index had changed since."""
    assert desk.lend.cache is not None
    (file,) = (desk.lend.cache / "locks").glob("*.json")
    lock = json.loads(file.read_text())
    change(lock)
    file.write_text(json.dumps(lock))


def installer_log(target: cluster_node.Cluster, desk: PodDesk, **request: Any) -> tuple[str, Result]:
    """What the installer said before the step ran."""
    started = desk.worker(**request).start()
    assert started.handle is not None
    name = started.handle.extra["name"]
    assert wait_until(target.running, 90)
    return log_of_installer(target, name), desk.worker(**request).run()


def log_of_installer(target: cluster_node.Cluster, pod: str) -> str:
    asked = {"container": "lading-install", "_preload_content": False}
    return str(target.api.read_namespaced_pod_log(pod, target.space, **asked).data.decode())


def test_a_lock_is_installed_once_into_the_cache_and_read_by_later_pods(
    new_desk: NewDesk,
    target: cluster_node.Cluster,
    packages: Path,
    cache: dict[str, str],
    told: list[str],
) -> None:
    first, second = (new_desk(SLOW, name, package_cache=cache) for name in ("one", "two"))
    said, result = installer_log(target, first, requirements=SIX)
    assert "install 1 packages for Python 3.11 with " in said
    found = value(first, result)
    assert (found["version"], found["folder"]) == ("1.17.0", "/lading/packages")
    assert (found["writable"], found["lock"]) == (False, False)
    (folder,) = packages.iterdir()
    probes = [line for line in told if "tells which Python" in line]
    said, result = installer_log(target, second, requirements=SIX)
    assert said.strip() == f"lading: /lading/packages/{folder.name} has the 1 packages already"
    assert value(second, result) == found
    assert list(packages.iterdir()) == [folder]
    assert len(probes) == 1
    assert [line for line in told if "tells which Python" in line] == probes
    assert target.nothing_left()


def test_another_lock_has_another_folder_and_is_not_seen(
    new_desk: NewDesk, target: cluster_node.Cluster, packages: Path
) -> None:
    cache = {"package_cache": {"host_path": str(packages)}}
    found = []
    for name, lines in (("one", ("six==1.16.0",)), ("two", SIX)):
        desk = new_desk(QUICK, name, **cache)
        found.append(value(desk, desk.worker(requirements=lines).run()))
    assert [one["version"] for one in found] == ["1.16.0", "1.17.0"]
    assert all("six.py" in one["others"] and len(one["others"]) < 6 for one in found)
    assert len(list(packages.iterdir())) == 2
    assert target.nothing_left()


def test_pods_at_once_leave_one_whole_folder(
    new_desk: NewDesk, target: cluster_node.Cluster, packages: Path
) -> None:
    desks = [new_desk(QUICK, str(n), package_cache={"host_path": str(packages)}) for n in range(4)]
    found: list[Any] = []

    def work(desk: PodDesk) -> None:
        found.append(value(desk, desk.worker(requirements=SIX).run()))

    threads = [threading.Thread(target=work, args=(desk,)) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len({json.dumps(one) for one in found}) == 1
    assert len(list(packages.iterdir())) == 1
    assert target.nothing_left()


@pytest.mark.parametrize("kind", ["pod", "job"])
def test_without_a_cache_each_pod_installs_for_itself(
    new_desk: NewDesk, target: cluster_node.Cluster, kind: str
) -> None:
    desk = new_desk(SLOW, kind=kind)
    started = desk.worker(requirements=SIX).start()
    assert started.handle is not None
    (secret,) = target.secrets()
    (owner,) = secret.metadata.owner_references
    assert (owner.kind.lower(), owner.uid) == (kind, started.handle.id)
    result = desk.worker(requirements=SIX).run()
    assert value(desk, result)["version"] == "1.17.0"
    (end,) = desk.ends
    assert end.handle is not None
    assert end.handle.extra["environment"]["lock"].startswith("sha256:")
    assert any("the requirements are being installed in pod" in line for line in desk.said)
    assert target.made() == 2  # the probe, and the pod
    assert target.nothing_left()


def test_the_password_of_an_index_is_in_the_secret_alone(
    new_desk: NewDesk, target: cluster_node.Cluster, told: list[str]
) -> None:
    new_desk(QUICK, "zero").worker(requirements=SIX).run()
    desk = new_desk(SLOW)
    relock(desk, lambda lock: lock.update(options=[f"--index-url https://me:{PASSWORD}@pypi.org/simple"]))
    started = desk.worker(requirements=SIX).start()
    assert started.handle is not None
    (secret,) = target.secrets()
    name = started.handle.extra["name"]
    pod = target.api.read_namespaced_pod(name, target.space, _preload_content=False).data
    assert PASSWORD in base64.b64decode(secret.data["lock.txt"]).decode()
    assert secret.metadata.name.encode() in pod
    assert wait_until(target.running, 90)
    said = log_of_installer(target, name)
    assert value(desk, desk.worker(requirements=SIX).run())["version"] == "1.17.0"
    assert "install 1 packages" in said
    everything = [said, *told, *desk.said, *desk.printed, json.dumps(started.to_json())]
    everything += [path.read_text(errors="replace") for path in desk.folder.rglob("*") if path.is_file()]
    assert len(everything) > 10
    assert PASSWORD.encode() not in pod
    assert [text for text in everything if PASSWORD in text] == []
    assert target.nothing_left()


def wrong_hash(lock: dict[str, Any]) -> None:
    lock["lines"] = ["six==1.17.0 --hash=sha256:" + "0" * 64]


def no_such_package(lock: dict[str, Any]) -> None:
    lock["lines"] = ["lading-no-such-package==1.0 --hash=sha256:" + "0" * 64]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (wrong_hash, r"has other bytes of six==1\.17\.0 than the lock says; find out who changed them"),
        (
            no_such_package,
            r"has no lading-no-such-package==1\.0 that fits Python 3\.11 on .*; let the job reach",
        ),
    ],
)
def test_what_cannot_be_installed_is_an_error_of_configuration_that_names_it(
    new_desk: NewDesk,
    target: cluster_node.Cluster,
    packages: Path,
    change: Callable[[dict[str, Any]], None],
    message: str,
) -> None:
    new_desk(QUICK, "zero").worker(requirements=SIX).run()
    desk = new_desk(QUICK, package_cache={"host_path": str(packages)})
    relock(desk, change)
    with pytest.raises(ConfigError, match=message) as caught:
        desk.worker(requirements=SIX).run()
    assert "exit code 65" in str(caught.value).splitlines()[0]
    (end,) = desk.ends
    assert (end.observation.exit_code, end.verdict.failure) == (65, FailureClass.CONFIG)
    assert any("install 1 packages" in line for line in desk.printed)
    assert list(packages.iterdir()) == []
    assert target.nothing_left()


def test_requirements_that_do_not_exist_fail_before_there_is_a_pod(
    new_desk: NewDesk, target: cluster_node.Cluster
) -> None:
    with pytest.raises(ConfigError, match=r"cannot resolve six==99\.0 .*; "):
        new_desk(QUICK).worker(requirements=("six==99.0",)).run()
    assert target.nothing_left()


def test_a_python_that_the_image_does_not_have_is_named_with_the_cure(
    new_desk: NewDesk, target: cluster_node.Cluster, told: list[str]
) -> None:
    with pytest.raises(
        ConfigError, match=r"python='3\.12', but the image has Python 3\.11 on linux-x86_64; use"
    ):
        new_desk(QUICK).worker(requirements=SIX, python="3.12").run()
    assert told
    told.clear()
    desk = new_desk(QUICK, "two", platform="linux-x86_64")
    with pytest.raises(
        ConfigError, match=r"this image has Python 3\.11 .* chosen for Python 3\.12 .*; set python="
    ):
        desk.worker(requirements=SIX, python="3.12").run()
    assert not [line for line in told if "tells which Python" in line]
    assert desk.ends[0].observation.exit_code == 65
    assert target.nothing_left()


def test_a_tag_that_moved_to_another_python_costs_one_failure(
    new_desk: NewDesk, target: cluster_node.Cluster
) -> None:
    desk = new_desk(QUICK, "zero")
    desk.worker(requirements=SIX).run()
    assert desk.lend.cache is not None
    (known,) = (desk.lend.cache / "images").glob("*.json")
    known.write_text(json.dumps({"python": "3.12", "platform": "linux-x86_64"}))
    with pytest.raises(ConfigError, match=r"this image has Python 3\.11 .* chosen for Python 3\.12"):
        new_desk(QUICK).worker(requirements=SIX).run()
    again = new_desk(QUICK, "again")
    assert value(again, again.worker(requirements=SIX).run())["version"] == "1.17.0"
    assert target.nothing_left()


def test_a_cache_that_cannot_be_written_is_named(
    new_desk: NewDesk, target: cluster_node.Cluster, packages: Path
) -> None:
    packages.chmod(0o755)
    desk = new_desk(QUICK, package_cache={"host_path": str(packages)})
    with pytest.raises(
        ConfigError, match=r"/lading/packages cannot be written \(Permission denied\); mount a"
    ):
        desk.worker(requirements=SIX).run()
    assert target.nothing_left()


def test_an_installer_without_enough_memory_is_out_of_memory(
    new_desk: NewDesk, target: cluster_node.Cluster
) -> None:
    desk = new_desk(QUICK)
    with pytest.raises(JobLost, match=r"it used all of its memory limit of 8 MiB.*give the step more memory"):
        desk.worker(requirements=SIX, resources=Resources(memory="8MiB")).run()
    assert desk.ends[0].verdict.failure is FailureClass.OOM
    assert target.nothing_left()


def test_a_pod_that_somebody_deletes_takes_its_secret_along(
    new_desk: NewDesk, target: cluster_node.Cluster
) -> None:
    desk = new_desk(SLEEP)
    started = desk.worker(requirements=SIX).start()
    assert started.handle is not None
    assert len(target.secrets()) == 1
    target.api.delete_namespaced_pod(started.handle.extra["name"], target.space, grace_period_seconds=0)
    assert wait_until(lambda: not target.secrets(), 60)
    desk.worker(requirements=SIX).cancel()
    assert [end.verdict.outcome for end in desk.ends] == [Outcome.CANCELLED]


def test_a_job_is_cancelled_while_its_requirements_are_installed(
    new_desk: NewDesk, target: cluster_node.Cluster
) -> None:
    new_desk(QUICK, "zero").worker(requirements=SIX).run()
    desk = new_desk(QUICK, grace_s=300)
    nobody = [f"https://10.250.0.{last}:9/simple" for last in range(240, 255)]  # each is tried for some time
    options = [f"--index-url {nobody[0]}", *(f"--extra-index-url {url}" for url in nobody[1:])]
    relock(desk, lambda lock: lock.update(options=options))
    started = desk.worker(requirements=SIX).start()
    assert started.handle is not None
    handle, pod = started.handle, started.handle.extra["name"]
    assert wait_until(lambda: "being installed" in desk.backend.observe(handle).reason, 60)
    assert wait_until(lambda: "Retrying" in log_of_installer(target, pod), 60)
    desk.policy = replace(POLICY, grace_s=300)
    desk.worker(requirements=SIX).cancel()
    assert target.left_behind(within_s=120) == []  # not its grace: a busy node alone takes half a minute
    assert wait_until(lambda: not target.secrets(), 30)
    assert desk.ends[0].verdict.outcome is Outcome.CANCELLED


def test_an_index_that_does_not_answer_is_tried_again_within_the_budget(
    new_desk: NewDesk, target: cluster_node.Cluster
) -> None:
    new_desk(QUICK, "zero").worker(requirements=SIX).run()
    desk = new_desk(QUICK)
    desk.policy = replace(POLICY, infra_retries=1)
    relock(desk, lambda lock: lock.update(options=["--index-url http://127.0.0.1:9/simple"]))
    with pytest.raises(
        JobLost, match="the package index does not answer or the disk is full; check the network"
    ):
        desk.worker(requirements=SIX).run()
    assert [end.verdict.failure for end in desk.ends] == [FailureClass.INFRA] * 2
    assert target.nothing_left()
