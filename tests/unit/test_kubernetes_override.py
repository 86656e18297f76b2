"""What a target or a step may change of its pod, and what it may not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kubernetes_requests import MOUNTED, backend, problems, with_override

WRONG = [
    ({"spec": {"nodeSelectr": {}}}, "spec.nodeSelectr", "did you mean 'nodeSelector'?"),
    ({"spec": {"containers": [{"name": "base", "imagee": "x"}]}}, "spec.containers[0].imagee", "'image'"),
    ({"spec": {"containers": [{"env": []}]}}, "spec.containers[0]", "'base' for the step's own"),
    ({"spec": {"volumes": [{"emptyDir": {}}]}}, "spec.volumes[0]", "write its name"),
    ({"spec": {"hostAliases": {"ip": "10.0.0.1"}}}, "spec.hostAliases", "write a list"),
    ({"spec": {"priority": "high"}}, "spec.priority", "whole number"),
    ({"spec": {"priority": True}}, "spec.priority", "whole number"),
    ({"spec": {"dnsPolicy": "Custom"}}, "spec.dnsPolicy", "ClusterFirst"),
    ({"spec": {"overhead": {"memory": "12Zi"}}}, "spec.overhead.memory", "quantity"),
    ({"spec": {"nodeSelector": {"a": 1}}}, "spec.nodeSelector.a", "write a text"),
    ({"spec": []}, "spec", "table of its fields"),
    ({"kind": "Pod"}, "kind", "known: metadata, spec"),
    ({"metadata": {"name": "mine"}}, "metadata.name", "drop name"),
    ({"spec": {"restartPolicy": "Always"}}, "spec.restartPolicy", "infra_retries"),
    ({"spec": {"containers": [{"name": "base", "command": ["sh"]}]}}, "command", '"interpreter"'),
    ({"spec": {"containers": [{"name": "base", "$patch": "delete"}]}}, "container 'base'", "leave it"),
    ({"spec": {"volumes": [{"name": "x", "$patch": "drop"}]}}, "$patch", "delete or replace"),
    ({"spec": {"volumes": [{"name": "x", "secret": {"items": [{"key": "a"}]}}]}}, "path", "is missing"),
]


@pytest.mark.parametrize(("patch", "path", "cure"), WRONG)
def test_an_override_that_is_misspelt_names_path_and_cure(patch: object, path: str, cure: str) -> None:
    found = problems(with_override(patch))
    assert len(found) >= 1
    assert path in found[0].message
    assert cure in f"{found[0].message}; {found[0].cure}"
    assert found[0].field.endswith("pod_override")


@pytest.mark.parametrize(("patch", "path", "cure"), WRONG)
def test_a_target_s_override_is_checked_too(patch: object, path: str, cure: str) -> None:
    found = problems(pod_override=patch)
    assert found
    assert all(problem.field == "pod_override" for problem in found)


def base(**fields: object) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "base", **fields}]}}


WEAKER = [
    {"spec": {"hostNetwork": True}},
    {"spec": {"hostPID": True}},
    {"spec": {"hostIPC": True}},
    {"spec": {"shareProcessNamespace": True}},
    {"spec": {"serviceAccountName": "admin"}},
    {"spec": {"automountServiceAccountToken": True}},
    {"spec": {"nodeName": "control-plane"}},
    {"spec": {"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}},
    {"spec": {"volumes": [{"name": "scratch", "hostPath": {"path": "/"}}]}},
    {"spec": {"volumes": [{"name": "store", "hostPath": {"path": "/"}}]}},
    {"spec": {"volumes": [{"name": "x", "nfs": {"server": "a", "path": "/"}}]}},
    {"spec": {"securityContext": None}},
    {"spec": {"securityContext": {"runAsUser": 0}}},
    {"spec": {"securityContext": {"runAsNonRoot": None}}},
    {"spec": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}}},
    {"spec": {"securityContext": {"$patch": "replace"}}},
    {"spec": {"securityContext": {"sysctls": [{"name": "a", "value": "b"}]}}},
    base(securityContext={"privileged": True}),
    base(securityContext={"allowPrivilegeEscalation": True}),
    base(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}),
    base(securityContext={"capabilities": {"drop": []}}),
    base(securityContext={"readOnlyRootFilesystem": False}),
    base(securityContext={"procMount": "Unmasked"}),
    base(securityContext={"runAsUser": 0}),
    base(securityContext={"runAsNonRoot": False}),
    base(ports=[{"containerPort": 80, "hostPort": 80}]),
    base(volumeMounts=[{"name": "store", "mountPath": "/all"}]),
    base(volumeMounts=[{"name": "store", "mountPath": "/lading/store/blobs", "readOnly": False}]),
    {"spec": {"containers": [{"name": "other", "image": "x", "securityContext": {"privileged": True}}]}},
    {"spec": {"initContainers": [{"name": "i", "image": "x", "securityContext": {"runAsUser": 0}}]}},
    {
        "spec": {
            "initContainers": [
                {"name": "i", "image": "x", "volumeMounts": [{"name": "store", "mountPath": "/a"}]}
            ]
        }
    },
]


@pytest.mark.parametrize("patch", WEAKER, ids=lambda patch: json.dumps(patch)[:70])
def test_a_step_may_not_weaken_its_walls(patch: dict[str, Any]) -> None:
    assert [p for p in problems(with_override(patch)) if "weakens the walls" in p.message]


@pytest.mark.parametrize("patch", WEAKER, ids=lambda patch: json.dumps(patch)[:70])
def test_a_target_may_open_them_and_its_steps_live_with_it(patch: dict[str, Any]) -> None:
    assert problems(pod_override=patch) == []
    assert problems(with_override({"spec": {"hostname": "x"}}), pod_override=patch) == []


def test_the_store_s_claim_is_not_to_be_had_under_another_name() -> None:
    patch = {
        "spec": {
            "volumes": [{"name": "mine", "persistentVolumeClaim": {"claimName": "lading"}}],
            **base(volumeMounts=[{"name": "mine", "mountPath": "/all"}])["spec"],
        }
    }
    assert problems(with_override(patch), mount={"pvc": "lading"})
    assert problems(with_override(patch), mount={"pvc": "another"}) == []


INSTALLER = "lading-install"
INTO_THE_CACHE = [
    {"initContainers": [{"name": INSTALLER, "image": "mine"}]},
    {"initContainers": [{"name": INSTALLER, "command": ["sh"]}]},
    {"initContainers": [{"name": INSTALLER, "command": None}]},
    {"initContainers": [{"name": INSTALLER, "env": [{"name": "PIP_ONLY_BINARY", "$patch": "delete"}]}]},
    {"initContainers": [{"name": INSTALLER, "lifecycle": {"postStart": {"exec": {"command": ["sh"]}}}}]},
    base(volumeMounts=[{"name": "lading-packages", "mountPath": "/all"}])["spec"],
    base(volumeMounts=[{"name": "lading-packages", "mountPath": "/lading/packages", "readOnly": False}])[
        "spec"
    ],
    base(volumeMounts=[{"name": "lading-packages", "mountPath": "/lading/packages", "subPath": None}])[
        "spec"
    ],
    base(volumeMounts=[{"name": "lading-lock", "mountPath": "/lock"}])["spec"],
    {
        "volumes": [{"name": "mine", "persistentVolumeClaim": {"claimName": "packages"}}],
        **base(volumeMounts=[{"name": "mine", "mountPath": "/all"}])["spec"],
    },
    {
        "initContainers": [
            {"name": "i", "image": "x", "volumeMounts": [{"name": "lading-packages", "mountPath": "/all"}]}
        ]
    },
]


@pytest.mark.parametrize("patch", INTO_THE_CACHE, ids=lambda patch: json.dumps(patch)[:90])
def test_a_step_may_not_get_at_what_other_steps_import_nor_at_the_lock(patch: dict[str, Any]) -> None:
    job = replace(with_override({"spec": patch}), requirements=("six",))
    cache = {"package_cache": {"pvc": "packages"}}
    assert [p for p in problems(job, **cache) if "weakens the walls" in p.message]
    same = replace(job, options={})
    assert problems(same, pod_override={"spec": patch}, **cache) == []


def spec_with(patch: dict[str, Any]) -> dict[str, Any]:
    job = with_override(patch)
    assert problems(job) == []
    return backend(**MOUNTED).render(job)["spec"]


def test_lists_are_merged_by_their_keys() -> None:
    spec = spec_with(
        {
            "spec": {
                "containers": [
                    {"name": "base", "env": [{"name": "HOME", "value": "/x"}, {"name": "B", "value": "1"}]}
                ],
                "volumes": [{"name": "scratch", "emptyDir": {"medium": "Memory"}}],
            }
        }
    )
    [container] = spec["containers"]
    env = {e["name"]: e.get("value") for e in container["env"]}
    assert (env["HOME"], env["B"], "LADING_JOB_ID" in env) == ("/x", "1", True)
    assert {v["name"] for v in spec["volumes"]} == {"runner", "work", "scratch", "store"}
    assert next(v for v in spec["volumes"] if v["name"] == "scratch")["emptyDir"] == {"medium": "Memory"}


def test_another_kind_of_volume_takes_the_place_of_the_first() -> None:
    claim = {"ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}}
    spec = spec_with({"spec": {"volumes": [{"name": "scratch", **claim}]}})
    assert next(v for v in spec["volumes"] if v["name"] == "scratch") == {"name": "scratch", **claim}


def test_null_removes_and_patch_deletes() -> None:
    spec = spec_with(
        {
            "spec": {
                "enableServiceLinks": None,
                "containers": [{"name": "base", "env": [{"name": "HOME", "$patch": "delete"}]}],
            }
        }
    )
    assert "enableServiceLinks" not in spec
    assert "HOME" not in {e["name"] for e in spec["containers"][0]["env"]}


def test_what_an_override_does_not_say_of_security_stays() -> None:
    patch = {"securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"]}, "runAsGroup": 5}}
    context = spec_with(base(**patch))["containers"][0]["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}
    assert context["readOnlyRootFilesystem"] is True


def test_an_added_container_stands_behind_the_same_walls() -> None:
    spec = spec_with({"spec": {"containers": [{"name": "proxy", "image": "acme/proxy:1"}]}})
    assert [c["name"] for c in spec["containers"]] == ["base", "proxy"]
    assert spec["containers"][1]["securityContext"] == spec["containers"][0]["securityContext"]
