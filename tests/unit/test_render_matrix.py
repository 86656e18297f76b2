"""The exact request of every backend for every resource, or its refusal: golden files, one per backend."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from kubernetes_validate.utils import all_versions
from tools.document_resources import ASKED, BACKENDS, KEPT_BY_LADING, backend, cell, job, rendered

import databricks_workspace
import vertex_project
from lading.backends.kubernetes.schema import flaws
from lading.resources import Resources

GOLDEN = Path(__file__).parents[1] / "golden" / "render"
RELEASES = [version for version in all_versions() if tuple(map(int, version.split(".")[:2])) >= (1, 30)]
CASES = (None, *ASKED)


@pytest.fixture(autouse=True)
def an_environment_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if not name.startswith(("AIRFLOW", "PYTEST", "LADING")):
            monkeypatch.delenv(name)


def made_of(name: str, asked: str | None) -> Any:
    request = job(name, asked)
    problems = backend(name).validate(request)
    if problems:
        return {"refused": [f"{p.field}: {p.message}; {p.cure}" for p in problems]}
    return rendered(name, request)


@pytest.mark.parametrize("name", BACKENDS)
def test_each_request_is_the_golden_one(name: str) -> None:
    """Written anew with LADING_WRITE_GOLDEN=1; look at the difference before it is kept."""
    made = {asked or "plain": made_of(name, asked) for asked in CASES}
    text = json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("LADING_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("name", BACKENDS)
def test_what_is_not_refused_is_in_the_request_or_kept_by_lading(name: str, asked: str) -> None:
    made = json.loads((GOLDEN / f"{name}.json").read_text())
    assert made[asked] != made["plain"] or asked in KEPT_BY_LADING


def test_what_a_backend_drops_gets_no_cell_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ASKED, "disk", {"resources": Resources(disk="10GiB")})  # less than the least disk
    with pytest.raises(LookupError, match="disk changes nothing in the request of 'vertex'"):
        cell("vertex", "disk")


def test_every_golden_file_is_compared() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(BACKENDS)


@pytest.mark.parametrize("asked", CASES)
def test_a_pod_is_valid_for_every_kubernetes(asked: str | None) -> None:
    pod = made_of("kubernetes", asked)
    assert pod["kind"] == "Pod"
    assert list(flaws({"metadata": pod["metadata"], "spec": pod["spec"]})) == []
    assert len(RELEASES) >= 7
    for version in RELEASES:
        kubernetes_validate.validate(pod, version, strict=True)


@pytest.mark.service("databricks")
@pytest.mark.parametrize("asked", CASES)
def test_a_run_is_valid_for_the_official_sdk(asked: str | None) -> None:
    """There and back through its types; what it does not know would be gone."""
    databricks_workspace.require()
    from databricks.sdk.service.jobs import QueueSettings, SubmitTask

    from fakes.databricks import schema

    body = made_of("databricks", asked)
    if "refused" in body:
        return
    assert [SubmitTask.from_dict(one).as_dict() for one in body["tasks"]] == body["tasks"]
    assert QueueSettings.from_dict(body["queue"]).as_dict() == body["queue"]
    assert schema.wrong(body) == []


@pytest.mark.service("vertex")
@pytest.mark.parametrize("asked", CASES)
def test_a_custom_job_is_valid_for_the_published_types(asked: str | None) -> None:
    vertex_project.require()
    from fakes.vertex_schema import refusals
    from lading.backends.vertex.request import checked

    body = made_of("vertex", asked)
    if "refused" in body:
        return
    made = checked(body["customJob"])
    assert type(made).to_dict(made)["display_name"] == body["customJob"]["displayName"]
    assert list(refusals(type(made).pb(made))) == []
