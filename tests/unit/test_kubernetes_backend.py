"""Submitting, finding, cancelling and removing, at an API server in memory; and what refusals mean."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fakes.kubernetes_api import FakeApi
from kubernetes_requests import JOB, REMOTE, backend
from lading.backends.base import FailureClass, JobState, Observation
from lading.backends.kubernetes.names import pod_name
from lading.errors import ConfigError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lading.backends.base import JobRequest
    from lading.backends.kubernetes import KubernetesBackend

USER = 'pods is forbidden: User "system:serviceaccount:ml:airflow" cannot create resource "pods"'


@pytest.fixture
def api() -> Iterator[FakeApi]:
    made = FakeApi()
    yield made
    made.close()


@pytest.fixture
def here(api: FakeApi, tmp_path: Path) -> KubernetesBackend:
    return backend(config_file=api.configuration(tmp_path / "config"))


def path(name: str = JOB.name, space: str = "ml") -> str:
    return f"/api/v1/namespaces/{space}/pods/{pod_name(name)}"


def test_two_submissions_of_one_name_are_one_pod(api: FakeApi, here: KubernetesBackend) -> None:
    first, second = here.submit(REMOTE), here.submit(REMOTE)
    assert first == second == here.find(REMOTE.name)
    assert first.id == api.objects[path()]["metadata"]["uid"]
    assert [key for key in api.objects if "/pods/" in key] == [path()]
    assert len([key for key in api.objects if "/configmaps/" in key]) == 1


def test_nothing_of_that_name_is_found_where_nothing_is(here: KubernetesBackend) -> None:
    assert here.find(REMOTE.name) is None


@pytest.mark.parametrize(("given", "expected"), [("team", "team"), (None, "default")])
def test_the_namespace_is_that_of_the_context(
    api: FakeApi, tmp_path: Path, given: str | None, expected: str
) -> None:
    one = backend(config_file=api.configuration(tmp_path / "config", given))
    assert one.submit(REMOTE).extra["namespace"] == expected
    assert path(space=expected) in api.objects


def test_the_target_s_namespace_outranks_it(api: FakeApi, tmp_path: Path) -> None:
    one = backend(config_file=api.configuration(tmp_path / "config"), namespace="own")
    assert one.submit(REMOTE).extra["namespace"] == "own"


def test_a_pod_that_another_has_the_name_of_is_gone_and_left_alone(
    api: FakeApi, here: KubernetesBackend
) -> None:
    handle = here.submit(REMOTE)
    api.objects[path()]["metadata"]["uid"] = "another"
    assert here.observe(handle).state is JobState.LOST
    here.cancel(handle, 30)
    here.remove(handle, failed=False)
    assert path() in api.objects


def test_cancelling_asks_with_the_grace_that_was_given(api: FakeApi, here: KubernetesBackend) -> None:
    handle = here.submit(REMOTE)
    api.objects[path()]["status"] = {"phase": "Running"}
    here.cancel(handle, 12.4)
    here.cancel(handle, 12.4)
    deletions = [body for method, _, body in api.seen if method == "DELETE"]
    assert [(d["gracePeriodSeconds"], d["preconditions"]) for d in deletions] == [(12, {"uid": handle.id})]
    seen = here.observe(handle)
    assert (seen.state, seen.failure) == (JobState.LOST, FailureClass.INFRA)


def test_a_pod_that_ended_is_not_cancelled(api: FakeApi, here: KubernetesBackend) -> None:
    handle = here.submit(REMOTE)
    api.objects[path()]["status"] = {"phase": "Succeeded"}
    here.cancel(handle, 30)
    assert path() in api.objects


@pytest.mark.parametrize(
    ("keep", "failed", "phase", "kept"),
    [
        ("failed", True, "Failed", True),
        ("failed", False, "Succeeded", False),
        ("failed", True, "Pending", False),
        ("never", True, "Failed", False),
    ],
)
def test_what_is_kept(api: FakeApi, tmp_path: Path, keep: str, failed: bool, phase: str, kept: bool) -> None:
    one = backend(config_file=api.configuration(tmp_path / "config"), keep=keep)
    handle = one.submit(REMOTE)
    api.objects[path()]["status"] = {"phase": phase}
    one.remove(handle, failed=failed)
    one.remove(handle, failed=failed)
    assert (path() in api.objects) == kept
    deletions = [body for method, _, body in api.seen if method == "DELETE"]
    assert [d["gracePeriodSeconds"] for d in deletions] == ([] if kept else [0])


@pytest.mark.parametrize(
    ("status", "message", "kind", "words"),
    [
        (429, "too many requests", TransientError, "429"),
        (500, "etcdserver: request timed out", TransientError, "request timed out"),
        (503, "apiserver is shutting down", TransientError, "503"),
        (403, USER, ConfigError, r"may not create configmaps in namespace 'ml': .*give that account a Role"),
        (403, "forbidden: exceeded quota: small", TransientError, "exceeded quota: small"),
        (403, 'violates PodSecurity "restricted:latest"', ConfigError, "correct the step or its target"),
        (404, 'namespaces "ml" not found', ConfigError, "create namespace 'ml'"),
        (422, 'Pod "x" is invalid: spec.x', ConfigError, "spec.x; correct the step"),
        (400, "unknown field", ConfigError, "unknown field"),
    ],
)
def test_what_a_refusal_means(
    api: FakeApi, here: KubernetesBackend, status: int, message: str, kind: type[Exception], words: str
) -> None:
    api.refusals.append((status, message))
    with pytest.raises(kind, match=words):
        here.submit(REMOTE)
    assert not api.refusals


def test_new_credentials_are_read_where_the_old_ones_are_refused(api: FakeApi, tmp_path: Path) -> None:
    file = api.configuration(tmp_path / "config")
    one = backend(config_file=file)
    one.find(REMOTE.name)
    api.configuration(tmp_path / "config", token="second")
    api.refusals.append((401, "Unauthorized"))
    handle = one.submit(REMOTE)
    assert one.observe(handle).state is JobState.QUEUED
    assert api.tokens[0] == "Bearer first"
    assert api.tokens[-1] == "Bearer second"
    api.refusals += [(401, "Unauthorized")] * 2
    with pytest.raises(ConfigError, match="does not take the credentials"):
        one.find(REMOTE.name)


def test_silence_is_no_answer(api: FakeApi, here: KubernetesBackend) -> None:
    handle = here.submit(REMOTE)
    api.silent = True
    for call in (
        lambda: here.observe(handle),
        lambda: here.find(REMOTE.name),
        lambda: here.cancel(handle, 1),
        lambda: here.submit(REMOTE),
    ):
        with pytest.raises(TransientError, match="does not answer"):
            call()


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing.*set KUBECONFIG or config_file"):
        backend(config_file=str(tmp_path / "missing")).find(REMOTE.name)


def test_without_the_right_to_events_a_pod_is_waited_for_all_the_same(
    api: FakeApi, here: KubernetesBackend
) -> None:
    handle = here.submit(REMOTE)
    api.forbidden = "/events"
    seen = here.observe(handle)
    assert seen.state is JobState.QUEUED
    assert "may not list events" in seen.reason


def test_a_job_is_made_found_and_deleted_with_its_pods(api: FakeApi, tmp_path: Path) -> None:
    one = backend(config_file=api.configuration(tmp_path / "config"), kind="job")
    handle = one.submit(REMOTE)
    assert handle.extra["kind"] == "job"
    assert one.find(REMOTE.name) == handle
    assert one.observe(handle) == Observation(
        JobState.QUEUED, reason=f"Job {pod_name(JOB.name)} has no pod yet"
    )
    one.remove(handle, failed=False)
    assert one.find(REMOTE.name) is None
    assert api.seen[-2][2]["propagationPolicy"] == "Foreground"


KNOWN = {"platform": "linux-x86_64"}  # with python= of the job: nothing has to be asked


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobRequest:
    """A job with a lock that needs no tool: it holds no package."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:hunter2@index.acme.example/simple")
    store = f"file://{tmp_path}/store"
    return replace(JOB, requirements=("--prefer-binary",), python="3.12", store_root=store)


