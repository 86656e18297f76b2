"""Times of the index's queries, and of taking in new events."""

from __future__ import annotations

import random
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from benchmarks.lineage.dataset import DAGS, names
from lading.lineage.event import Input, LineageEvent, Output, now, uuid7
from lading.lineage.index import tables as t
from lading.lineage.index.catchup import Projector
from lading.lineage.index.counts import tallies
from lading.lineage.index.records import Sight, artifacts_by_id, dags
from lading.lineage.index.rungraph import read_run, run_of
from lading.lineage.index.search import Condition, Wanted, search
from lading.lineage.index.trace import trace
from lading_runner.contract import ArtifactRef, Attempt, Producer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Connection, Engine

    from lading_runner.store.base import ObjectStore

_RANDOM = random.Random(7)


class Figure(NamedTuple):
    case: str
    p50_ms: float
    p95_ms: float
    target_ms: float
    n: int
    cpu_ms: float | None = None  # median, of this process


def figure(case: str, seconds: list[float], target_ms: float, cpu: list[float] | None = None) -> Figure:
    ordered = sorted(second * 1000 for second in seconds)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    cpu_ms = statistics.median(cpu) * 1000 if cpu else None
    return Figure(case, statistics.median(ordered), p95, target_ms, len(ordered), cpu_ms)


def queries(engine: Engine, artifacts: int) -> Iterator[Figure]:
    """Each measured on one connection, first uses left out."""
    with engine.connect() as connection:
        known = dags(connection)
        sight = Sight(known, max(known))  # of a user who may read all
        runs = artifacts // 50 // DAGS
        yield _timed("run graph, SQL", 10, 200, lambda: _graph(connection, sight, runs))
        for back, name in ((True, "ancestry"), (False, "descendants")):
            yield _timed(f"{name}, capped at 2,000", 50, 60, _tracer(connection, sight, artifacts, back))
        yield _timed("descendants of what all read", 50, 20, _tracer(connection, sight, 1, False))
        for name, wanted in _searches(connection, artifacts):
            yield _timed(f"search {name}", 100, 40, _searcher(connection, sight, wanted))
        for name, sought in (
            ("everything", Wanted()),
            ("metric that many meet", Wanted(conditions=(_over(0.5),))),
        ):
            yield _timed(f"counts beside {name}", 100, 40, _counter(connection, sight, sought))


def _timed(case: str, target_ms: float, n: int, run: Callable[[], object]) -> Figure:
    for _ in range(3):
        run()
    seconds, cpu = [], []
    for _ in range(n):
        began, worked = time.perf_counter(), time.process_time()
        run()
        seconds.append(time.perf_counter() - began)
        cpu.append(time.process_time() - worked)
    return figure(case, seconds, target_ms, cpu)


def _graph(connection: Connection, sight: Sight, runs: int) -> None:
    key = names(_RANDOM.randrange(DAGS), _RANDOM.randrange(runs), 0)
    run = run_of(connection, key.dag_id, key.run_id)
    assert run is not None
    found = read_run(connection, run, sight)
    assert len(found.steps) == 50


def _tracer(connection: Connection, sight: Sight, artifacts: int, back: bool) -> Callable[[], object]:
    def run() -> None:
        id_ = _RANDOM.randrange(1, artifacts + 1)
        (root,) = artifacts_by_id(connection, [id_]).values()
        found = trace(connection, root, sight, back=back, depth=20, limit=2000)
        assert len(found.attempts) + len(found.artifacts) <= 2000

    return run


def _searches(connection: Connection, artifacts: int) -> Iterator[tuple[str, Callable[[], Wanted]]]:
    digests = list(connection.scalars(sa.select(t.artifact.c.digest).limit(500)))
    yield "everything", Wanted
    yield "q, a word of one task", lambda: Wanted(q="stage_17")
    yield "q, a word of all", lambda: Wanted(q="return")
    yield "type", lambda: Wanted(type="SVC")
    yield "dag and task", lambda: Wanted(dag_id="pipeline_07", task_id="stage_03")
    yield "digest prefix", lambda: Wanted(digest=_RANDOM.choice(digests)[:8])
    yield "run", lambda: Wanted(run_id=names(0, _RANDOM.randrange(artifacts // 50 // DAGS), 0).run_id)
    yield "metric that few meet", lambda: Wanted(conditions=(_over(0.9999),))
    yield "metric that many meet", lambda: Wanted(conditions=(_over(0.5),))
    yield "metric that many meet, one task", lambda: Wanted(task_id="stage_03", conditions=(_over(0.5),))
    yield "nothing", lambda: Wanted(q="no such word")


def _over(value: float) -> Condition:
    return Condition(t.METRIC, "accuracy", ">", str(value), value)


def _searcher(connection: Connection, sight: Sight, wanted: Callable[[], Wanted]) -> Callable[[], object]:
    return lambda: artifacts_by_id(connection, search(connection, wanted(), sight, before=None, limit=51))


def _counter(connection: Connection, sight: Sight, wanted: Wanted) -> Callable[[], object]:
    newest = connection.scalar(sa.select(sa.func.max(t.event.c.time_ms)))
    assert newest is not None
    since_ms = [newest - days * 86_400_000 for days in (1, 7, 30)]
    return lambda: tallies(connection, wanted, sight, since_ms)


def catch_up(engine: Engine, objects: ObjectStore, count: int = 10_000) -> Figure:
    """Seconds, as milliseconds, for ``count`` events of one artifact and four edges each."""
    projector = Projector(engine, objects)
    projector.everything()
    for n in range(count):
        event = _event(n)
        objects.create(event.key(), event.dumps())
    began, worked = time.perf_counter(), time.process_time()
    found = projector.recent()
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    assert found.added == count, found
    return figure(f"catch-up of {count:,} events", [seconds], 5000, [cpu])


def _event(n: int) -> LineageEvent:
    def ref(name: str) -> ArtifactRef:
        import hashlib

        digest = "sha256:" + hashlib.sha256(name.encode()).hexdigest()
        return ArtifactRef(digest, 1000, "arrow", "pandas.DataFrame", {"shape": [100, 10]})

    attempt = Attempt("new", f"run_{n // 100}", "train", n % 100, 1, 1)
    inputs = tuple(
        Input(f"rows[{k}]", ref(f"in {n} {k}"), Producer("new", f"run_{n // 100}", "load", k))
        for k in range(3)
    )
    return LineageEvent(
        id=uuid7(),
        time=now(),
        status="succeeded",
        task=attempt,
        operator="@task.step",
        target="k8s",
        inputs=inputs,
        outputs=(Output("return_value", ref(f"out {n}")),),
        params={"trees": n},
        metrics={"accuracy": n / 10_000},
    )
