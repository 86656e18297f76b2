"""The pages are complete: every option, error and backend of the code stands in them, with its facts."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from inspect import getmembers, isclass
from pathlib import Path
from typing import Any

import pytest
from tools import document_options, document_resources

import lading.errors
import lading_runner.errors
from lading.backends import registry
from lading.testing.hooks import Hooks
from lading_runner.errors import RunnerError

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def rows(page: str) -> dict[str, list[str]]:
    """Cells of each table row that starts with a name in backticks, by that name."""
    found = re.findall(r"^\| `(\w+)` \|(.*)\|$", (DOCS / page).read_text(), re.MULTILINE)
    return {name: [cell.strip() for cell in rest.split(" | ")] for name, rest in found}


def classes(module: object) -> dict[str, type[Exception]]:
    return {name: cls for name, cls in getmembers(module, isclass) if issubclass(cls, Exception)}


def test_every_error_class_is_in_the_catalogue_and_no_other() -> None:
    known = set(classes(lading.errors)) | set(classes(lading_runner.errors))

    assert set(rows("errors.md")) == known


@pytest.mark.parametrize("name", classes(lading_runner.errors))
def test_the_catalogue_has_exit_code_and_class_of_a_runner_error(name: str) -> None:
    cls = getattr(lading_runner.errors, name)
    assert issubclass(cls, RunnerError)

    assert rows("errors.md")[name][-2:] == [str(cls.exit_code), cls.failure]


def test_every_backend_is_in_the_table_of_targets() -> None:
    assert {entry.name for entry in entry_points(group="lading.backends")} <= set(rows("targets.md"))


def test_every_hook_of_the_contract_is_in_the_table_of_hooks() -> None:
    hooks = {name for name in vars(Hooks) if not name.startswith("_")} - {"required", "has", "need"}
    assert set(re.findall(r"^\| `(\w+)\(", (DOCS / "backends.md").read_text(), re.MULTILINE)) == hooks


@pytest.mark.parametrize(
    ("tool", "page"), [(document_options, "configuration.md"), (document_resources, "targets.md")]
)
def test_a_generated_table_is_what_the_code_says(tool: Any, page: str) -> None:
    text = (DOCS / page).read_text()

    assert tool.table() in text, "run `make format`"
    assert tool.with_table(text) == text


def test_every_backend_is_in_the_table_of_resources() -> None:
    ours = {name for name in registry.names() if registry.get(name).__module__.startswith("lading.")}
    assert set(document_resources.BACKENDS) == ours


@pytest.mark.parametrize("page", sorted((DOCS / "adr").glob("0*.md")), ids=lambda path: path.stem)
def test_a_decision_has_its_four_parts(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)

    assert headings == ["Context", "Decision", "Alternatives", "Consequences"]
