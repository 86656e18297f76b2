"""Adds the rows of events to the index. One writer at a time, of however many processes; an event whose
``uuid`` is there already adds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import bindparam, func, select, update

from lading.errors import IndexBroken
from lading.lineage.index import tables as t
from lading.lineage.index.among import chunked
from lading.lineage.index.insert import insert
from lading.lineage.index.rows import EventRow, ExternalRow, FactRow, Link, SeriesKey, place_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

    from lading.lineage.index.rows import ArtifactRow, EventRows
    from lading.lineage.nodes import StepKey

_T = TypeVar("_T")


def lock(connection: Connection) -> None:
    """Waits for its turn; held until the transaction ends."""
    turn = connection.execute(update(t.state).where(t.state.c.name == t.WRITER).values(value=""))
    if turn.rowcount != 1:
        raise IndexBroken(
            "table lading_state has no row 'writer', so nothing can be added to the lineage index; "
            "make it anew: lading index rebuild"
        )


def add(connection: Connection, events: Iterable[EventRows]) -> int:
    """How many were new; to be called with ``lock`` held, in one transaction."""
    distinct = {rows.event.uuid: rows for rows in events}
    uuid = t.event.c.uuid
    known = {name for (name,) in chunked(connection, select(uuid), uuid, distinct)}
    new = [rows for name, rows in distinct.items() if name not in known]
    if new:
        _Batch(connection, new).add()
    return len(new)


class _Batch:
    """Ids of what the events mention, those of new rows counted up: nobody else adds rows meanwhile."""

    def __init__(self, connection: Connection, events: Sequence[EventRows]) -> None:
        self.connection, self.events = connection, events
        self.dags: dict[str, int] = {}
        self.runs: dict[tuple[str, str], int] = {}
        self.steps: dict[StepKey, int] = {}
        self.series: dict[SeriesKey, int] = {}
        self.artifacts: dict[str, int] = {}

    def add(self) -> None:
        mentioned: dict[str, ArtifactRow] = {}
        for rows in self.events:
            for name, row in rows.artifacts.items():
                if name not in mentioned or row.place < mentioned[name].place:
                    mentioned[name] = row
        steps = dict.fromkeys(rows.step for rows in self.events)
        steps.update(dict.fromkeys(row.key.step for row in mentioned.values()))
        started = self._started(mentioned.values())
        self._add_dags(steps)
        self._add_runs(started)
        self._add_steps(steps)
        self._add_series(dict.fromkeys(row.series for row in mentioned.values()))
        self._add_artifacts(mentioned)
        self._add_events()

    def _started(self, mentioned: Iterable[ArtifactRow]) -> dict[tuple[str, str], int]:
        """Runs with the earliest moment that these events know of."""
        found: dict[tuple[str, str], int] = {}
        for row in mentioned:  # its producer ended before it was read; a run without an event sorts by that
            key, moment = row.key.step[:2], place_ms(row.place)
            found[key] = min(moment, found.get(key, moment))
        for rows in self.events:
            key = rows.step[:2]
            found[key] = min(rows.started_ms, found.get(key, rows.started_ms))
        return found

    def _add_dags(self, steps: Iterable[StepKey]) -> None:
        names = list(dict.fromkeys(step.dag_id for step in steps))
        rows = chunked(self.connection, select(t.dag.c.dag_id, t.dag.c.id), t.dag.c.dag_id, names)
        self.dags.update({row[0]: row[1] for row in rows})
        missing = [name for name in names if name not in self.dags]
        new = list(self._numbered(t.dag, missing))
        self.dags.update((name, id_) for id_, name in new)
        insert(self.connection, t.dag, ("id", "dag_id"), new)

    def _add_runs(self, started: Mapping[tuple[str, str], int]) -> None:
        names = {id_: name for name, id_ in self.dags.items()}
        query = select(t.run.c.id, t.run.c.dag, t.run.c.run_id, t.run.c.started_ms)
        query = query.where(t.run.c.dag.in_(list(names)))
        earlier = []
        for id_, dag, run_id, known in chunked(
            self.connection, query, t.run.c.run_id, list({run_id for _, run_id in started})
        ):
            key = names[dag], run_id
            self.runs[key] = id_
            if key in started and started[key] < known:
                earlier.append((id_, started[key]))
        missing = [key for key in started if key not in self.runs]
        new = []
        for id_, key in self._numbered(t.run, missing):
            self.runs[key] = id_
            new.append((id_, self.dags[key[0]], key[1], started[key]))
        insert(self.connection, t.run, ("id", "dag", "run_id", "started_ms"), new)
        self._set(t.run, "started_ms", earlier)

    def _add_steps(self, steps: Iterable[StepKey]) -> None:
        steps = list(steps)
        runs = {id_: key for key, id_ in self.runs.items()}
        query = select(t.step.c.id, t.step.c.run, t.step.c.task_id, t.step.c.map_index)
        query = query.where(t.step.c.task_id.in_(list({step.task_id for step in steps})))
        by_place = {(self.runs[step[:2]], step.task_id, step.map_index): step for step in steps}
        for id_, *place in chunked(self.connection, query, t.step.c.run, list(runs)):
            if step := by_place.get(tuple(place)):
                self.steps[step] = id_
        missing = [step for step in steps if step not in self.steps]
        new = []
        for id_, step in self._numbered(t.step, missing):
            self.steps[step] = id_
            new.append((id_, self.dags[step.dag_id], self.runs[step[:2]], step.task_id, step.map_index))
        insert(self.connection, t.step, ("id", "dag", "run", "task_id", "map_index"), new)

    def _add_series(self, series: Iterable[SeriesKey]) -> None:
        by_key = {key.uid: key for key in series}
        query = select(t.series.c.key, t.series.c.id)
        for name, id_ in chunked(self.connection, query, t.series.c.key, list(by_key)):
            self.series[by_key[name]] = id_
        missing = [key for key in by_key.values() if key not in self.series]
        new = []
        for id_, key in self._numbered(t.series, missing):
            self.series[key] = id_
            new.append((id_, self.dags[key.dag_id], *key[1:], key.uid))
        insert(self.connection, t.series, ("id", "dag", *SeriesKey._fields[1:], "key"), new)

    def _add_artifacts(self, mentioned: Mapping[str, ArtifactRow]) -> None:
        query = select(t.artifact.c.uid, t.artifact.c.id, t.artifact.c.place)
        earlier = []
        for name, id_, place in chunked(self.connection, query, t.artifact.c.uid, list(mentioned)):
            self.artifacts[name] = id_
            if mentioned[name].place < place:
                earlier.append((id_, mentioned[name].place))
        missing = [name for name in mentioned if name not in self.artifacts]
        new = []
        for id_, name in self._numbered(t.artifact, missing):
            self.artifacts[name] = id_
            new.append(self._artifact(id_, name, mentioned[name]))
        insert(self.connection, t.artifact, _ARTIFACT, new)
        self._set(t.artifact, "place", earlier)

    def _artifact(self, id_: int, name: str, row: ArtifactRow) -> tuple[Any, ...]:
        """In the order of ``_ARTIFACT``."""
        step = row.key.step
        of = self.dags[step.dag_id], self.runs[step[:2]], self.steps[step], self.series[row.series]
        digest = row.key.digest.removeprefix("sha256:")
        return id_, name, *of, row.key.key, row.element, digest, row.size, row.meta, row.place

    def _add_events(self) -> None:
        events, bodies, edges, externals, facts = [], [], [], [], []
        for id_, rows in self._numbered(t.event, self.events):
            dag = self.dags[rows.step.dag_id]
            events.append((id_, dag, self.runs[rows.step[:2]], self.steps[rows.step], *rows.event))
            bodies.append((id_, rows.body))
            edges += [(id_, way, n, self.artifacts[name], param) for way, n, name, param in rows.links]
            externals += [(id_, *row) for row in rows.externals]
            facts += [(id_, dag, *row) for row in rows.facts]
        insert(self.connection, t.event, ("id", "dag", "run", "step", *EventRow._fields), events)
        insert(self.connection, t.body, ("event", "json"), bodies)
        insert(self.connection, t.edge, ("event", *Link._fields), edges)
        insert(self.connection, t.external, ("event", *ExternalRow._fields), externals)
        insert(self.connection, t.fact, ("event", "dag", *FactRow._fields), facts)

    def _numbered(self, table: Table, items: Sequence[_T]) -> Iterator[tuple[int, _T]]:
        if not items:
            return iter(())
        last = self.connection.scalar(select(func.max(table.c.id))) or 0
        return enumerate(items, last + 1)

    def _set(self, table: Table, column: str, values: Sequence[tuple[int, int]]) -> None:
        if values:
            query = update(table).where(table.c.id == bindparam("row")).values({column: bindparam("new")})
            self.connection.execute(query, [{"row": id_, "new": value} for id_, value in values])


_ARTIFACT = (
    *("id", "uid", "dag", "run", "step", "series", "name", "element"),
    *("digest", "size", "meta", "place"),
)
