"""Targets and requests of the Kubernetes backend, for its tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lading.backends.base import JobRequest, Problem, Worker
from lading.backends.kubernetes import KubernetesBackend
from lading.config import Target
from lading.resources import GPU, Resources

JOB = JobRequest(
    name="0123456789abcdef0123456789abcdef01234567",
    dag_id="fraud",
    task_id="train",
    spec_uri="file:///lading/store/attempts/fraud/manual__2026-11-20T00%3A00%3A00%2B00%3A00/train/-1/1/spec.json",
    store_root="file:///srv/lading",
    folder="attempts/fraud/manual__2026-11-20T00%3A00%3A00%2B00%3A00/train/-1/1",
    image="acme/train@sha256:" + "ab" * 32,
    labels={
        "dag_id": "fraud",
        "run_id": "manual__2026-11-20T00:00:00+00:00",
        "task_id": "train",
        "map_index": "-1",
        "generation": "1",
    },
)
REMOTE = replace(JOB, spec_uri=f"s3://acme/lading/{JOB.folder}/spec.json", store_root="s3://acme/lading")
MOUNTED = {"mount": {"host_path": "/srv/lading"}}
USER = {"user": "1000:1000"}
POOL = {"node_selector": {"pool": "l4"}, "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}]}
SPOT = {"node_selector": {"spot": "true"}, "tolerations": [{"key": "spot", "operator": "Exists"}]}


def target(**keys: Any) -> Target:
    common = {name: keys.pop(name) for name in ("mount", "store", "connection") if name in keys}
    return Target("kubernetes", "kubernetes", extra={**USER, **keys}, **common)


def backend(**keys: Any) -> KubernetesBackend:
    return KubernetesBackend.configured(target(**keys), Worker())


def problems(job: JobRequest = JOB, **keys: Any) -> list[Problem]:
    return backend(**{**MOUNTED, **keys}).validate(job)


def with_override(patch: object) -> JobRequest:
    return replace(JOB, options={"pod_override": patch})


EVERYTHING = {
    "namespace": "ml",
    "service_account": "trainer",
    "image_pull_secrets": ["registry"],
    "image_pull_policy": "Always",
    "node_selector": {"disk": "fast"},
    "tolerations": [{"key": "ml", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
                ]
            }
        }
    },
    "priority_class": "batch",
    "labels": {"team": "fraud", "acme.example/cost-centre": "42"},
    "annotations": {"acme.example/owner": "Ana Šarić <ana@acme.example>"},
    "user": "1000:2000",
    "interpreter": "/opt/python/bin/python3",
    "grace_s": 45.5,
    "secret_env": {"DB_PASSWORD": {"secret": "db", "key": "password"}},
    "gpus": {"l4": POOL},
    "spot": SPOT,
}

#: By name of the golden file: keys of the target, and the request.
CASES: dict[str, tuple[dict[str, Any], JobRequest]] = {
    "plain": (MOUNTED, JOB),
    "object-store": ({}, REMOTE),
    "claim": ({"mount": {"pvc": "lading"}, "store": "file:///data/lading"}, JOB),
    "job": ({**MOUNTED, "kind": "job", "namespace": "ml"}, replace(JOB, timeout_s=60)),
    "limits": (
        MOUNTED,
        replace(
            JOB, resources=Resources(cpu=0.5, memory="1.5GiB", disk="10GB", shm="64MiB"), timeout_s=3600.2
        ),
    ),
    "gpu": ({**MOUNTED, "gpu_resource": "amd.com/gpu"}, replace(JOB, resources=Resources(gpu=GPU(count=2)))),
    "gpu-type-on-spot": (
        {**MOUNTED, "gpus": {"l4": POOL}, "spot": SPOT},
        replace(JOB, resources=Resources(gpu=GPU("l4"), spot=True)),
    ),
    "everything": (
        EVERYTHING,
        replace(
            REMOTE,
            env={"A": "$(HOME) costs $5", "TMPDIR": "/elsewhere"},
            resources=Resources(cpu=4, memory="16GiB", gpu=GPU("l4", 1), spot=True),
        ),
    ),
    "requirements": (
        {
            **MOUNTED,
            "gpu_resource": "amd.com/gpu",
            "secret_env": {"TOKEN": {"secret": "hub", "key": "token"}},
        },
        replace(
            JOB,
            requirements=("six==1.17.0",),
            env={"HTTPS_PROXY": "http://proxy:3128", "PIP_TARGET": "/elsewhere"},
            resources=Resources(cpu=1, memory="1GiB", gpu=GPU(count=1)),
        ),
    ),
    "package-cache": (
        {"package_cache": {"pvc": "lading-packages"}, "platform": "linux-aarch64"},
        replace(REMOTE, requirements=("six==1.17.0",)),
    ),
    "package-cache-on-nodes": (
        {**MOUNTED, "package_cache": {"host_path": "/srv/lading-packages"}, "kind": "job"},
        replace(JOB, requirements=("six==1.17.0",)),
    ),
    "overridden": (
        {
            **MOUNTED,
            "pod_override": {
                "metadata": {"labels": {"from": "target"}},
                "spec": {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"},
            },
        },
        with_override(
            {
                "metadata": {"annotations": {"from": "step"}},
                "spec": {
                    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
                    "containers": [
                        {
                            "name": "base",
                            "env": [{"name": "HOME", "value": "/tmp"}, {"name": "NEW", "value": "1"}],
                            "resources": {"limits": {"memory": "2Gi"}},
                        },
                        {"name": "proxy", "image": "acme/proxy:1"},
                    ],
                    "volumes": [{"name": "scratch", "ephemeral": None, "emptyDir": {"sizeLimit": "1Gi"}}],
                },
            }
        ),
    ),
}
