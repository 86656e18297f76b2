"""The folder of one generation in the store, as the worker sees it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import LadingError
from lading.execution.names import attempt_folder
from lading.execution.verdict import same_generation
from lading_runner import previews
from lading_runner.contract import Attempt, Digest, Result, Spec
from lading_runner.store import ArtifactStore
from lading_runner.store.keys import BLOBS, PREVIEWS, blob_key

if TYPE_CHECKING:
    from lading_runner.store.base import ObjectStore


_COPY = 4 << 20  # bytes per read


@dataclass(frozen=True)
class AttemptFolder:
    objects: ObjectStore
    attempt: Attempt

    @property
    def key(self) -> str:
        return attempt_folder(self.attempt)

    def write_spec(self, spec: Spec) -> None:
        """Once; the deadline alone is renewed when a later try submits again.

        :raises LadingError: another spec is there: two workers hold one generation
        """
        key, raw = f"{self.key}/spec.json", spec.dumps()
        if self.objects.create(key, raw):
            return
        there = self.objects.read(key)
        if there == raw:
            return
        if _essence(Spec.loads(there)) != _essence(spec):
            raise LadingError(
                f"{key} holds another spec than this worker's, expected the same for one generation; "
                f"two workers run this task at once: end the older one and clear the task"
            )
        self.objects.write(key, raw)

    def result(self) -> Result | None:
        """Of this generation; None: there is none yet."""
        raw = self._read("result.json")
        if raw is None:
            return None
        result = Result.loads(raw)
        return result if same_generation(result.attempt, self.attempt) else None

    def last_generation(self) -> int:
        """The highest generation of this task instance that has a folder; 0: none."""
        above = self.key.rpartition("/")[0] + "/"
        keys = (stat.key for stat in self.objects.list(above))
        return max((int(key[len(above) :].partition("/")[0]) for key in keys), default=0)

    def collect(self) -> None:
        """Move what the job left in its outbox to where artifacts lie, each under the digest of the bytes
        that are found, with its preview. Safe to repeat."""
        store = ArtifactStore(self.objects)
        for stat in list(self.objects.list(f"{self.key}/{BLOBS}")):
            with self.objects.open(stat.key) as source:
                digest, _ = store.put(
                    lambda sink, source=source: shutil.copyfileobj(source, sink, _COPY)  # type: ignore[misc]
                )
            self._collect_previews(digest)
            self.objects.delete(stat.key)

    def _collect_previews(self, digest: Digest) -> None:
        """Of an artifact that is this job's own, and no more than a preview may be."""
        hex_digits = digest[len("sha256:") :]
        for stat in list(self.objects.list(f"{self.key}/{PREVIEWS}{hex_digits[:2]}/{hex_digits}-")):
            if stat.size <= previews.LIMIT:
                self.objects.create(stat.key[len(self.key) + 1 :], self.objects.read(stat.key))
            self.objects.delete(stat.key)

    def mark_cancelled(self) -> None:
        """For whoever comes next, where Airflow takes no state: from a trigger, or after a clear."""
        self.objects.create(f"{self.key}/cancelled", b"")

    def cancelled(self) -> bool:
        return self.objects.stat(f"{self.key}/cancelled") is not None

    def claim(self) -> str | None:
        """The platform's own id of the job that does the work; None: nobody began."""
        raw = self._read("claim")
        return None if raw is None else raw.decode().strip()

    def missing_outputs(self, result: Result) -> list[str]:
        """Names of outputs whose bytes are not in the store in full length."""
        return [name for name, ref in result.outputs.items() if self._size(ref.digest) != ref.size]

    def _size(self, digest: str) -> int | None:
        stat = self.objects.stat(blob_key(digest))
        return stat.size if stat else None

    def _read(self, name: str) -> bytes | None:
        try:
            return self.objects.read(f"{self.key}/{name}")
        except KeyError:
            return None


def _essence(spec: Spec) -> bytes:
    """What the job does: without the deadline, and without where the code stands in the user's file."""
    code = {name: value for name, value in spec.code.items() if name not in {"file", "lines"}}
    return spec.replace(deadline=None, code=code).dumps()
