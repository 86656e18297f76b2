"""What the README shows is what happens: its commands exist, its DAG runs, its tables and links are true."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from benchmarks.cases.containers import IMAGE

from lading_testkit import run_dag, task_states

if TYPE_CHECKING:
    from airflow.sdk import DAG

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


@pytest.fixture
def shown_dag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DAG:
    import importlib

    (tmp_path / "readme_dag.py").write_text(blocks("python")[0] + "\n\nshown = iris()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found: DAG = importlib.import_module("readme_dag").shown
    return found


def test_the_readme_shows_two_commands_and_one_dag_of_at_most_twenty_lines() -> None:
    assert len(commands()) == 2
    assert len(blocks("python")) == 1
    assert len([line for line in blocks("python")[0].splitlines() if line.strip()]) <= 20


@pytest.mark.parametrize("command", commands())
def test_every_command_is_one_that_make_knows(command: str) -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    program, *arguments = command.split()
    assert program == "make"

    run = subprocess.run(
        [make, "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr
    assert ".venv/bin/" in run.stdout


def test_the_cluster_it_shows_has_what_the_kubernetes_tests_need() -> None:
    (cluster,) = (yaml.safe_load(block) for block in blocks("yaml"))
    assert (cluster["kind"], cluster["apiVersion"]) == ("Cluster", "kind.x-k8s.io/v1alpha4")
    (node,) = cluster["nodes"]  # the tests look at the files of one
    (mount,) = node["extraMounts"]
    assert mount["hostPath"] == mount["containerPath"] == "/tmp"
    (console,) = blocks("console")
    shown = [line.removeprefix("$ ") for line in console.splitlines()]
    assert f"kind load docker-image {IMAGE}" in shown
    assert shown[-1].startswith("KUBECONFIG=")
    assert " make test " in shown[-1]


@pytest.mark.slow
def test_the_dag_runs_as_it_stands(shown_dag: DAG, airflow_db: None) -> None:
    run = run_dag(shown_dag)

    assert task_states(run) == {"load": "success", "train": "success"}


def test_a_backend_is_called_working_exactly_when_it_is_installed() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (works|planned).* \|$", README, re.MULTILINE)
    working = {name for name, status in rows if status == "works"}

    assert len(rows) >= 6
    assert working == {entry.name for entry in entry_points(group="lading.backends")}


@pytest.mark.parametrize("name", ["vertex", "databricks"])
def test_a_backend_that_never_met_its_service_is_said_to_be_tested_against_a_fake(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` \|.*$", README, re.MULTILINE)
    assert "against a fake" in row
    assert re.search(r"not yet (run|tested) on the service", row)


def test_every_link_in_the_documentation_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())]

    broken = [
        f"{page.name}: {link}"
        for page, link in links
        if "://" not in link and not (page.parent / link).exists()
    ]

    assert len(links) > 10
    assert broken == []
