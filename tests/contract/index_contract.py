"""What the index promises, on any database: inherit and give ``engine``."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from index_databases import content, everything, index, put, store_of
from lading.lineage.event import now, uuid7
from lading.lineage.graph import History
from lading.lineage.graph import trace as told_by_events
from lading.lineage.index import among
from lading.lineage.index import tables as t
from lading.lineage.index.catchup import Projector
from lading.lineage.index.lookup import artifacts_of_uids, failures, read_artifact, versions
from lading.lineage.index.records import Sight
from lading.lineage.index.rows import uid
from lading.lineage.index.rungraph import read_run, run_of
from lading.lineage.index.search import Wanted, search
from lading.lineage.index.trace import trace
from lading.lineage.nodes import ArtifactKey
from lading_runner.store import open_object_store
from lineage_samples import DAG, RUN, START, by, event, model, ref, report, sweep

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from lading.lineage.event import LineageEvent
    from lading_runner.contract import ArtifactRef


def _event_now(task_id: str, **more: object) -> LineageEvent:
    return event(task_id, **more).replace(id=uuid7(), time=now())  # type: ignore[arg-type]


class IndexContract:
    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    def test_any_order_any_number_of_times_gives_the_same_index(self, engine: Engine) -> None:
        events = [*sweep(), *report()]
        index(engine, store_of(events))
        expected = content(engine)
        assert len(expected["events"]) == len(events)
        for seed in range(3):
            _empty(engine)
            shuffled = random.Random(seed).sample(events, len(events))
            for one in shuffled:  # each alone, so that later ones meet what earlier ones left
                index(engine, store_of([one]))
                index(engine, store_of([one]))
            assert content(engine) == expected

    def test_traces_are_those_that_the_events_tell(self, engine: Engine) -> None:
        events = [*sweep(), *report()]
        index(engine, store_of(events))
        history = History(events)
        with engine.connect() as connection:
            sight = everything(connection)
            for key in history.refs:
                if key.element is not None:
                    continue
                root = read_artifact(connection, uid("artifact", key.id), sight)
                assert root is not None
                for back in (True, False):
                    found = trace(connection, root, sight, back=back, depth=100, limit=2000)
                    told = told_by_events(history, key.digest, back=back)
                    expected = {node.event.id for node in _of_root(told, history, key, back)}
                    assert {record.uuid for record in found.attempts.values()} == expected

    def test_a_limit_and_a_depth_are_told(self, engine: Engine) -> None:
        index(engine, store_of([*sweep(), *report()]))
        with engine.connect() as connection:
            sight = everything(connection)
            page = _artifact(
                connection, "report", "publish", "return_value", ref("page", "str", "text", 5120)
            )
            whole = trace(connection, page, sight, back=True, depth=100, limit=2000)
            assert (whole.left_out, whole.deeper) == (0, False)
            cut = trace(connection, page, sight, back=True, depth=100, limit=6)
            assert len(cut.attempts) + len(cut.artifacts) == 6
            assert cut.left_out > 0
            shallow = trace(connection, page, sight, back=True, depth=1, limit=2000)
            assert (shallow.deeper, {a.task_id for a in shallow.attempts.values()}) == (True, {"publish"})

    def test_an_id_with_more_behind_it_is_another(self, engine: Engine) -> None:
        index(engine, store_of(sweep()))
        with engine.connect() as connection:
            known, sight = connection.scalar(sa.select(t.artifact.c.uid)), everything(connection)
            assert [*artifacts_of_uids(connection, [f"{known}0", f"{known}"], sight)] == [known]
            assert artifacts_of_uids(connection, [f"{known}0"], sight) == {}
            assert read_artifact(connection, f"{known}0", sight) is None

    def test_a_cut_does_not_hang_on_how_many_are_asked_for_at_once(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Eight read one artifact and write one each; the first did it twice, with the same result."""
        made = ref("made", "str", "text")
        told = [event("make", n=1, outputs={"return_value": made})]
        for n in range(9):
            task, again = (f"use_{n % 8}", n // 8 + 1)
            told.append(
                event(task, n=n + 2, at_s=n + 1, try_number=again, inputs={"x": (made, by("make"))},
                      outputs={"return_value": ref(f"out_{n % 8}", "str", "text")})
            )  # fmt: skip
        index(engine, store_of(told))
        with engine.connect() as connection:
            sight = everything(connection)
            root = _artifact(connection, DAG, "make", "return_value", made)
            for limit in range(2, 20):
                cuts = []
                for at_once in (900, 4, 1):
                    monkeypatch.setattr(among, "_MOST", at_once)
                    cuts.append(trace(connection, root, sight, back=False, depth=9, limit=limit))
                assert cuts[0] == cuts[1] == cuts[2]
                assert bool(cuts[0].left_out) == (limit < 1 + 9 + 8)
            assert sum(edge.direction == t.WROTE for edge in cuts[0].edges) == 9

    def test_a_dag_out_of_sight_is_not_passed_through(self, engine: Engine) -> None:
        """a of one DAG, through a hidden one, to c of a third: nothing leads from a to c."""
        a, b, c = (ref(name, "str", "text") for name in "abc")
        events = [
            event("make", n=1, at_s=1, dag_id="open", outputs={"return_value": a}),
            event("pass", n=2, at_s=2, dag_id="hidden", inputs={"x": (a, by("make", dag_id="open"))},
                  outputs={"return_value": b}),
            event("use", n=3, at_s=3, dag_id="open2", inputs={"x": (b, by("pass", dag_id="hidden"))},
                  outputs={"return_value": c}),
        ]  # fmt: skip
        index(engine, store_of(events))
        with engine.connect() as connection:
            root = _artifact(connection, "open", "make", "return_value", a)
            full = trace(connection, root, everything(connection), back=False, depth=9, limit=99)
            assert {r.task_id for r in full.attempts.values()} == {"pass", "use"}
            sight = Sight({i: n for i, n in everything(connection).dags.items() if n != "hidden"})
            assert not trace(connection, root, sight, back=False, depth=9, limit=99).attempts
            end = _artifact(connection, "open2", "use", "return_value", c)
            back = trace(connection, end, sight, back=True, depth=9, limit=99)
            assert {r.dag_id for r in back.artifacts.values()} == {"open2"}
            run = run_of(connection, "open2", RUN)
            assert run is not None
            assert not [e for e in read_run(connection, run, sight).edges if e.direction == t.READ]
            assert search(connection, Wanted(q="pass"), sight, before=None, limit=9) == []

    def test_elements_lead_to_their_list(self, engine: Engine) -> None:
        index(engine, store_of(sweep()))
        with engine.connect() as connection:
            run = run_of(connection, DAG, RUN)
            assert run is not None
            found = read_run(connection, run, everything(connection))
            settings = [a for a in found.artifacts.values() if a.task_id == "settings"]
            assert [(a.name, a.element) for a in settings] == [("return_value", None)]
            read = {e.element for e in found.edges if e.artifact == settings[0].id and e.direction == t.READ}
            assert read == {f"[{n}]" for n in range(8)}

    def test_a_retry_leaves_one_step_with_two_attempts(self, engine: Engine) -> None:
        index(engine, store_of(sweep()))
        with engine.connect() as connection:
            run = run_of(connection, DAG, RUN)
            assert run is not None
            found = read_run(connection, run, everything(connection))
            step = next(r for r in found.steps.values() if (r.task_id, r.map_index) == ("train", 2))
            assert (step.status, step.try_number, found.attempts[step.step]) == ("succeeded", 2, 2)

    def test_what_is_no_event_is_told_and_looked_at_again(self, engine: Engine) -> None:
        store = store_of(sweep())
        good = event("late", n=7, at_s=50)
        whole = good.dumps()
        store.write(good.key(), whole[: len(whole) // 2])  # half-written
        store.write("lineage/2026-11-20/x.json", b"\xff\xfe")
        other = event("other", n=8, at_s=51)
        store.write("lineage/2026-11-20/wrong-name.json", other.dumps())
        newer = json.loads(event("newer", n=9, at_s=52).dumps())
        newer_key = event("newer", n=9, at_s=52).key()
        store.write(newer_key, json.dumps({**newer, "schema": 2}).encode())
        nul = event("nul", n=10, at_s=53, dag_id="a\0b")
        store.write(nul.key(), nul.dumps())
        huge = event("huge", n=11, at_s=54, map_index=2**70)
        store.write(huge.key(), huge.dumps())
        projector = Projector(engine, store)
        assert projector.everything().damaged == 6
        told = dict(row[:2] for row in content(engine)["damaged"])
        assert set(told) == {good.key(), newer_key, nul.key(), huge.key(), "lineage/2026-11-20/x.json",
                             "lineage/2026-11-20/wrong-name.json"}  # fmt: skip
        assert "upgrade" in told[newer_key]
        store.write(good.key(), whole)
        assert projector.everything().added == 0  # a minute must pass
        with engine.begin() as connection:
            connection.execute(sa.update(t.damaged).values(seen_ms=0))
        assert projector.everything().added == 1
        assert good.key() not in dict(row[:2] for row in content(engine)["damaged"])

    def test_new_events_are_found_with_few_listings(self, engine: Engine) -> None:
        store = store_of(sweep())
        projector = Projector(engine, store)
        assert projector.recent().added == len(sweep())
        fresh = _event_now("fresh")
        put(store, [fresh])
        store.reads.clear()
        found = projector.recent()
        assert (found.added, found.listed) == (1, 1)
        assert store.reads == [fresh.key()]

    def test_a_late_event_is_found_by_looking_through_everything(self, engine: Engine) -> None:
        store = store_of(sweep())
        projector = Projector(engine, store)
        projector.recent()
        began = datetime.now(UTC) - timedelta(hours=7)  # the id of a step's event has the job's begin
        stamp = f"{int(began.timestamp() * 1000):012x}"
        late = event("long_job").replace(id=f"{stamp[:8]}-{stamp[8:]}-7000-8000-000000000001", time=now())
        put(store, [late])
        assert projector.recent().added == 0
        assert projector.recent(back_s=86_400).added == 1

    def test_any_character_is_kept(self, engine: Engine) -> None:
        texts = [
            "\\N",
            "\\",
            "\\.",
            "\t",
            "a\nb",
            "\r\n",
            "",
            " ",
            "'\"`;",
            "%s",
            "𝄞ß",
            "\\x41",
            "\x01\x7f",
            ",",
        ]
        uris = [{"uri": text, "version": text} for text in texts]
        index(engine, store_of([
            event("train", params={f"{n:02}": text for n, text in enumerate(texts)},
                  outputs={text or "-": ref(f"of {text}") for text in sorted(texts)},
                  external={"inputs": uris, "outputs": [{"uri": "s3://a"}]})
        ]))  # fmt: skip
        with engine.connect() as connection:
            facts = connection.scalars(sa.select(t.fact.c.text).order_by(t.fact.c.position))
            assert list(facts) == texts
            names = connection.scalars(sa.select(t.artifact.c.name).order_by(t.artifact.c.id))
            assert list(names) == [text or "-" for text in sorted(texts)]
            order = t.external.c.direction, t.external.c.position
            found = connection.execute(sa.select(t.external.c.uri, t.external.c.version).order_by(*order))
            assert list(found) == [*zip(texts, texts, strict=True), ("s3://a", None)]

    def test_failures_are_of_the_same_task_and_of_newest_attempts(self, engine: Engine) -> None:
        lost = {"type": "JobLost", "message": "gone", "class": "infra"}
        bad: dict[str, Any] = {"status": "failed", "error": lost}
        made: dict[str, Any] = {"outputs": {"return_value": model(1)}}
        index(engine, store_of([
            event("train", n=1, at_s=1, run_id="first", **bad),
            event("train", n=2, at_s=2, run_id="second", **made),
            event("train", n=3, at_s=3, run_id="third", **bad),
            event("train", n=4, at_s=4, run_id="again", **bad),
            event("train", n=5, at_s=5, run_id="again", try_number=2, **made),
            event("train", n=6, at_s=6, run_id="third", map_index=0, **bad),
            event("other", n=7, at_s=7, run_id="third", **bad),
            event("train", n=8, at_s=8, run_id="elsewhere", dag_id="elsewhere", **bad),
            event("train", n=9, at_s=9, run_id="late", **bad),
        ]))  # fmt: skip
        with engine.connect() as connection:
            of = _artifact(connection, DAG, "train", "return_value", model(1))

            def runs(since_s: float, limit: int = 9) -> list[str]:
                since_ms = round((START.timestamp() + since_s) * 1000)
                return [one.run_id for one in failures(connection, of, since_ms, limit)]

            assert runs(0) == ["late", "third", "first"]
            assert runs(2) == ["late", "third"]
            assert runs(0, limit=1) == ["late"]

    def test_versions_are_of_one_output(self, engine: Engine) -> None:
        index(engine, store_of(report()))
        with engine.connect() as connection:
            newest = _artifact(
                connection, "report", "predict", "return_value", ref("new", "numpy.ndarray", "npy", 9)
            )
            found, total = versions(connection, newest, 10)
            assert (total, [a.digest[:8] for a in found]) == (
                2,
                [r.digest[7:15] for r in (ref("new"), ref("old"))],
            )

    @pytest.mark.slow
    def test_several_processes_lose_and_double_nothing(self, engine: Engine, tmp_path: Path) -> None:
        folder = tmp_path / "store"
        store = open_object_store(f"file://{folder}")
        events = [
            event("train", n=n, at_s=n, run_id=f"r{n % 7}", map_index=n,
                  outputs={"return_value": model(n % 50)}, metrics={"a": n},
                  inputs={"rows": (ref("rows"), by("load", run_id=f"r{n % 7}"))})
            for n in range(1, 1501)
        ]  # fmt: skip
        put(store, events)
        index(engine, store)
        expected = content(engine)
        for _ in range(5):  # SQLite is not fair: one of them may be served again and again
            _empty(engine)
            added = _by_four_processes(engine, folder)
            assert sum(added) == 1500
            assert content(engine) == expected
            if sum(count > 0 for count in added) >= 2:
                return
        pytest.fail(f"the processes did not meet: {added}")

    def test_a_writer_waits_for_its_turn(self, engine: Engine) -> None:
        """Nothing that another has not committed is doubled."""
        import threading

        from lading.lineage.index.projection import add, lock
        from lading.lineage.index.rows import rows

        store = store_of(sweep())
        done = threading.Event()
        with engine.begin() as connection:
            lock(connection)
            add(connection, [rows(e, e.dumps()) for e in sweep()])
            other = threading.Thread(target=lambda: (Projector(engine, store).everything(), done.set()))
            other.start()
            time.sleep(0.3)
            assert not done.is_set()
        other.join(60)
        assert done.is_set()
        assert len(content(engine)["events"]) == len(sweep())


def _by_four_processes(engine: Engine, folder: Path) -> list[int]:
    """How many events each of them added."""
    url = engine.url.render_as_string(hide_password=False)
    worker = Path(__file__).parents[1] / "index_worker.py"
    argv = [sys.executable, "-W", "ignore", str(worker), url, str(folder)]
    pipe = subprocess.PIPE
    workers = [subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for process in workers:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in workers:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    added = [int(process.communicate(timeout=250)[0]) for process in workers]
    assert [process.returncode for process in workers] == [0] * 4
    return added


def _empty(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in t.metadata.sorted_tables:
            if table is not t.state:
                connection.execute(sa.delete(table))


def _artifact(connection: sa.Connection, dag_id: str, task_id: str, name: str, of: ArtifactRef):
    query = sa.select(t.artifact.c.uid).join(t.dag, t.dag.c.id == t.artifact.c.dag)
    query = query.where(t.dag.c.dag_id == dag_id, t.artifact.c.digest == of.digest[7:])
    query = query.join(t.step, t.step.c.id == t.artifact.c.step).where(t.step.c.task_id == task_id)
    found = read_artifact(connection, str(connection.scalar(query)), everything(connection))
    assert found is not None
    assert found.name == name
    return found


def _of_root(told, history: History, key: ArtifactKey, back: bool):
    """Steps of a trace that starts at all artifacts with these bytes, from ``key`` alone."""
    if len(told.roots) == 1:
        return list(told.steps.values())
    steps, queue, seen = {}, [key], {key}
    while queue:
        at = queue.pop()
        for node in history.writers(at) if back else history.readers(at):
            if node.event.id in steps:
                continue
            steps[node.event.id] = node
            items = (
                [ArtifactKey.read(i) for i in node.event.inputs]
                if back
                else [ArtifactKey.written(node.event, o) for o in node.event.outputs]
            )
            queue += [item for item in items if item not in seen]
            seen.update(items)
    return list(steps.values())
