"""What the store holds of an artifact: its bytes, its preview, the source of the step. All of it is inert
here: nothing is decoded but JSON and, for source, a zip file of text."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from fastapi.responses import Response, StreamingResponse

from lading import deployment
from lading.errors import ConfigError
from lading.plugin.api.models.instances import CodeFile, CodeListing
from lading.plugin.api.problems import ProblemError, of_store
from lading_runner import previews
from lading_runner.contract import ArtifactRef, Producer, is_digest
from lading_runner.errors import RunnerError, StoreError, StoreForbidden
from lading_runner.store.keys import blob_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lading.lineage.index.records import ArtifactRecord
    from lading_runner.serializers.base import Blob
    from lading_runner.store import ArtifactStore

_CHUNK = 1 << 20
_BINARY = "application/octet-stream"
_MOST_ARCHIVE = 8 << 20
_MOST_FILES = 200
_MOST_TEXT = 256 << 10  # characters of one file
_MOST_TEXTS = 1 << 20  # of all
_TEXTS = (".py", ".pyi", ".toml", ".cfg", ".ini", ".txt", ".md", ".json", ".yaml", ".yml", ".sql")

#: A browser is to save it, not to look into it; and if it looks all the same, to run nothing.
_INERT = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def preview_key(record: ArtifactRecord) -> str:
    return previews.key_of(f"sha256:{record.digest}", record.format)


class Presence(NamedTuple):
    """Whether the store has the bytes of an artifact, and its preview; None: it could not be asked."""

    stored: bool | None
    preview: bool | None
    problem: str | None
    """Why it could not be asked, and what to do."""


def presence(record: ArtifactRecord) -> Presence:
    try:
        objects = _store().objects
        stored = objects.stat(blob_key(f"sha256:{record.digest}")) is not None
        return Presence(stored, objects.stat(preview_key(record)) is not None, None)
    except (RunnerError, OSError) as e:
        return Presence(None, None, of_store(e).detail)


def preview(record: ArtifactRecord) -> Response:
    key = preview_key(record)
    data = _read(key, previews.LIMIT)
    if data is None:
        raise ProblemError(
            404,
            "no_preview",
            f"artifact {record.uid} has no preview: the step that made it wrote none, or it is over "
            f"{previews.LIMIT} bytes; download the artifact to look at it",
        )
    try:
        shown = json.dumps(json.loads(data, parse_constant=lambda _: None), ensure_ascii=True)
    except (ValueError, RecursionError) as e:
        raise ProblemError(
            502,
            "artifact_corrupt",
            f"the preview of artifact {record.uid} is damaged ({e}); run its step again",
        ) from e
    return Response(shown, media_type="application/json", headers=_INERT)


def download(record: ArtifactRecord, in_row: bytes | None) -> Response:
    """Verified before the first byte is sent. ``in_row``: what its XCom row holds of it."""
    if in_row is not None and hashlib.sha256(in_row).hexdigest() == record.digest:
        return Response(in_row, media_type=_BINARY, headers=_attachment(record, len(in_row)))
    digest = f"sha256:{record.digest}"
    producer = Producer(record.dag_id, record.run_id, record.task_id, record.map_index, record.name)
    store = _store()
    if record.format == "json" and not store.exists(digest):
        raise ProblemError(
            404,
            "not_stored",
            f"artifact {record.uid} is small JSON without bytes of its own in the store, and the XCom row of "
            f"task {record.task_id!r} does not hold it; look at the XCom tab of the task, or run it again",
        )
    blob = store.blob(ArtifactRef(digest, record.size, record.format, record.type, {}, producer))
    return StreamingResponse(_chunks(blob), media_type=_BINARY, headers=_attachment(record, blob.size))


def code(digest: str | None, entry: str | None) -> CodeListing:
    """The files of a step's code."""
    if not is_digest(digest):
        raise ProblemError(
            404, "not_found", "the attempt has no code of its own in the store: it ran what is installed"
        )
    data = _read(blob_key(str(digest)), _MOST_ARCHIVE)
    if data is None:
        raise ProblemError(
            404,
            "not_found",
            f"code {digest} is not in the store, or over {_MOST_ARCHIVE} bytes; run the step again",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files, truncated = _files(archive)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, ValueError, EOFError) as e:
        raise ProblemError(
            502, "artifact_corrupt", f"code {digest} is damaged: {e}; run the step again"
        ) from e
    return CodeListing(digest=str(digest), entry=entry, files=files, truncated=truncated)


def _files(archive: zipfile.ZipFile) -> tuple[list[CodeFile], bool]:
    infos = [info for info in archive.infolist() if info.filename.endswith(_TEXTS)]
    found: list[CodeFile] = []
    room = _MOST_TEXTS
    for info in infos[:_MOST_FILES]:
        if room <= 0:
            break
        most = min(_MOST_TEXT, room)
        with archive.open(info) as file:  # read in part: what it says of its size may be a lie
            text = file.read(most + 1).decode("utf-8", "replace")
        found.append(CodeFile(path=info.filename, text=text[:most], truncated=len(text) > most))
        room -= len(text)
    return found, len(found) < len(archive.infolist())


def _store() -> ArtifactStore:
    """:raises StoreError: also where it is not named as it should be"""
    try:
        return deployment.store()
    except ConfigError as e:
        raise StoreForbidden(f"[lading] store leads to no store: {e}") from e


def _read(key: str, most: int) -> bytes | None:
    """At most ``most`` bytes; None: it is not there, or longer."""
    objects = _store().objects
    stat = objects.stat(key)
    if stat is None or stat.size > most:
        return None
    try:
        with objects.open(key) as file:
            data = file.read(most + 1)
    except KeyError:
        return None
    except OSError as e:  # the stream's own, after it was opened
        raise StoreError(f"cannot read {key!r}: {e}") from e
    return data if len(data) <= most else None


def _attachment(record: ArtifactRecord, size: int) -> dict[str, str]:
    return {
        **_INERT,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(_file_name(record), safe='')}",
        "Content-Length": str(size),
        "ETag": f'"{record.digest}"',
    }


def _file_name(record: ArtifactRecord) -> str:
    mapped = f"-{record.map_index}" if record.map_index >= 0 else ""
    return f"{record.task_id}{mapped}-{record.name}-{record.digest[:8]}.{record.format}"


def _chunks(blob: Blob) -> Iterator[bytes]:
    with blob.open() as file:
        while chunk := file.read(_CHUNK):
            yield chunk
