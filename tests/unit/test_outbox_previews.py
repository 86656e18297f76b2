"""Previews that a job left in its outbox: moved with its artifacts, and only with these."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lading.execution.folder import AttemptFolder
from lading_runner import previews, values
from lading_runner.contract import Attempt
from lading_runner.previews import Previews
from lading_runner.store import ArtifactStore, open_object_store
from lading_runner.store.outbox import Outbox

if TYPE_CHECKING:
    from pathlib import Path

    from lading_runner.contract import ArtifactRef


@pytest.fixture
def folder(tmp_path: Path) -> AttemptFolder:
    return AttemptFolder(open_object_store(tmp_path.as_uri()), Attempt("dag", "run", "task"))


def outbox(folder: AttemptFolder) -> ArtifactStore:
    return ArtifactStore(Outbox(folder.objects, folder.key))  # type: ignore[arg-type]


def key(ref: ArtifactRef) -> str:
    return previews.key_of(ref.digest, ref.format)


def test_a_preview_moves_with_its_artifact(folder: AttemptFolder) -> None:
    mine = outbox(folder)
    ref = values.save({"a": 1}, mine, previews=Previews(mine))
    assert folder.objects.stat(key(ref)) is None
    folder.collect()
    folder.collect()
    assert json.loads(folder.objects.read(key(ref)))["value"] == {"a": 1}
    assert not [stat.key for stat in folder.objects.list(f"{folder.key}/previews/")]


def test_a_job_cannot_say_what_another_artifact_looks_like(folder: AttemptFolder) -> None:
    others = values.save(["theirs"], ArtifactStore(folder.objects))
    mine = outbox(folder)
    values.save(["mine"], mine)
    mine.objects.create(key(others), b'{"value": "a lie"}')
    mine.objects.create(
        f"blobs/sha256/{others.digest[7:9]}/{others.digest[7:]}", b"other bytes under its name"
    )
    folder.collect()
    assert folder.objects.stat(key(others)) is None


def test_a_preview_that_is_too_big_stays_behind(folder: AttemptFolder) -> None:
    mine = outbox(folder)
    ref = values.save(["mine"], mine)
    mine.objects.create(key(ref), b"x" * (previews.LIMIT + 1))
    folder.collect()
    assert folder.objects.stat(key(ref)) is None