def secrets(api: FakeApi) -> dict[str, dict[str, Any]]:
    return {key.rpartition("/")[2]: made for key, made in api.objects.items() if "/secrets/" in key}


@pytest.mark.parametrize("kind", ["pod", "job"])
def test_the_lock_goes_into_a_secret_that_lives_as_long_as_its_job(
    api: FakeApi, tmp_path: Path, locked: JobRequest, kind: str
) -> None:
    mount = {"host_path": str(tmp_path / "store")}
    one = backend(config_file=api.configuration(tmp_path / "config"), kind=kind, mount=mount, **KNOWN)
    handle = one.submit(locked)
    assert one.submit(locked) == handle == one.find(locked.name)
    ((name, secret),) = secrets(api).items()
    assert name.startswith(pod_name(locked.name))
    assert secret["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "v1" if kind == "pod" else "batch/v1",
            "kind": kind.capitalize(),
            "name": pod_name(locked.name),
            "uid": handle.id,
        }
    ]
    assert b"# lading lock: python 3.12" in base64.b64decode(secret["data"]["lock.txt"])
    assert b"hunter2" in base64.b64decode(secret["data"]["pip.conf"])
    rest = [str(made) for key, made in api.objects.items() if "/secrets/" not in key]
    assert len(rest) == 2
    assert not [text for text in rest if "hunter2" in text]
    assert handle.extra["environment"]["lock"].startswith("sha256:")
    one.remove(handle, failed=False)
    one.remove(handle, failed=False)
    assert secrets(api) == {}


def test_a_secret_that_cannot_be_given_away_is_withdrawn_with_its_pod(
    api: FakeApi, tmp_path: Path, locked: JobRequest
) -> None:
    mount = {"host_path": str(tmp_path / "store")}
    one = backend(config_file=api.configuration(tmp_path / "config"), mount=mount, **KNOWN)
    api.forbidden = "PATCH"
    with pytest.raises(
        ConfigError, match=r"may not patch secrets in namespace 'ml': .*give that account a Role"
    ):
        one.submit(locked)
    assert [method for method, _, _ in api.seen].count("PATCH") == 1
    assert [key for key in api.objects if "/configmaps/" not in key] == []


def test_a_secret_of_the_user_s_own_is_never_taken_for_the_job_s(api: FakeApi, tmp_path: Path) -> None:
    mine = {"spec": {"volumes": [{"name": "lading-lock", "secret": {"secretName": "mine"}}]}}
    one = backend(config_file=api.configuration(tmp_path / "config"), pod_override=mine)
    handle = one.submit(REMOTE)
    assert "mine" in str(api.objects[path()]["spec"]["volumes"])
    assert "secret" not in handle.extra


def test_what_is_observed_survives_its_way_to_the_worker() -> None:
    seen = Observation(JobState.ENDED, 3, "x", FailureClass.OOM, {"image": "a@sha256:b"})
    assert Observation.from_json(seen.to_json()) == seen
    old = {name: value for name, value in seen.to_json().items() if name != "environment"}
    assert Observation.from_json(old).environment == {}
