"""What ``lading doctor`` says of a platform's room, against what the platform then does."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import cluster_node
import docker_engine
from cluster_node import wait_until
from kubernetes_requests import JOB
from lading.backends.base import Finding, Worker
from lading.backends.docker import DockerBackend
from lading.backends.kubernetes import KubernetesBackend
from lading.config import Target
from lading.errors import ConfigError
from lading.resources import Resources

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = docker_engine.IMAGE
SMALL = Resources(cpu=0.25, memory="64MiB")
BETWEEN = {"type": "Container", "min": {"cpu": "100m"}, "max": {"cpu": "500m", "memory": "1Gi"}}
DEFAULTS = {"type": "Container", "default": {"cpu": "300m"}, "defaultRequest": {"cpu": "200m"}}
WHOLE = {"type": "Pod", "max": {"memory": "128Mi"}}


@pytest.fixture
def space(request: pytest.FixtureRequest) -> Iterator[str]:
    cluster_node.require()
    with cluster_node.namespace(f"lading-room-{os.getpid()}-{abs(hash(request.node.name)) % 10**6}") as name:
        yield name


def backend(space: str, **keys: Any) -> KubernetesBackend:
    keys = {"namespace": space, "user": "1000:1000", **keys}
    return KubernetesBackend.configured(Target("kubernetes", "kubernetes", extra=keys), Worker())


def restrict(space: str, hard: dict[str, str], limits: dict[str, Any] | None) -> None:
    """Returns once the cluster holds to it."""
    api = cluster_node.core()
    if hard:
        api.create_namespaced_resource_quota(space, {"metadata": {"name": "ours"}, "spec": {"hard": hard}})
    if limits:
        api.create_namespaced_limit_range(
            space, {"metadata": {"name": "sizes"}, "spec": {"limits": [limits]}}
        )

    def counted() -> bool:
        quotas = api.list_namespaced_resource_quota(space).items
        return all(quota.status.used is not None for quota in quotas)

    assert wait_until(counted, 30)


def admitted(space: str, made: Any) -> bool:
    from kubernetes.client import ApiException

    api = cluster_node.core()

    def account() -> bool:
        return bool(api.list_namespaced_service_account(space).items)

    assert wait_until(account, 30)
    try:
        api.create_namespaced_pod(space, made, dry_run="All")
    except ApiException as e:
        if e.status != 403:
            raise
        return False
    return True


@pytest.mark.service("kubernetes")
@pytest.mark.parametrize(
    ("hard", "limits", "asked", "said"),
    [
        ({"requests.cpu": "1"}, None, SMALL, None),
        ({"requests.cpu": "200m"}, None, SMALL, "requests.cpu: the step asks 0.25, 0.2 is left"),
        ({"cpu": "200m"}, None, SMALL, "cpu: the step asks 0.25, 0.2 is left"),
        ({"memory": "1Gi"}, None, SMALL, None),
        ({"limits.memory": "32Mi"}, None, SMALL, "limits.memory: the step asks 64 MiB, 32 MiB is left"),
        ({"requests.cpu": "4"}, None, Resources(), "requests.cpu is demanded of each pod"),
        ({"limits.cpu": "200m"}, DEFAULTS, Resources(), "limits.cpu: the step asks 0.3, 0.2 is left"),
        ({"requests.cpu": "250m"}, DEFAULTS, Resources(), None),
        ({"pods": "0"}, None, SMALL, "pods: none is left"),
        ({"configmaps": "5", "services": "0"}, None, SMALL, None),
        ({"requests.ephemeral-storage": "1Gi"}, None, SMALL, None),
        ({}, BETWEEN, SMALL, None),
        ({}, BETWEEN, Resources(cpu=0.05), "cpu: a container has to ask 0.1 at least; the step asks 0.05"),
        ({}, BETWEEN, Resources(cpu=1), "cpu 1 is more than a container may have, 0.5"),
        ({}, BETWEEN, Resources(memory="2GiB"), "memory 2 GiB is more than a container may have, 1 GiB"),
        ({}, WHOLE, Resources(memory="64MiB"), None),
        ({}, WHOLE, Resources(memory="256MiB"), "memory 256 MiB is more than a pod may have, 128 MiB"),
        ({}, WHOLE, Resources(), "a pod needs a limit of memory, 128 MiB at most; the step has none"),
    ],
)
def test_a_namespace_admits_a_pod_exactly_where_its_quotas_and_limits_are_said_to(
    space: str, hard: dict[str, str], limits: dict[str, Any] | None, asked: Resources, said: str | None
) -> None:
    restrict(space, hard, limits)
    job = replace(JOB, image=IMAGE, resources=asked, store_root="s3://bucket")
    found = list(backend(space).room(job))
    refusals = [f for f in found if f.ok is False]
    assert admitted(space, backend(space).render(job)) is (not refusals)
    if said is None:
        assert refusals == []
    else:
        (refusal,) = refusals
        assert said in refusal.detail
        assert '"resources" of the target' in refusal.cure


@pytest.mark.service("kubernetes")
def test_a_quota_is_told_with_what_others_use_of_it(space: str) -> None:
    restrict(space, {"requests.cpu": "4", "requests.memory": "1Gi", "pods": "2"}, None)
    container = {"name": "c", "image": IMAGE, "resources": {"requests": {"cpu": "3", "memory": "64Mi"}}}
    never = {"kubernetes.io/hostname": "nowhere"}
    api = cluster_node.core()
    assert wait_until(lambda: bool(api.list_namespaced_service_account(space).items), 30)
    api.create_namespaced_pod(
        space, {"metadata": {"name": "other"}, "spec": {"containers": [container], "nodeSelector": never}}
    )

    def room(cpu: float) -> Finding:
        job = replace(JOB, resources=Resources(cpu=cpu, memory="64MiB"), store_root="s3://bucket")
        return next(f for f in backend(space).room(job) if f.name == "quota ours")

    assert wait_until(lambda: "requests.cpu 3 of 4 used" in room(1).detail, 30), room(1)
    assert room(1).ok
    assert "pods 1 of 2 used" in room(1).detail
    assert room(1.5).ok is False
    assert "requests.cpu: the step asks 1.5, 1 is left" in room(1.5).detail


@pytest.mark.service("kubernetes")
@pytest.mark.parametrize(
    ("asked", "keys", "ok", "said"),
    [
        (Resources(), {}, True, "1 of 1 are big enough for nothing in particular"),
        (SMALL, {}, True, "1 of 1 are big enough for cpu 0.25, memory 64 MiB"),
        (Resources(cpu=5000), {}, False, "the step asks cpu 5000, the largest node has cpu"),
        (SMALL, {"node_selector": {"pool": "none"}}, False, "is ready and takes the pod with pool none"),
    ],
)
def test_nodes_are_said_to_be_big_enough_or_not(
    space: str, asked: Resources, keys: dict[str, Any], ok: bool, said: str
) -> None:
    job = replace(JOB, resources=asked, store_root="s3://bucket")
    (nodes,) = (f for f in backend(space, **keys).room(job) if f.name == "nodes")
    assert (nodes.ok, said in nodes.detail) == (ok, True), nodes


@pytest.mark.service("kubernetes")
def test_what_may_not_be_read_is_said_and_is_no_failure(space: str, tmp_path: Path) -> None:
    job = replace(JOB, resources=SMALL, store_root="s3://bucket")
    found = list(backend(space, config_file=str(without_rights(space, tmp_path))).room(job))
    assert [(f.name, f.ok) for f in found] == [
        ("limitranges", None),
        ("resourcequotas", None),
        ("nodes", None),
    ]
    assert all("may not list" in f.detail and "Role" in f.detail for f in found)


def account(space: str, folder: Path, rules: list[dict[str, Any]]) -> Path:
    """A kubeconfig of a new service account that may do what ``rules`` say."""
    from kubernetes import client

    rights = client.RbacAuthorizationV1Api(cluster_node.core().api_client)
    rights.create_namespaced_role(space, {"metadata": {"name": "nobody"}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "nobody", "namespace": space}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "nobody"}
    rights.create_namespaced_role_binding(
        space, {"metadata": {"name": "nobody"}, "subjects": [subject], "roleRef": role}
    )
    return without_rights(space, folder)


def without_rights(space: str, folder: Path) -> Path:
    """A kubeconfig of a new service account."""
    api = cluster_node.core()
    api.create_namespaced_service_account(space, {"metadata": {"name": "nobody"}})
    token = {
        "metadata": {"name": "nobody", "annotations": {"kubernetes.io/service-account.name": "nobody"}},
        "type": "kubernetes.io/service-account-token",
    }
    api.create_namespaced_secret(space, token)

    def data() -> Any:
        return (api.read_namespaced_secret("nobody", space).data or {}).get("token")

    assert wait_until(lambda: bool(data()), 30)
    given = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    for user in given["users"]:
        user["user"] = {"token": base64.b64decode(data()).decode()}
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(given))
    return file


def doctor(folder: Path, target: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    """Exit code, and what is said of ``target``."""
    settings = {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__LADING__STORE": (folder / "store").as_uri(),
        "AIRFLOW__LADING__TARGETS": json.dumps({"there": target}),
    }
    argv = (sys.executable, "-m", "lading.cli", "doctor", "--json", "--target", "there")
    done = subprocess.run(argv, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    return done.returncode, [c for c in json.loads(done.stdout)["checks"] if c["area"] == "target there"]


@pytest.mark.service("kubernetes")
def test_doctor_does_not_submit_what_would_not_be_admitted(space: str, tmp_path: Path) -> None:
    restrict(space, {"requests.cpu": "100m"}, None)
    resources, mount = {"cpu": 0.5}, {"host_path": str(tmp_path)}
    keys = {"backend": "kubernetes", "image": IMAGE, "resources": resources, "mount": mount}
    code, checks = doctor(tmp_path, {**keys, "namespace": space})
    assert [(c["name"], c["ok"]) for c in checks] == [("quota ours", False), ("nodes", True), ("job", None)]
    assert code == 1
    assert cluster_node.core().list_namespaced_event(space).items == []


def test_doctor_tries_no_job_on_a_target_that_is_wrong_by_itself(tmp_path: Path) -> None:
    code, (job,) = doctor(tmp_path, {"backend": "kubernetes", "image": IMAGE})  # the store is a folder
    assert (code, job["ok"], job["detail"]) == (1, None, "not tried: correct the target first")


def test_doctor_says_once_that_a_cluster_cannot_be_found(tmp_path: Path) -> None:
    pytest.importorskip("kubernetes")
    keys = {"backend": "kubernetes", "image": IMAGE, "mount": {"host_path": str(tmp_path)}}
    code, (job,) = doctor(tmp_path, {**keys, "config_file": str(tmp_path / "absent")})
    assert (code, job["ok"]) == (1, False)
    assert "set KUBECONFIG or config_file" in job["detail"]


@pytest.mark.service("docker")
def test_doctor_tries_no_job_where_the_image_is_for_each_step_to_name(tmp_path: Path) -> None:
    docker_engine.require()
    _, checks = doctor(tmp_path, {"backend": "docker"})
    assert [c["name"] for c in checks] == ["processors", "memory", "disk", "job"]
    assert checks[-1]["ok"] is None
    assert "the target has no image of its own" in checks[-1]["detail"]


@pytest.mark.service("docker")
def test_doctor_runs_a_job_on_an_engine_and_leaves_nothing(tmp_path: Path) -> None:
    docker_engine.require()
    _, checks = doctor(tmp_path, {"backend": "docker", "image": IMAGE})
    told = {check["name"]: check for check in checks}
    assert [name for name, check in told.items() if check["ok"] is False] == [], told
    assert told["job"]["ok"] is True
    assert told["job"]["detail"].startswith("created, ran, removed; ")
    assert told["store"]["ok"] is True
    assert told["Python"]["detail"].startswith("3.11.")
    assert "sha256:" in told["image"]["detail"]
    assert containers_of(tmp_path) == []
    assert [path for path in (tmp_path / "store").rglob("attempts/**/*") if path.is_file()] == []


def containers_of(folder: Path) -> list[str]:
    """Of probes with their store in ``folder``."""
    found = docker_engine.api().containers(all=True, filters={"label": "lading.dag_id=lading-doctor"})
    return [one["Id"] for one in found if str(folder) in json.dumps(one["Mounts"])]


@pytest.mark.service("docker")
@pytest.mark.parametrize(
    ("target", "detail", "cure"),
    [
        ({"image": "lading/no-such-image:1"}, "cannot be pulled", "check its"),
        ({"mount": {"host_path": "/nowhere/lading"}}, "/nowhere/lading", "correct the step or its target"),
        ({"store": "s3://lading/store"}, "obstore", "install"),
        (
            {"host": "unix:///nowhere/docker.sock", "mount": {"host_path": "/srv"}},
            "does not answer",
            "see that it runs",
        ),
    ],
    ids=["image", "folder", "store", "engine"],
)
def test_doctor_says_what_an_engine_lacks_with_the_cure(
    tmp_path: Path, target: dict[str, Any], detail: str, cure: str
) -> None:
    docker_engine.require()
    code, checks = doctor(tmp_path, {"backend": "docker", "image": IMAGE, **target})
    (bad,) = (check for check in checks if check["ok"] is False)
    assert (code, bad["name"]) == (1, "job")
    assert detail in bad["detail"]
    assert cure in bad["detail"]
    assert bad["cure"]
    assert containers_of(tmp_path) == []


@pytest.mark.service("kubernetes")
@pytest.mark.parametrize(
    ("verbs", "name", "detail", "cure"),
    [
        ([], "job", "may not create", "a Role with this verb"),
        (["create", "get", "list"], "removal", "may not delete", "the right to delete"),
        (["create", "get", "list", "delete"], None, "", ""),
    ],
    ids=["none", "no delete", "all"],
)
def test_doctor_says_which_rights_a_worker_lacks(
    space: str, tmp_path: Path, verbs: list[str], name: str | None, detail: str, cure: str
) -> None:
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": verbs or ["get"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
    ]
    store = tmp_path / "store"
    store.mkdir()
    keys = {"image": IMAGE, "namespace": space, "mount": {"host_path": str(store)}}
    file = account(space, tmp_path, rules)
    code, checks = doctor(tmp_path, {"backend": "kubernetes", **keys, "config_file": str(file)})
    bad = [check for check in checks if check["ok"] is False]
    assert [check["name"] for check in bad] == ([name] if name else []), checks
    for check in bad:
        assert code == 1
        assert detail in check["detail"]
        assert cure in check["detail"] + check["cure"]
    job = next(check for check in checks if check["name"] == "job")
    assert job["detail"].startswith("created, ran, removed") is (name is None), job
    left = cluster_node.core().list_namespaced_pod(space).items
    assert len([pod for pod in left if pod.metadata.deletion_timestamp is None]) == (name == "removal")


@pytest.mark.service("kubernetes")
def test_doctor_says_that_a_cluster_cannot_pull_the_image_with_the_cure(space: str, tmp_path: Path) -> None:
    keys = {"backend": "kubernetes", "image": "lading.invalid/none:1", "namespace": space}
    code, checks = doctor(tmp_path, {**keys, "mount": {"host_path": str(tmp_path)}})
    (bad,) = (check for check in checks if check["ok"] is False)
    assert (code, bad["name"]) == (1, "job")
    assert '"lading.invalid/none:1" cannot be pulled: ' in bad["detail"]
    assert "check the name and tag of the image" in bad["detail"]
    assert bad["cure"]


@pytest.mark.service("docker")
@pytest.mark.parametrize("cpus", [0.5, 4096])
def test_an_engine_takes_a_container_exactly_where_it_is_said_to_be_large_enough(
    tmp_path: Path, cpus: float
) -> None:
    docker_engine.require()
    desk = docker_engine.Desk(tmp_path, one, resources=Resources(cpu=cpus))
    found = {f.name: f for f in desk.backend().room(desk.job(desk.task))}
    assert {"processors", "memory"} <= set(found)
    assert f"the step asks {cpus:g}" in found["processors"].detail
    if found["processors"].ok:
        assert desk.value(desk.run()) == 1
    else:
        with pytest.raises(ConfigError, match="CPUs"):
            desk.run()
    assert found["processors"].ok is (cpus < 1)
    assert desk.containers() == []


@pytest.mark.service("docker")
def test_an_engine_with_too_little_memory_is_said() -> None:
    docker_engine.require()
    made = DockerBackend.configured(Target("docker", "docker"), Worker())
    found = {f.name: f for f in made.room(replace(JOB, resources=Resources(memory="500TiB")))}
    assert found["memory"].ok is False
    assert "the step asks 500TiB" in found["memory"].detail
    assert found["disk"].ok is not None


def one() -> int:
    return 1
