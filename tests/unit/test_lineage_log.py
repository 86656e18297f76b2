from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from lading.lineage import log
from lading_runner.contract import canonical_json
from lading_runner.errors import StoreError
from lineage_samples import DAG, RUN, START, MemoryStore, event, report, sweep


def filled(*events: Any) -> MemoryStore:
    store = MemoryStore()
    for one in events:
        log.append(one, store)
    return store


def test_what_was_appended_is_read_in_order_of_time() -> None:
    events = [*sweep(), *report()]
    store = filled(*reversed(events))
    found = list(log.read(store))
    assert {e.id for e in found} == {e.id for e in events}
    assert [e.time for e in found] == sorted(e.time for e in events)
    assert found[0] == next(e for e in events if e.id == found[0].id)


def test_appending_twice_changes_nothing_and_another_event_is_refused() -> None:
    one = event("load")
    store = filled(one, one)
    assert len(store.objects) == 1
    with pytest.raises(StoreError, match="already holds another lineage event"):
        log.append(one.replace(operator="@task"), store)
    assert list(log.read(store)) == [one]


def test_a_run_is_told_from_others() -> None:
    store = filled(*sweep(), *report(), event("load", run_id="manual__é"))
    assert {e.task.run_id for e in log.read(store, dag_id=DAG, run_id=RUN)} == {RUN}
    assert len(list(log.read(store, dag_id="report"))) == 3
    assert len(list(log.read(store, run_id="manual__é"))) == 1
    assert list(log.read(store, dag_id="digit")) == []


def test_a_range_reads_only_its_days_and_keeps_to_its_ends() -> None:
    days = [event("t", n=d + 1, at_s=86_400 * d) for d in range(10)]
    store = filled(*days)
    since = START + timedelta(days=4)
    assert list(log.read(store, since=since, until=since + timedelta(days=1))) == days[4:6]
    assert {key[8:18] for key in store.reads} <= {f"2026-11-{d}" for d in (23, 24, 25, 26)}
    assert list(log.read(store, until=START)) == days[:1]
    assert list(log.read(store, since=START + timedelta(days=9))) == days[9:]


GOOD = event("good", inputs=None, outputs=None)


def changed(**changes: Any) -> bytes:
    return canonical_json({**GOOD.to_json(), **changes})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        GOOD.dumps()[:-9],
        changed(schema=2),
        changed(status="done"),
        changed(time="yesterday"),
        changed(time=7),
        changed(time="2026-11-20T12:00:00"),
        changed(task={"dag_id": 1, "run_id": "r", "task_id": "t"}),
        changed(task=None),
        changed(inputs=[{"param": "x"}]),
        changed(inputs=7),
        changed(
            outputs=[{"name": "x", "artifact": {"digest": "sha256:1", "size": 1, "format": "", "type": ""}}]
        ),
        changed(metrics=[1]),
        changed(operator=None),
        b"[" * 100_000,
    ],
)
def test_what_is_no_event_is_skipped_and_reported(raw: bytes) -> None:
    store = filled(GOOD)
    key = "lineage/2026-11-20/damaged.json"
    store.write(key, raw)
    damaged: list[log.Damaged] = []
    assert list(log.read(store, damaged=damaged)) == [GOOD]
    assert [d.key for d in damaged] == [key]
    assert damaged[0].reason


def test_a_half_written_event_is_reported_whatever_run_is_asked_for() -> None:
    store = filled(*sweep())
    store.write("lineage/2026-11-20/half.json", b'{"task":{"dag')
    damaged: list[log.Damaged] = []
    assert len(list(log.read(store, dag_id=DAG, run_id=RUN, damaged=damaged))) == len(sweep())
    assert [d.key for d in damaged] == ["lineage/2026-11-20/half.json"]


def test_what_lies_beside_the_log_is_not_of_it() -> None:
    store = filled(GOOD)
    store.write("lineage/README", b"x")
    store.write("lineage/2026-11-20/.tmp-1", b"x")
    store.write("lineage/2026-99-99/a.json", b"x")
    damaged: list[log.Damaged] = []
    assert list(log.read(store, damaged=damaged)) == [GOOD]
    assert damaged == []


def test_an_event_that_retention_takes_meanwhile_is_no_error() -> None:
    class Racing(MemoryStore):
        def read(self, key: str) -> bytes:
            raise KeyError(key)

    store = Racing()
    for one in sweep():
        store.write(one.key(), one.dumps())
    assert list(log.read(store)) == []


def test_unknown_fields_of_a_newer_writer_are_no_damage() -> None:
    store = MemoryStore()
    store.write(GOOD.key(), changed(colour="blue"))
    assert list(log.read(store)) == [GOOD]


def test_the_newest_run_is_found_without_reading_all_history() -> None:
    old = [event("t", n=d + 1, at_s=86_400 * d, run_id=f"r{d}") for d in range(50)]
    store = filled(*old, *report())
    store.reads.clear()
    assert log.newest_run(store, DAG) == "r49"
    assert len(store.reads) == 1
    assert log.newest_run(store, "nope") is None


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="no offset"):
        log.moment("2026-11-20T12:00:00")
    assert log.moment("2026-11-20T12:00:00Z") == datetime.fromisoformat("2026-11-20T12:00:00+00:00")
