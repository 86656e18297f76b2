"""One artifact, and search."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import select

from lading.lineage.index import lookup, records, runs
from lading.lineage.index import search as index
from lading.lineage.index import tables as t
from lading.lineage.index.trace import made_by, read_by
from lading.plugin.api import airflow_state, contents, present
from lading.plugin.api.cursors import decode, encode
from lading.plugin.api.instance import metrics_of
from lading.plugin.api.models.artifacts import ArtifactPage, Consumer, Facets, Found, Search, Version
from lading.plugin.api.models.common import Metric, StepFacts
from lading.plugin.api.problems import ProblemError
from lading.plugin.api.traces import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lading.lineage.index.records import ArtifactRecord, AttemptRecord
    from lading.plugin.api.reader import Reader

_MOST_VERSIONS = 100
_MOST_IDENTICAL = 50
_MOST_CONSUMERS = 200
_MOST_FACETS = 200
_CONDITION = re.compile(r"([^=!<>]{1,250}?)\s*(?:(<=|>=|!=|=|<|>)\s*(.{0,250}))?", re.DOTALL)


def artifact_page(reader: Reader, artifact_id: str) -> ArtifactPage:
    record = find(reader, artifact_id)
    connection, sight = reader.connection, reader.sight
    producer = made_by(connection, record, sight)
    event = lookup.bodies(connection, [producer.id])[producer.id] if producer else {}
    consumers = read_by(connection, record, sight)
    versions, all_versions = lookup.versions(connection, record, _MOST_VERSIONS)
    identical, all_identical = lookup.identical(connection, record, sight, _MOST_IDENTICAL)
    stored, preview = contents.presence(record)
    values = airflow_state.values(reader.session, [record])
    return ArtifactPage.model_construct(
        artifact=present.graph_artifact(record, all_identical, values, producer),
        stored=stored,
        preview=preview,
        producer=_steps(reader, [producer])[producer.id] if producer else None,
        params=event.get("params") or {},
        metrics=metrics_of(event),
        consumers=_consumers(reader, consumers[-_MOST_CONSUMERS:]),
        more_consumers=max(0, len(consumers) - _MOST_CONSUMERS),
        versions=_versions(reader, record, versions),
        more_versions=all_versions - len(versions),
        identical=[present.artifact(other) for other in identical],
        more_identical=all_identical - len(identical),
        behind=reader.behind,
    )


def search(
    reader: Reader,
    *,
    params: Sequence[str],
    metrics: Sequence[str],
    limit: int,
    cursor: str | None,
    **words: str | None,
) -> Search:
    conditions = [
        *(_condition(t.PARAM, text) for text in params),
        *(_condition(t.METRIC, text) for text in metrics),
    ]
    wanted = index.Wanted(**words, conditions=tuple(conditions))
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


def facets(reader: Reader) -> Facets:
    return Facets(**index.facets(reader.connection, reader.sight, _MOST_FACETS))


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
    for artifact, *maker in records.chunked(
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


def _condition(kind: int, text: str) -> index.Condition:
    match = _CONDITION.fullmatch(text.strip())
    if match is None or not text.isprintable():
        raise ProblemError(
            422,
            "invalid",
            f"condition {text[:100]!r} is not understood; expected such as trees=200, train.f1>=0.9",
        )
    name, comparison, value = match.groups()
    number = _number(value) if comparison else None
    if comparison and number is None and comparison not in ("=", "!="):
        raise ProblemError(
            422,
            "invalid",
            f"condition {text[:100]!r} compares with {value!r:.50}; expected a number after {comparison}",
        )
    return index.Condition(kind, name.strip(), comparison, value or "", number)


def _number(text: str) -> float | None:
    if text in ("true", "false"):
        return float(text == "true")
    try:
        found = float(text)
    except ValueError:
        return None
    return found if abs(found) < 1e300 else None
