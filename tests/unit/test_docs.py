"""The pages are complete: every option, error and backend of the code stands in them, with its facts."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import entry_points
from inspect import getmembers, isclass
from pathlib import Path

import pytest

import lading.errors
import lading_runner.errors
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


def test_the_table_of_options_is_what_the_code_says() -> None:
    path = ROOT / "tools" / "document_options.py"
    spec = importlib.util.spec_from_file_location("document_options", path)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    page = (DOCS / "configuration.md").read_text()

    assert tool.table() in page, "run `make format`"
    assert tool.with_table(page) == page


@pytest.mark.parametrize("page", sorted((DOCS / "adr").glob("0*.md")), ids=lambda path: path.stem)
def test_a_decision_has_its_four_parts(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)

    assert headings == ["Context", "Decision", "Alternatives", "Consequences"]
