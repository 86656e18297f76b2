"""The notebook API: load artifacts by digest and look at lineage, without a scheduler.

``store = lading.open_store()``, ``store.load("3fa9c2d1")``, ``lading.lineage(dag="churn")``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.catalogue import LATEST, Catalogue, Entry, open_artifacts
from lading.lineage import facts
from lading.lineage.spans import as_html, clean, plain
from lading.lineage.tree import run_tree
from lading_runner.contract import ArtifactRef

if TYPE_CHECKING:
    from lading.lineage.event import LineageEvent
    from lading.lineage.nodes import RunGraph
    from lading_runner.store import ArtifactStore

_WIDTH = 110  # columns of a notebook cell


@dataclass(frozen=True)
class StoredArtifact:
    """An output of a step. ``load()`` gives its value, verified."""

    digest: str
    type: str
    format: str
    size: int  # bytes
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    key: str
    time: str  # RFC 3339, UTC
    _store: Store

    def load(self, *, allow_pickle: bool = False) -> Any:
        return self._store.load(self.digest, allow_pickle=allow_pickle)

    def __repr__(self) -> str:
        name = facts.place(self.task_id, self.map_index) + (
            "" if self.key == "return_value" else f".{self.key}"
        )
        size = facts.size(self.size)
        return clean(
            f"<{self.type} {facts.short(self.digest)} {size} from {name} of {self.dag_id} {self.run_id}>"
        )


class Store:
    """An artifact store and what its lineage events tell; the events are read when first needed."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts
        self._catalogue = Catalogue(artifacts)

    @property
    def url(self) -> str:
        return self._artifacts.root

    def load(self, digest: str, *, allow_pickle: bool = False) -> Any:
        """The value whose digest begins with ``digest``, 4 or more hex digits.

        ``allow_pickle``: loading a pickle runs code of whoever wrote it.

        :raises LookupFailed: no such artifact, or several
        :raises ArtifactError: its bytes are missing or damaged
        :raises DependencyError: the library of its format is not installed
        """
        whole = self._catalogue.resolve(digest)
        from lading_runner import values

        ref = self._catalogue.ref(whole) or self._sniffed(whole)
        return values.load(ref, self._artifacts, allow_pickle=allow_pickle)

    def get_bytes(self, digest: str) -> bytes:
        """:raises LookupFailed: no such artifact, or several
        :raises ArtifactError: its bytes are missing or damaged
        """
        return self._catalogue.get_bytes(self._catalogue.resolve(digest))

    def artifacts(
        self, *, dag: str | None = None, run: str | None = None, type: str | None = None
    ) -> list[StoredArtifact]:
        """Outputs of steps, newest first; ``type`` is a part of the type's or format's name."""
        return [self._stored(entry) for entry in self._catalogue.entries(dag, run, type)]

    def lineage(self, run: str = LATEST, dag: str | None = None) -> RunLineage:
        """:raises LookupFailed: no such run"""
        return RunLineage(self._catalogue.run(run, dag), self.url)

    def refresh(self) -> None:
        """See events that were written since the first question."""
        self._catalogue = Catalogue(self._artifacts)

    def __repr__(self) -> str:
        return f"<lading store {clean(self.url)}>"

    def _sniffed(self, digest: str) -> ArtifactRef:
        """A ref of an artifact that no event speaks of; its format is told from its first bytes."""
        from lading_runner import values

        blob = self._artifacts.blob_of(digest)
        return ArtifactRef(digest, blob.size, values.sniff(blob), "unknown")

    def _stored(self, entry: Entry) -> StoredArtifact:
        ref, step = entry.ref, entry.key.step
        return StoredArtifact(
            ref.digest, ref.type, ref.format, ref.size, *step, entry.key.key, entry.event.time, self
        )


@dataclass(frozen=True, repr=False)
class RunLineage:
    """The lineage of one run; shows itself as a tree."""

    graph: RunGraph
    store: str

    @property
    def steps(self) -> list[LineageEvent]:
        """The event of each step's latest attempt."""
        return [node.event for node in self.graph.steps.values()]

    def to_json(self) -> dict[str, Any]:
        return self.graph.to_json()

    def __repr__(self) -> str:
        return plain(run_tree(self.graph, store=self.store), _WIDTH)

    def _repr_html_(self) -> str:
        return as_html(run_tree(self.graph, store=self.store), _WIDTH)


def open_store(url: str | None = None) -> Store:
    """The store at ``url``, else at ``$LADING_STORE``, else the one of Airflow's configuration."""
    return Store(open_artifacts(url))


def lineage(run: str = LATEST, dag: str | None = None, store: str | Store | None = None) -> RunLineage:
    """The lineage of a run: ``run`` is its id, or ``latest`` with ``dag``.

    :raises LookupFailed: no such run, or runs of several DAGs have that id
    """
    opened = store if isinstance(store, Store) else open_store(store)
    return opened.lineage(run, dag)
