from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lading.errors import LookupFailed
from lading.lineage import log
from lading.notebook import Store, lineage, open_store
from lading_runner.contract import ArtifactRef
from lading_runner.store import ArtifactStore, open_object_store
from lineage_samples import DAG, RUN, event, ref, sweep

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    artifacts = ArtifactStore(open_object_store(tmp_path.as_uri()))
    for one in sweep():
        log.append(one, artifacts.objects)
    digest, size = artifacts.put_bytes(b'{"a":1}')
    log.append(
        event("late", n=90, at_s=90, outputs={"return_value": ArtifactRef(digest, size, "json", "dict")}),
        artifacts.objects,
    )
    return open_store(tmp_path.as_uri())


def test_an_artifact_is_loaded_by_the_first_digits_of_its_digest(store: Store) -> None:
    newest = store.artifacts()[0]
    assert newest.task_id == "late"
    assert store.load(newest.digest[7:13]) == {"a": 1}
    assert newest.load() == {"a": 1}
    assert store.get_bytes(newest.digest) == b'{"a":1}'


def test_an_artifact_that_no_event_speaks_of_is_loaded_by_its_first_bytes(
    store: Store, tmp_path: Path
) -> None:
    digest, _ = ArtifactStore(open_object_store(tmp_path.as_uri())).put_bytes(b'{"b":2}')
    assert store.load(digest) == {"b": 2}


def test_what_is_not_there_is_a_lookup_error(store: Store) -> None:
    with pytest.raises(LookupFailed):
        store.load("00000000")
    with pytest.raises(LookupFailed):
        store.lineage("nope")


def test_a_run_shows_itself_as_a_tree_and_gives_its_events(store: Store) -> None:
    run = lineage(run=RUN, store=store)
    assert repr(run).startswith(f"{DAG}  {RUN}\n✔ succeeded")
    assert {one.task.task_id for one in run.steps} >= {"load", "evaluate"}
    assert repr(store.lineage(dag=DAG)) == repr(run)


def test_html_escapes_what_comes_from_events(tmp_path: Path) -> None:
    artifacts = ArtifactStore(open_object_store(tmp_path.as_uri()))
    evil = "<img src=x onerror='alert(1)'>\x1b[2J&"
    log.append(event(evil, outputs={evil: ref("x", evil)}, metrics={evil: 1}), artifacts.objects)
    html = lineage(run=RUN, store=tmp_path.as_uri())._repr_html_()
    assert "<img" not in html
    assert "&lt;img src=x onerror=&#x27;" in html
    assert "\x1b" not in html


def test_a_store_shows_new_events_after_refresh(store: Store, tmp_path: Path) -> None:
    before = len(store.artifacts())
    log.append(
        event("new", n=91, at_s=91, outputs={"return_value": ref("new")}),
        open_object_store(tmp_path.as_uri()),
    )
    assert len(store.artifacts()) == before
    store.refresh()
    assert len(store.artifacts()) == before + 1


@pytest.mark.parametrize(
    "first", ["import lading", "from lading.lineage.event import LineageEvent\nimport lading"]
)
def test_lineage_is_a_function_and_a_package(first: str, store: Store) -> None:
    code = f"""
{first}
run = lading.lineage(run={RUN!r}, dag={DAG!r})
from lading.lineage.event import LineageEvent
assert isinstance(run.steps[0], LineageEvent)
import lading.lineage.graph
print(lading.open_store(), lading.lineage.graph.LIMIT)
"""
    environment = {**os.environ, "LADING_STORE": store.url}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.stdout == f"<lading store {store.url}> 2000\n", done.stderr
