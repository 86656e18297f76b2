"""The exact request: golden files, each valid by the schemas of every Kubernetes that is maintained."""

from __future__ import annotations

import json
import os
import re
import string
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kubernetes_validate.utils import all_versions

from kubernetes_requests import CASES, JOB, MOUNTED, POOL, REMOTE, backend, problems, target
from lading.backends.kubernetes import KubernetesBackend, installer, names, probing, request
from lading.backends.kubernetes.installer import Packages
from lading.backends.kubernetes.schema import flaws, release
from lading.backends.kubernetes.settings import KubernetesSettings
from lading.environment import Lock
from lading.errors import ConfigError
from lading.resources import GPU, Resources

GOLDEN = Path(__file__).parents[1] / "golden" / "kubernetes"
RELEASES = [version for version in all_versions() if tuple(map(int, version.split(".")[:2])) >= (1, 30)]


def render(name: str) -> dict[str, Any]:
    keys, job = CASES[name]
    made = json.loads(json.dumps(backend(**keys).render(job)))
    spec = made["spec"].get("template", made)["spec"]
    runner = next(v for v in spec["volumes"] if v["name"] == "runner")["configMap"]
    assert re.fullmatch(r"lading-runner-[0-9a-f]{20}", runner["name"])
    runner["name"] = "lading-runner-0"  # its digest changes with every change of the runner
    return made


@pytest.mark.parametrize("name", CASES)
def test_the_request_is_the_golden_one(name: str) -> None:
    path = GOLDEN / f"{name}.json"
    made = json.dumps(render(name), indent=1, sort_keys=True) + "\n"
    if os.environ.get("LADING_WRITE_GOLDEN"):
        path.write_text(made)
    assert made == path.read_text()


def test_every_golden_file_is_compared() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_request_is_valid_for_every_kubernetes(name: str) -> None:
    made = render(name)
    template = made["spec"].get("template", made)
    assert list(flaws({"metadata": template["metadata"], "spec": template["spec"]})) == []
    assert len(RELEASES) >= 7
    for version in RELEASES:
        kubernetes_validate.validate(made, version, strict=True)


@pytest.mark.parametrize("name", CASES)
def test_what_a_target_and_a_step_say_rightly_is_no_problem(name: str) -> None:
    keys, job = CASES[name]
    assert backend(**keys).validate(job) == []


def test_the_config_map_is_valid_for_every_kubernetes() -> None:
    for version in RELEASES:
        kubernetes_validate.validate(request.config_map("lading-runner-0", "UEs="), version, strict=True)


def test_the_schema_is_of_a_kubernetes_that_is_maintained() -> None:
    assert release() in {version.rpartition(".")[0] for version in RELEASES}


# What Pod Security calls "restricted" (version 1.36): https://kubernetes.io/docs/concepts/security/pod-security-standards/
@pytest.mark.parametrize("name", sorted(set(CASES) - {"overridden"}))
def test_the_pod_passes_pod_security_restricted(name: str) -> None:
    made = render(name)
    spec = made["spec"].get("template", made)["spec"]
    for forbidden in ("hostNetwork", "hostPID", "hostIPC"):
        assert not spec.get(forbidden)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] != 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    kinds = {kind for volume in spec["volumes"] for kind in volume} - {"name"}
    host = {"hostPath"} if "host_path" in CASES[name][0].get("mount", {}) else set()  # the target's own wish
    host |= {"hostPath"} if "host_path" in CASES[name][0].get("package_cache", {}) else set()
    assert kinds - host <= {"configMap", "emptyDir", "persistentVolumeClaim", "secret"}
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["readOnlyRootFilesystem"] is True
        assert "privileged" not in context


def test_the_job_sees_artifacts_to_read_and_its_own_folder_to_write() -> None:
    mounts = render("plain")["spec"]["containers"][0]["volumeMounts"]
    store = [m for m in mounts if m["name"] == "store"]
    assert [(m["subPath"], m.get("readOnly", False)) for m in store] == [("blobs", True), (JOB.folder, False)]
    assert all(m["mountPath"] == f"/lading/store/{m['subPath']}" for m in store)


def test_the_kubelet_puts_no_variables_into_what_a_user_wrote() -> None:
    env = {e["name"]: e.get("value") for e in render("everything")["spec"]["containers"][0]["env"]}
    assert env["A"] == "$$(HOME) costs $$5"
    assert env["TMPDIR"] == "/tmp"


