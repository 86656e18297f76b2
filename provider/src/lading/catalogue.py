"""What an artifact store holds, told by its lineage events: runs, artifacts, who made and who read them.

The command line and the notebook API look through this; it needs no scheduler and no database.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lading.errors import LookupFailed
from lading.lineage import log
from lading.lineage.graph import History, run_graph
from lading.lineage.nodes import ArtifactKey, RunGraph, StepNode
from lading_runner.contract import Producer
from lading_runner.store import ArtifactStore, open_object_store

if TYPE_CHECKING:
    from datetime import datetime

    from lading.lineage.event import LineageEvent
    from lading_runner.contract import ArtifactRef

#: The store that ``lading`` and ``open_store()`` look at where none is given, before Airflow's configuration.
VARIABLE = "LADING_STORE"
LATEST = "latest"
_SHORTEST_PREFIX = 4
_PREFIX = re.compile(r"(?:sha256:)?([0-9a-f]{1,64})\Z")


@dataclass(frozen=True)
class Entry:
    """One output of one step, newest attempt that made it."""

    key: ArtifactKey
    ref: ArtifactRef
    event: LineageEvent


def open_artifacts(url: str | None = None) -> ArtifactStore:
    """The store at ``url``, else at ``$LADING_STORE``, else the one of Airflow's configuration."""
    if where := url or os.environ.get(VARIABLE):
        return ArtifactStore(open_object_store(where))
    from lading import deployment

    return deployment.store()


class Catalogue:
    """Reads the log when first asked; make a new one to see newer events."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self.artifacts = artifacts
        self.damaged: list[log.Damaged] = []

    @cached_property
    def history(self) -> History:
        return History(log.read(self.artifacts.objects, damaged=self.damaged))

    def run(self, run_id: str, dag_id: str | None = None, since: datetime | None = None) -> RunGraph:
        """``run_id`` may be ``latest``, of ``dag_id``.

        :raises LookupFailed: no event of such a run, or ``dag_id`` is needed to tell which
        """
        objects = self.artifacts.objects
        if run_id == LATEST:
            if dag_id is None:
                raise LookupFailed("'latest' needs a DAG: name it with --dag, or dag= in a notebook")
            run_id = log.newest_run(objects, dag_id) or run_id
        events = list(log.read(objects, since=since, dag_id=dag_id, run_id=run_id, damaged=self.damaged))
        dags = sorted({event.task.dag_id for event in events})
        if len(dags) > 1:
            raise LookupFailed(f"run {run_id!r} is one of several DAGs: {', '.join(dags)}; name the DAG")
        if not events:
            raise LookupFailed(self._no_run(run_id, dag_id))
        return run_graph(events, limit=None)

    def entries(
        self, dag_id: str | None = None, run_id: str | None = None, type_: str | None = None
    ) -> list[Entry]:
        """Outputs of steps, newest first; ``type_`` is a part of the type's or format's name in any case."""
        found: dict[ArtifactKey, Entry] = {}
        for node in self.history.steps.values():
            for output in node.event.outputs:
                key = ArtifactKey.written(node.event, output)
                found[key] = Entry(key, output.artifact, node.event)
        if run_id == LATEST and dag_id is not None:
            run_id = log.newest_run(self.artifacts.objects, dag_id)
        kept = [e for e in found.values() if _matches(e, dag_id, run_id, type_)]
        return sorted(kept, key=lambda e: (log.moment(e.event.time), e.event.id), reverse=True)

    def resolve(self, prefix: str) -> str:
        """The whole digest that begins with ``prefix``, 4 or more hex digits.

        :raises LookupFailed: none does, or several do
        """
        match = _PREFIX.match(prefix.strip().lower())
        if match is None or len(match[1]) < _SHORTEST_PREFIX:
            raise LookupFailed(
                f"{prefix!r} is no beginning of a digest; give 4 or more hexadecimal digits, such as 3fa9c2d1"
            )
        start = f"sha256:{match[1]}"
        known = {digest for digest in self.history.by_digest if digest.startswith(start)}
        found = sorted(known or set(self.artifacts.find(start)))
        if len(found) == 1:
            return found[0]
        if not found:
            raise LookupFailed(
                f"no artifact begins with {prefix!r} in {self.artifacts.root}; looked at its lineage events "
                f"and its blobs; see what there is with: lading artifacts list"
            )
        raise LookupFailed(
            f"{prefix!r} is the beginning of {len(found)} digests: {_some(found)}; give more digits"
        )

    def ref(self, digest: str) -> ArtifactRef | None:
        """What events say of the artifact; None: none speaks of it."""
        keys = self.history.by_digest.get(digest)
        if not keys:
            return None
        producer = Producer(*keys[0].step, keys[0].key, keys[0].element)
        return self.history.refs[keys[0]].replace(producer=producer)

    def producers(self, digest: str) -> list[tuple[ArtifactKey, StepNode | None]]:
        """Every output with these bytes and the step that wrote it, if its event is in the log."""
        keys = self.history.by_digest.get(digest, [])
        return [(key, next(iter(self.history.writers(key)), None)) for key in keys]

    def consumers(self, digest: str) -> list[StepNode]:
        found = (node for key in self.history.by_digest.get(digest, []) for node in self.history.readers(key))
        return list({node.event.id: node for node in found}.values())

    def get_bytes(self, digest: str) -> bytes:
        """Verified bytes of a whole ``digest``.

        :raises ArtifactError: its bytes are missing or damaged
        :raises LookupFailed: the value is so small that it stays in its XCom row
        """
        ref = self.ref(digest)
        if not self.artifacts.exists(digest) and ref is not None and ref.format == "json":
            raise LookupFailed(
                f"{digest} ({ref.type}, {ref.size} bytes) is not in {self.artifacts.root}; JSON values of up "
                f"to [lading] inline_limit bytes stay in their XCom row: look at the XCom tab of its task"
            )
        return (self.artifacts.blob(ref) if ref else self.artifacts.blob_of(digest)).read()

    def _no_run(self, run_id: str, dag_id: str | None) -> str:
        runs: dict[str, None] = {}
        dags = set()
        for node in self.history.steps.values():
            dags.add(node.key.dag_id)
            if dag_id in (None, node.key.dag_id):
                runs[node.key.run_id] = None
        where = f"in {self.artifacts.root}"
        if not dags:
            return f"no lineage event is {where}; run a DAG that writes to it, or name another store"
        if not runs:
            return f"no event of DAG {dag_id!r} is {where}; there are events of: {_some(sorted(dags))}"
        return f"no event of run {run_id!r} is {where}; there are runs: {_some(list(runs)[::-1])}"


def _matches(entry: Entry, dag_id: str | None, run_id: str | None, type_: str | None) -> bool:
    step, ref = entry.key.step, entry.ref
    return (
        dag_id in (None, step.dag_id)
        and run_id in (None, step.run_id)
        and (type_ is None or type_.lower() in f"{ref.type} {ref.format}".lower())
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
