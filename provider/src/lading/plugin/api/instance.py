"""One task instance with all of its attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lading.lineage.index.lookup import artifacts_of_uids, attempts_of, bodies
from lading.lineage.index.rows import uid
from lading.lineage.log import moment
from lading.lineage.nodes import ArtifactKey, StepKey
from lading.plugin.api import airflow_state, present
from lading.plugin.api.models.common import ExternalFacts, Metric
from lading.plugin.api.models.instances import (
    AttemptFacts,
    CodeFacts,
    EnvironmentFacts,
    ErrorFacts,
    InputFacts,
    TaskInstanceFacts,
)
from lading.plugin.api.problems import not_found
from lading.plugin.api.run_graph import as_airflow_has_it, without_event
from lading.plugin.api.tracebacks import frames_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lading.lineage.index.records import ArtifactRecord, AttemptRecord
    from lading.plugin.api.reader import Reader

_MOST_ATTEMPTS = 20
_ENVIRONMENT = ("digest", "python", "platform", "image", "versions")


def task_instance(reader: Reader, key: StepKey) -> TaskInstanceFacts:
    records = attempts_of(reader.connection, *key)
    state = airflow_state.task_instance(reader.session, *key)
    if not records and state is None:
        raise not_found(f"task instance {key.task_id!r} with map index {key.map_index} of run {key.run_id!r}")
    version = state.version if state else None
    task = airflow_state.structure(reader.session, key.dag_id, version).tasks.get(key.task_id)
    group = task.group if task else None
    if records:
        step = present.step(
            records[0], attempts=len(records), state=state.state if state else None, group=group
        )
        step = as_airflow_has_it(step, state) if state else step
    elif state is not None:
        step = without_event(key, state, group)
    return TaskInstanceFacts.model_construct(
        step=step,
        attempts=_attempts(reader, records[:_MOST_ATTEMPTS]),
        more_attempts=max(0, len(records) - _MOST_ATTEMPTS),
        log_path=present.log_path(key),
        behind=reader.behind,
    )


def code_of_attempt(reader: Reader, key: StepKey, event_id: str | None) -> CodeFacts:
    """Of the attempt with this event; default: the newest."""
    records = attempts_of(reader.connection, *key)
    chosen = next((record for record in records if event_id in (None, record.uuid)), None)
    if chosen is None:
        raise not_found(f"an attempt of task instance {key.task_id!r} of run {key.run_id!r}")
    return code_of(bodies(reader.connection, [chosen.id])[chosen.id])


def _attempts(reader: Reader, records: list[AttemptRecord]) -> list[AttemptFacts]:
    events = bodies(reader.connection, (record.id for record in records))
    wanted = {name for event in events.values() for name in _uids(event)}
    known = artifacts_of_uids(reader.connection, wanted, reader.sight)
    outputs = [known[name] for event in events.values() for name in _written(event) if name in known]
    values = airflow_state.values(reader.session, outputs)
    return [_attempt(record, events[record.id], known, values) for record in records]


def _attempt(
    record: AttemptRecord,
    event: Mapping[str, Any],
    known: Mapping[str, ArtifactRecord],
    values: Mapping[int, Any],
) -> AttemptFacts:
    external = event.get("external") or {}
    return AttemptFacts.model_construct(
        event_id=record.uuid,
        time=present.text_of(moment(event["time"])),
        status=record.status,
        try_number=record.try_number,
        generation=record.generation,
        operator=event["operator"],
        target=event.get("target"),
        job=event.get("job") or {},
        duration_s=record.seconds,
        timings=event.get("timings") or {},
        profile=event.get("profile") or {},
        requested=event.get("requested") or {},
        params=event.get("params") or {},
        metrics=metrics_of(event),
        code=code_of(event),
        environment=environment_of(event),
        inputs=_inputs(event, known),
        outputs=[
            present.graph_artifact(known[name], 0, values, record)
            for name in _written(event)
            if name in known
        ],
        external_inputs=_externals(external.get("inputs")),
        external_outputs=_externals(external.get("outputs")),
        error=_error(event, record),
        cache=event.get("cache"),
        log_path=present.log_path(present.key_of(record), record.try_number),
    )


def metrics_of(event: Mapping[str, Any]) -> list[Metric]:
    better = event.get("metrics_higher_is_better") or {}
    return [
        Metric.model_construct(name=name, value=value, higher_is_better=better.get(name))
        for name, value in (event.get("metrics") or {}).items()
    ]


def code_of(event: Mapping[str, Any]) -> CodeFacts:
    code = event.get("code") or {}
    return CodeFacts.model_construct(
        digest=code.get("digest"),
        entry=code.get("entry"),
        bundle=code.get("bundle") or {},
        git=code.get("git") or {},
    )


def environment_of(event: Mapping[str, Any]) -> EnvironmentFacts:
    found = dict(event.get("environment") or {})
    versions = found.get("versions")
    return EnvironmentFacts.model_construct(
        **{name: found.get(name) for name in _ENVIRONMENT[:-1]},
        versions={str(k): str(v) for k, v in versions.items()} if isinstance(versions, dict) else {},
        more={name: value for name, value in found.items() if name not in _ENVIRONMENT},
    )


def _inputs(event: Mapping[str, Any], known: Mapping[str, ArtifactRecord]) -> list[InputFacts]:
    """Those of DAGs that the user may read."""
    found = []
    for item in event.get("inputs") or ():
        if record := known.get(read_uid(item)):
            found.append(
                InputFacts.model_construct(param=item.get("param"), artifact=present.artifact(record))
            )
    return found


def read_uid(item: Mapping[str, Any]) -> str:
    """The artifact of an input of an event."""
    producer = item["producer"]
    step = StepKey(producer["dag_id"], producer["run_id"], producer["task_id"], producer.get("map_index", -1))
    key = producer.get("key", "return_value")
    return uid("artifact", ArtifactKey(step, key, producer.get("element"), item["artifact"]["digest"]).id)


def written_uid(event: Mapping[str, Any], item: Mapping[str, Any]) -> str:
    """The artifact of an output of an event."""
    task = event["task"]
    step = StepKey(task["dag_id"], task["run_id"], task["task_id"], task.get("map_index", -1))
    return uid("artifact", ArtifactKey(step, item["name"], None, item["artifact"]["digest"]).id)


def _written(event: Mapping[str, Any]) -> list[str]:
    return [written_uid(event, item) for item in event.get("outputs") or ()]


def _uids(event: Mapping[str, Any]) -> list[str]:
    return [*_written(event), *(read_uid(item) for item in event.get("inputs") or ())]


def _externals(items: Any) -> list[ExternalFacts]:
    found = []
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and isinstance(item.get("uri"), str):
            version = None if item.get("version") is None else str(item["version"])
            name = present.external_uid(item["uri"], version)
            found.append(ExternalFacts.model_construct(id=name, uri=item["uri"], version=version))
    return found


def _error(event: Mapping[str, Any], record: AttemptRecord) -> ErrorFacts | None:
    error = event.get("error")
    if not isinstance(error, dict):
        return None
    return ErrorFacts.model_construct(
        type=str(error.get("type", "Error")),
        message=str(error.get("message", "")),
        failure=str(error.get("class", "user")),
        frames=frames_of(present.key_of(record), record.generation),
    )