def test_a_secret_is_named_and_its_variable_masked() -> None:
    env = {e["name"]: e for e in render("everything")["spec"]["containers"][0]["env"]}
    assert env["DB_PASSWORD"]["valueFrom"] == {"secretKeyRef": {"name": "db", "key": "password"}}
    assert env["LADING_MASK_ENV"]["value"] == "DB_PASSWORD"


def test_a_secret_outranks_a_plain_variable_of_its_name() -> None:
    secret = {"A": {"secret": "a", "key": "b"}}
    made = backend(secret_env=secret, **MOUNTED).render(replace(JOB, env={"A": "plain"}))
    (found,) = [e for e in made["spec"]["containers"][0]["env"] if e["name"] == "A"]
    assert "valueFrom" in found


def test_the_installer_sees_neither_secrets_nor_the_store_nor_what_bends_it() -> None:
    spec = render("requirements")["spec"]
    (installer,) = spec["initContainers"]
    env = {e["name"]: e.get("value") for e in installer["env"]}
    assert set(env) == {"HOME", "HTTPS_PROXY", "PIP_CONFIG_FILE", "PIP_ONLY_BINARY", "TMPDIR", "UV_NO_BUILD"}
    mounts = {m["name"] for m in installer["volumeMounts"]}
    assert mounts == {"runner", "work", "scratch", "lading-lock", "lading-packages"}
    assert "amd.com/gpu" not in installer["resources"]["limits"]
    own = {m["name"]: m for m in spec["containers"][0]["volumeMounts"]}
    assert "lading-lock" not in own
    assert own["lading-packages"]["readOnly"] is True


def test_an_image_s_folder_of_packages_is_no_other_image_s_nor_another_lock_s() -> None:
    def key(lock: Lock, image: str = "a", interpreter: str = "python3") -> str:
        job = replace(JOB, image=image)
        settings = KubernetesSettings(interpreter=interpreter)
        return Packages.of(lock, job, settings, None).key

    lock = Lock(("six==1.17.0 --hash=sha256:ab",), "3.12", "linux-x86_64")
    others = [key(replace(lock, lines=())), key(lock, "b"), key(lock, interpreter="python3.12")]
    assert len({key(lock), *others}) == 4
    assert key(replace(lock, options=("--index-url https://elsewhere",))) == key(lock)


def test_packages_without_hashes_stay_out_of_the_cache() -> None:
    keys, job = CASES["package-cache"]
    settings = KubernetesSettings.of(target(**keys))
    found = {}
    for line in ("six==1.17.0", "six==1.17.0 --hash=sha256:ab"):
        packages = Packages.of(Lock((line,), "3.12", "linux-aarch64"), job, settings, None)
        volumes = request.manifest(job, settings, "runner", packages)["spec"]["volumes"]
        found[line] = {kind for v in volumes if v["name"] == "lading-packages" for kind in v} - {"name"}
    assert list(found.values()) == [{"emptyDir"}, {"persistentVolumeClaim"}]


def test_the_secret_is_valid_for_every_kubernetes_and_named_by_its_pod() -> None:
    _, job = CASES["requirements"]
    settings = KubernetesSettings(user="1000:1000")
    lock = Lock(("six==1.17.0 --hash=sha256:ab",), "3.12", "linux-x86_64")
    packages = Packages.of(lock, job, settings, "lading-probe-0")
    made = installer.secret(job, packages, lock, b"[global]\n")
    for version in RELEASES:
        kubernetes_validate.validate(made, version, strict=True)
    pod = request.manifest(job, settings, "runner", packages)
    assert installer.secret_of(pod, job.name) == made["metadata"]["name"]
    assert installer.secret_of(render("plain"), job.name) is None
    assert pod["metadata"]["annotations"]["lading/lock"] == lock.digest
    assert pod["spec"]["nodeSelector"] == {"kubernetes.io/arch": "amd64"}


