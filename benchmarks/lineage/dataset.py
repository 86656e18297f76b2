"""Rows of a large index, made without events: loading is not what is measured."""

from __future__ import annotations

import hashlib
import json
import random
import time
import zlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from lading.lineage.index import tables as t
from lading.lineage.index.insert import insert
from lading.lineage.index.rows import SeriesKey, place, uid
from lading.lineage.nodes import ArtifactKey, StepKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, Engine

DAGS = 20
STEPS = 50  # of a run; each writes one artifact and reads two
_CHUNK_RUNS = 500
_BODY = zlib.compress(json.dumps({"note": "of a benchmark"}).encode())
_TYPES = (("pandas.DataFrame", "arrow"), ("sklearn.SVC", "skops"), ("dict", "json"), ("numpy.ndarray", "npy"))


def names(dag: int, run: int, step: int) -> StepKey:
    return StepKey(f"pipeline_{dag:02}", f"scheduled__{run:06}", f"stage_{step:02}", -1)


def load(engine: Engine, artifacts: int) -> None:
    """Indexes are made afterwards, as a rebuild could not; then what a server does by itself later."""
    with engine.begin() as connection:
        t.metadata.create_all(connection)
        indexes = [index for table in t.metadata.sorted_tables for index in table.indexes]
        for index in indexes:
            index.drop(connection, checkfirst=True)
        _load_dags_and_series(connection)
        for some in _chunks(artifacts // STEPS // DAGS):
            for table, rows in _rows(some).items():
                _insert(connection, table, rows)
        for index in indexes:
            index.create(connection)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE"))


def _chunks(runs: int) -> Iterator[list[tuple[int, int]]]:
    """(dag, run), in order of time."""
    pairs = [(dag, run) for run in range(runs) for dag in range(DAGS)]
    for n in range(0, len(pairs), _CHUNK_RUNS):
        yield pairs[n : n + _CHUNK_RUNS]


def _series(dag: int, step: int) -> SeriesKey:
    type_, format_ = _TYPES[step % len(_TYPES)]
    key = names(dag, 0, step)
    return SeriesKey(key.dag_id, key.task_id, "return_value", False, type_, format_)


def _load_dags_and_series(connection: Connection) -> None:
    _insert(connection, t.dag, [(dag + 1, names(dag, 0, 0).dag_id) for dag in range(DAGS)])
    rows = []
    for dag in range(DAGS):
        for step in range(STEPS):
            key = _series(dag, step)
            rows.append((dag * STEPS + step + 1, dag + 1, *key[1:], key.uid))
    _insert(connection, t.series, rows)


def _rows(runs: list[tuple[int, int]]) -> dict[sa.Table, list[tuple[Any, ...]]]:
    found: dict[sa.Table, list[tuple[Any, ...]]] = {
        table: [] for table in (t.run, t.step, t.event, t.body, t.artifact, t.edge, t.fact)
    }
    for dag, run in runs:
        number = run * DAGS + dag  # of the run
        started = _began(number)
        found[t.run].append((number + 1, dag + 1, names(dag, run, 0).run_id, started))
        for step in range(STEPS):
            _add_step(found, dag, run, step, started + step * 1000)
    return found


def _began(number: int) -> int:
    return int(time.time() * 1000) // 86_400_000 * 86_400_000 - 400 * 86_400_000 + number * 60_000


def _add_step(
    found: dict[sa.Table, list[tuple[Any, ...]]], dag: int, run: int, step: int, time_ms: int
) -> None:
    number, key = run * DAGS + dag, names(dag, run, step)
    id_ = number * STEPS + step + 1  # of step, event and artifact alike
    digest = hashlib.sha256(f"{id_ % 900_000}".encode()).hexdigest()  # some have the same bytes
    name = uid("artifact", ArtifactKey(key, "return_value", None, f"sha256:{digest}").id)
    accuracy = random.Random(id_).random()
    brief = json.dumps({"metrics": [["accuracy", accuracy, True]]})
    place_ids = (dag + 1, number + 1)
    found[t.step].append((id_, *place_ids, key.task_id, -1))
    uuid = f"{time_ms:012x}"
    uuid = f"{uuid[:8]}-{uuid[8:]}-7000-8000-{id_:012x}"
    found[t.event].append(
        (id_, uuid, *place_ids, id_, time_ms, 1, 1, "succeeded", "@task.step", "k8s", 1.5, brief)
    )
    found[t.body].append((id_, _BODY))
    series = dag * STEPS + step + 1
    meta = '{"shape": [1000, 20]}'
    found[t.artifact].append(
        (id_, name, *place_ids, id_, series, "return_value", None, digest, 80_000, meta, place(time_ms, name))
    )
    found[t.edge].append((id_, t.WROTE, 0, id_, "return_value"))
    for position, source in enumerate(_sources(dag, run, step, id_)):
        found[t.edge].append((id_, t.READ, position, source, "rows"))
    text = json.dumps(accuracy)
    found[t.fact].append((id_, t.METRIC, 0, dag + 1, "accuracy", text, accuracy, 1))


def _sources(dag: int, run: int, step: int, id_: int) -> tuple[int, int]:
    """Two earlier artifacts: of this run, and for the first steps of earlier runs and of the DAG before."""
    if step >= 8:
        return id_ - 1, id_ - 8
    hub = 1  # one data set that all runs begin with
    before = ((run - 1) * DAGS + dag) * STEPS + STEPS if run else hub
    other = (run * DAGS + dag - 1) * STEPS + STEPS if dag else hub
    return (before if step % 2 else max(1, id_ - 1), other if step == 0 else hub)


def _insert(connection: Connection, table: sa.Table, rows: list[tuple[Any, ...]]) -> None:
    insert(connection, table, [column.name for column in table.columns], rows)
