"""From records of the index to what the API answers. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lading.lineage import facts
from lading.lineage.index import tables as t
from lading.lineage.index.records import AttemptRecord
from lading.lineage.index.rows import place_ms, uid
from lading.lineage.nodes import StepKey
from lading.plugin.api.models.common import ArtifactFacts, Edge, ExternalFacts, Metric, StepFacts
from lading.plugin.api.models.graphs import GraphArtifact
from lading.plugin.api.structure import label
from lading_runner.contract import ArtifactRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lading.lineage.index.records import ArtifactRecord, EdgeRecord, ExternalRecord

_PICKLES = ("pickle", "joblib", "cloudpickle")
_KINDS = {t.READ: "read", t.WROTE: "wrote"}


def step_uid(key: StepKey, event: str | None = None) -> str:
    """``event``: of a superseded attempt."""
    return uid("step", key.id if event is None else f"{key.id}@{event}")


def key_of(record: AttemptRecord) -> StepKey:
    return StepKey(record.dag_id, record.run_id, record.task_id, record.map_index)


def text_of(moment: datetime | None) -> str | None:
    """RFC 3339, UTC, milliseconds."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text_ms(time_ms: float) -> str:
    return str(text_of(datetime.fromtimestamp(time_ms / 1000, UTC)))


def metrics(brief: Mapping[str, Any]) -> list[Metric]:
    return [
        Metric.model_construct(name=name, value=value, higher_is_better=better)
        for name, value, better in brief.get("metrics", ())
    ]


def step(
    record: AttemptRecord,
    *,
    attempts: int = 1,
    state: str | None = None,
    group: str | None = None,
    superseded: bool = False,
) -> StepFacts:
    key, brief = key_of(record), record.brief
    return StepFacts.model_construct(
        id=step_uid(key, record.uuid if superseded else None),
        **key._asdict(),
        label=label(record.task_id, group),
        group=group,
        state=state,
        status=record.status,
        operator=record.operator,
        target=record.target,
        started=text_ms(record.time_ms - round(record.seconds * 1000)),
        ended=text_ms(record.time_ms),
        duration_s=record.seconds,
        try_number=record.try_number,
        attempts=attempts,
        cached=record.status == "cached",
        superseded=superseded,
        error=brief.get("error"),
        failure=brief.get("failure"),
        metrics=metrics(brief),
        event_id=record.uuid,
    )


def _artifact(record: ArtifactRecord, identical: int) -> dict[str, Any]:
    digest, meta = f"sha256:{record.digest}", record.meta
    return {
        "id": record.uid,
        "dag_id": record.dag_id,
        "run_id": record.run_id,
        "task_id": record.task_id,
        "map_index": record.map_index,
        "name": record.name,
        "element": record.element,
        "digest": digest,
        "size": record.size,
        "format": record.format,
        "type": record.type,
        "shape": facts.shape(ArtifactRef(digest, record.size, record.format, record.type, meta)),
        "meta": meta,
        "pickle": record.format in _PICKLES,
        "made": text_ms(place_ms(record.place)),
        "identical": identical,
    }


def artifact(record: ArtifactRecord, identical: int = 0) -> ArtifactFacts:
    return ArtifactFacts.model_construct(**_artifact(record, identical))


def graph_artifact(
    record: ArtifactRecord, identical: int, values: Mapping[int, Any], maker: AttemptRecord | None
) -> GraphArtifact:
    return GraphArtifact.model_construct(
        **_artifact(record, identical),
        value=values.get(record.id),
        has_value=record.id in values,
        metric=next(iter(metrics(maker.brief)), None) if maker else None,
    )


def identical(records: Iterable[ArtifactRecord]) -> Counter[str]:
    """How many artifacts have each digest."""
    return Counter(record.digest for record in records)


def external_uid(uri: str, version: str | None) -> str:
    return uid("external", f"{uri}\0{version or ''}")


def externals(
    records: Iterable[ExternalRecord], steps: Mapping[int, str]
) -> tuple[list[ExternalFacts], list[Edge]]:
    """``steps``: node ids by event."""
    nodes: dict[str, ExternalFacts] = {}
    edges = []
    for record in records:
        if (of := steps.get(record.event)) is not None:
            name = external_uid(record.uri, record.version)
            nodes.setdefault(
                name, ExternalFacts.model_construct(id=name, uri=record.uri, version=record.version)
            )
            kind = f"external_{_KINDS[record.direction]}"
            edges.append(Edge.model_construct(kind=kind, step=of, artifact=name, param=None, element=None))
    return list(nodes.values()), edges


def edges(
    records: Iterable[EdgeRecord], steps: Mapping[int, str], artifacts: Mapping[int, ArtifactRecord]
) -> list[Edge]:
    """Those whose both ends are shown."""
    return [
        Edge.model_construct(
            kind=_KINDS[record.direction],
            step=steps[record.event],
            artifact=artifacts[record.artifact].uid,
            param=record.param,
            element=record.element,
        )
        for record in records
        if record.event in steps and record.artifact in artifacts
    ]


def log_path(key: StepKey, try_number: int | None = None) -> str:
    parts = [quote(str(part), safe="") for part in key]
    path = f"dags/{parts[0]}/runs/{parts[1]}/tasks/{parts[2]}"
    path += f"/mapped/{key.map_index}" if key.map_index >= 0 else ""
    return path if try_number is None else f"{path}?try_number={try_number}"