@pytest.mark.parametrize("name", CASES)
def test_the_pod_that_is_asked_for_its_python_is_valid_and_has_nothing_of_the_job_s(name: str) -> None:
    keys, job = CASES[name]
    made = json.loads(json.dumps(probing.manifest(job, KubernetesSettings.of(target(**keys)))))
    for version in RELEASES:
        kubernetes_validate.validate(made, version, strict=True)
    other = probing.manifest(replace(job, name="f" * 40, folder="x"), KubernetesSettings.of(target(**keys)))
    assert other["metadata"]["name"] == made["metadata"]["name"]
    whole = render(name)["spec"]
    spec = whole.get("template", {"spec": whole})["spec"]
    (container,) = made["spec"]["containers"]
    assert made["spec"]["securityContext"] == spec["securityContext"]
    assert container["securityContext"] == spec["containers"][0]["securityContext"]
    assert made["spec"].get("nodeSelector") == spec.get("nodeSelector")
    assert "volumes" not in made["spec"]
    assert "env" not in container


def test_a_worker_that_is_root_gives_its_jobs_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for uid, expected in ((0, 65534), (1234, 1234)):
        monkeypatch.setattr(os, "getuid", lambda uid=uid: uid)
        monkeypatch.setattr(os, "getgid", lambda uid=uid: uid)
        context = backend(user=None, **MOUNTED).render(JOB)["spec"]["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"]) == (expected, expected)


# Names

# As Airflow validates them: keys are word characters, dots and dashes (task ids of groups too); run ids what
# ``[scheduler] allowed_run_id_pattern`` says and the user widens; both at most 250.
KEYS = st.text(
    st.one_of(
        st.sampled_from(string.ascii_letters + string.digits + "_.-"), st.characters(categories=["L", "N"])
    ),
    min_size=1,
    max_size=250,
)
RUNS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=250)
LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")  # as the API server's message has it


@given(KEYS, RUNS, KEYS)
@example("a" * 250, "manual__2026-11-20T00:00:00+00:00", "é" * 250)
@example("-" * 250, "." * 250, "_" * 250)
def test_labels_take_whatever_airflow_calls_its_things(dag_id: str, run_id: str, task_id: str) -> None:
    owner = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": "-1", "generation": "3"}
    made = backend(**MOUNTED).render(replace(JOB, dag_id=dag_id, task_id=task_id, labels=owner))
    for value in made["metadata"]["labels"].values():
        assert LABEL.fullmatch(value)
        assert len(value) <= 63
    for key, value in owner.items():
        assert made["metadata"]["annotations"][f"lading/{key}"] == value
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", made["metadata"]["name"])
    assert len(made["metadata"]["name"]) <= 63


@given(KEYS, KEYS)
@example("a" * 63 + "1", "a" * 63 + "2")
@example("a:b", "a+b")
@example("A", "a")
def test_two_names_have_two_labels(one: str, other: str) -> None:
    assert (names.label_value(one) == names.label_value(other)) == (one == other)


# Refusals


