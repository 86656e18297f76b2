"""One artifact, and search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from lading.lineage.index import lookup, records, runs
from lading.lineage.index import search as index
from lading.lineage.index import tables as t
from lading.lineage.index.among import chunked
from lading.lineage.index.counts import tallies
from lading.lineage.index.rows import place_ms
from lading.lineage.index.trace import made_by, read_by
from lading.plugin.api import airflow_state, contents, present
from lading.plugin.api.cursors import decode, encode
from lading.plugin.api.instance import metrics_of
from lading.plugin.api.models.artifacts import (
    ArtifactPage,
    Consumer,
    Counts,
    Facets,
    Found,
    Number,
    Search,
    Tally,
    Version,
)
from lading.plugin.api.models.common import Metric, StepFacts
from lading.plugin.api.query import milliseconds_of
from lading.plugin.api.traces import find
from lading_runner.contract import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from fastapi import Response

    from lading.lineage.index.records import ArtifactRecord, AttemptRecord
    from lading.plugin.api.reader import Reader

_MOST_VERSIONS = 100
_MOST_IDENTICAL = 50
_MOST_CONSUMERS = 200
_MOST_FACETS = 200
_MOST_FAILURES = 100


def artifact_page(reader: Reader, artifact_id: str) -> ArtifactPage:
    record = find(reader, artifact_id)
    connection, sight = reader.connection, reader.sight
    producer = made_by(connection, record, sight)
    event = lookup.bodies(connection, [producer.id])[producer.id] if producer else {}
    consumers = read_by(connection, record, sight)
    versions, all_versions = lookup.versions(connection, record, _MOST_VERSIONS)
    more_versions = all_versions - len(versions)
    since_ms = place_ms(versions[-1].place) if more_versions else 0
    failures = lookup.failures(connection, record, since_ms, _MOST_FAILURES)
    identical, all_identical = lookup.identical(connection, record, sight, _MOST_IDENTICAL)
    there = contents.presence(record)
    values = airflow_state.values(reader.session, [record])
    return ArtifactPage.model_construct(
        artifact=present.graph_artifact(record, all_identical, values, producer),
        stored=there.stored,
        preview=there.preview,
        store_problem=there.problem,
        producer=_steps(reader, [producer])[producer.id] if producer else None,
        params=event.get("params") or {},
        metrics=metrics_of(event),
        consumers=_consumers(reader, consumers[-_MOST_CONSUMERS:]),
        more_consumers=max(0, len(consumers) - _MOST_CONSUMERS),
        versions=_versions(reader, record, versions),
        more_versions=more_versions,
        failures=list(_steps(reader, failures).values()),
        identical=[present.artifact(other) for other in identical],
        more_identical=all_identical - len(identical),
        behind=reader.behind,
    )


def download(reader: Reader, artifact_id: str) -> Response:
    record = find(reader, artifact_id)
    values = airflow_state.values(reader.session, [record])
    return contents.download(record, _spelled(values[record.id]) if record.id in values else None)


def search(reader: Reader, wanted: index.Wanted, *, limit: int, cursor: str | None) -> Search:
    before = decode(cursor, int)
    place = before[0] if before else None
    ids = index.search(reader.connection, wanted, reader.sight, before=place, limit=limit + 1)
    found = records.artifacts_by_id(reader.connection, ids[:limit])
    page = [found[id_] for id_ in ids[:limit]]
    told = _facts(reader, page)
    return Search.model_construct(
        items=[_found(record, told.get(record.id, ())) for record in page],
        next=encode(page[-1].place) if len(ids) > limit else None,
        behind=reader.behind,
    )


def counts(reader: Reader, wanted: index.Wanted, since: Sequence[datetime]) -> Counts:
    since_ms = [milliseconds_of(moment) for moment in since]
    found = tallies(reader.connection, wanted, reader.sight, since_ms)
    return Counts(
        types=Tally(counts=found.types.counts, more=found.types.more),
        dag_ids=Tally(counts=found.dag_ids.counts, more=found.dag_ids.more),
        since=[Number(count=one.number, more=one.more) for one in found.since],
        behind=reader.behind,
    )


def facets(reader: Reader) -> Facets:
    return Facets(**index.facets(reader.connection, reader.sight, _MOST_FACETS))


def _spelled(value: Any) -> bytes | None:
    """The bytes that a value of an XCom row has as an artifact; None: it has none."""
    try:
        return canonical_json(value)
    except (ValueError, RecursionError):
        return None


def _found(record: ArtifactRecord, told: Iterable[runs.Fact]) -> Found:
    told = list(told)
    return Found.model_construct(
        artifact=present.artifact(record),
        metrics=[
            Metric.model_construct(name=f.name, value=f.value, higher_is_better=f.better)
            for f in told
            if f.kind == t.METRIC
        ],
        params={f.name: f.value for f in told if f.kind == t.PARAM},
    )


def _facts(reader: Reader, page: Iterable[ArtifactRecord]) -> dict[int, list[runs.Fact]]:
    """Of the newest attempt that made each artifact."""
    page = list(page)
    query = select(t.edge.c.artifact, t.event.c.time_ms, t.event.c.uuid, t.event.c.id)
    query = query.join(t.event, t.event.c.id == t.edge.c.event).where(t.edge.c.direction == t.WROTE)
    makers: dict[int, tuple[int, str, int]] = {}
    for artifact, *maker in chunked(
        reader.connection, query, t.edge.c.artifact, [record.id for record in page]
    ):
        makers[artifact] = max(tuple(maker), makers.get(artifact, (0, "", 0)))
    by_event: dict[int, list[runs.Fact]] = {}
    for fact in runs.facts(reader.connection, {event for *_, event in makers.values()}):
        by_event.setdefault(fact.event, []).append(fact)
    return {artifact: by_event.get(event, []) for artifact, (*_, event) in makers.items()}


def _versions(reader: Reader, of: ArtifactRecord, versions: list[ArtifactRecord]) -> list[Version]:
    told = _facts(reader, versions)
    return [
        Version.model_construct(
            artifact=present.artifact(record),
            metrics=_found(record, told.get(record.id, ())).metrics,
            same_bytes=record.digest == of.digest,
        )
        for record in versions
    ]


def _consumers(
    reader: Reader, consumers: Sequence[tuple[AttemptRecord, records.EdgeRecord]]
) -> list[Consumer]:
    steps = _steps(reader, [record for record, _ in consumers])
    return [
        Consumer.model_construct(step=steps[record.id], param=edge.param, element=edge.element)
        for record, edge in consumers
    ]


def _steps(reader: Reader, attempts: Sequence[AttemptRecord]) -> dict[int, StepFacts]:
    """By event."""
    ages = records.ages(reader.connection, {record.step for record in attempts})
    last = records.newest(ages)
    counts: dict[int, int] = {}
    for age in ages:
        counts[age.step] = counts.get(age.step, 0) + 1
    states = airflow_state.states(reader.session, {present.key_of(record) for record in attempts})
    found = {}
    for record in attempts:
        old = last[record.step].id != record.id
        state = None if old else states.get(present.key_of(record))
        found[record.id] = present.step(record, attempts=counts[record.step], state=state, superseded=old)
    return found