@pytest.mark.parametrize(
    ("keys", "field", "words"),
    [
        ({"mount": {}}, "store", ["file:///srv/lading is a folder of the worker's", '{"pvc": "lading"}']),
        ({"mount": {"bind": "/x"}}, "mount", ["'bind' is not understood"]),
        ({"mount": {"pvc": "a", "host_path": "/b"}}, "mount", ["both"]),
        ({"user": "root"}, "user", ["'root'", '"1000:1000"']),
        ({"kind": "deployment"}, "kind", ["pod, job"]),
        ({"keep": True}, "keep", ["never, failed"]),
        ({"max_wait_s": "10"}, "max_wait_s", ["number of seconds"]),
        ({"labels": {"a b": "c"}}, "labels", ["'a b' is no key"]),
        ({"labels": {"a": "b c"}}, "labels", ["'b c' of 'a'"]),
        ({"labels": {"lading/job": "x"}}, "labels", ["Lading's own"]),
        ({"node_selector": {"a": 1}}, "node_selector", ["table of texts"]),
        ({"secret_env": {"A": "db"}}, "secret_env", ['"secret"']),
        ({"secret_env": {"1A": {"secret": "a", "key": "b"}}}, "secret_env", ['"secret"']),
        ({"gpus": {"l4": {}}}, "gpus", ['"node_selector"']),
        ({"spot": {"selector": {}}}, "spot", ['"node_selector"']),
        ({"package_cache": {"claim": "x"}}, "package_cache", ['{"pvc": "lading-packages"}']),
        ({"package_cache": {"pvc": "a", "host_path": "/b"}}, "package_cache", ["is {'pvc': 'a'"]),
        ({"package_cache": {"pvc": ""}}, "package_cache", ['{"pvc": "lading-packages"}']),
        (
            {"mount": {"pvc": "a"}, "package_cache": {"pvc": "a"}},
            "package_cache",
            ["'a' holds the artifact store too", "another claim"],
        ),
        ({"package_cache": {"host_path": "/srv"}}, "package_cache", ["'/srv' holds the artifact store too"]),
        ({"package_cache": {"host_path": "/srv/lading/x"}}, "package_cache", ["another claim or folder"]),
        ({"platform": "linux"}, "platform", ["linux-x86_64, linux-aarch64"]),
        ({"tolerations": [{"keys": "a"}]}, "tolerations", ["[0].keys", "did you mean 'key'?"]),
        ({"affinity": {"nodeAffinty": {}}}, "affinity", ["did you mean 'nodeAffinity'?"]),
        (
            {"gpus": {"l4": {**POOL, "tolerations": [{"effect": "No"}]}}},
            "gpus.l4.tolerations",
            ["NoSchedule"],
        ),
    ],
)
def test_a_target_that_cannot_be_is_refused(keys: dict[str, Any], field: str, words: list[str]) -> None:
    [problem] = problems(**keys)
    assert problem.field == field
    for word in words:
        assert word in f"{problem.message}; {problem.cure}"


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"image": None}, "image", ["give the step or its target an image"]),
        ({"resources": Resources(spot=True)}, "resources.spot", ['"spot": {"node_selector"']),
        ({"resources": Resources(gpu=GPU("h100"))}, "resources.gpu", ["'h100'", '"gpus": {"h100"']),
        ({"requirements": ("pan das",)}, "requirements", ["'pan das'"]),
        ({"env": {"1 A": "x"}}, "env", ["'1 A' is no name"]),
        ({"options": {"pod": {}}}, "options.pod", ["known: pod_override"]),
        ({"options": {"pod_override": "x"}}, "options.pod_override", ["write a table"]),
    ],
)
def test_a_step_that_cannot_run_here_is_refused(change: dict[str, Any], field: str, words: list[str]) -> None:
    [problem] = problems(replace(JOB, **change))
    assert problem.field == field
    for word in words:
        assert word in f"{problem.message}; {problem.cure}"


def test_a_step_is_refused_while_its_dag_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import dag

    from lading import deployment, step

    monkeypatch.setenv("AIRFLOW__LADING__TARGETS", json.dumps({"kubernetes": {"mount": {"pvc": "x"}}}))
    deployment.settings.cache_clear()

    @dag(schedule=None)
    def refused():
        @step(on="kubernetes", image="a", options={"pod_override": {"spec": {"nodeSelectr": {}}}})
        def train() -> None: ...

        train()

    with pytest.raises(ConfigError, match=r"spec\.nodeSelectr .* did you mean 'nodeSelector'\?"):
        refused()
    monkeypatch.undo()
    deployment.settings.cache_clear()


def test_parsing_a_dag_imports_no_client(tmp_path: Path) -> None:
    code = """
import os, sys
from airflow.sdk import dag
import lading
before = {m for m in sys.modules if m.partition(".")[0] in ("kubernetes", "kubernetes_asyncio")}
@dag(schedule=None)
def parsed():
    @lading.step(on="kubernetes", image="a", options={"pod_override": {"spec": {"hostname": "x"}}})
    def train(): ...
    train()
parsed()
after = {m for m in sys.modules if m.partition(".")[0] in ("kubernetes", "kubernetes_asyncio")}
assert not after, sorted(after)[:5]
assert "airflow.providers.cncf.kubernetes.hooks.kubernetes" not in sys.modules
print("lading.backends.kubernetes.request" in sys.modules, len(after - before))
"""
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__LADING__TARGETS": json.dumps({"kubernetes": {"mount": {"pvc": "x"}}}),
    }
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.stdout.split()[-2:] == ["True", "0"], done.stderr


def test_the_remote_store_needs_no_mount() -> None:
    assert backend().validate(REMOTE) == []
    assert "store" not in {v["name"] for v in backend().render(REMOTE)["spec"]["volumes"]}


def test_with_no_override_no_schema_is_loaded() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests'); from kubernetes_requests import problems\n"
        "assert problems() == []; print('lading.backends.kubernetes.override_checks' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_page_of_the_backend_names_every_key_of_a_target() -> None:
    page = (GOLDEN.parents[2] / "docs" / "kubernetes.md").read_text()
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"\w+", cell)} >= KubernetesBackend.target_keys
