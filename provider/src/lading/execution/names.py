"""Names that every worker computes alike, so that a retry finds what an earlier one left."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lading_runner.contract import Attempt, canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lading.resources import Resources

_PART_BYTES = 200  # four parts and the rest stay below the 1,024 bytes at which S3 keys end


def job_name(attempt: Attempt) -> str:
    """40 hex digits that name the job of one generation on its backend; the try number has no part in it."""
    place = [attempt.dag_id, attempt.run_id, attempt.task_id, attempt.map_index, attempt.generation]
    return hashlib.sha256(canonical_json(place)).hexdigest()[:40]


def attempt_folder(attempt: Attempt) -> str:
    """Key of the generation's folder in the store, without a trailing slash."""
    names = [_part(name) for name in (attempt.dag_id, attempt.run_id, attempt.task_id)]
    return "/".join(["attempts", *names, str(attempt.map_index), str(attempt.generation)])


def event_id(attempt: Attempt, started: str) -> str:
    """UUID version 7 of the generation's lineage event: the same however often its end is reported.

    ``started`` (RFC 3339) is kept in the attempt's state, so that it too is the same for every worker.
    """
    stamp = int(datetime.fromisoformat(started).timestamp() * 1000)
    seed = int(job_name(attempt)[:19], 16)  # 76 bits: 12 and 62 are used
    bits = (stamp << 80) | (0x7 << 76) | ((seed >> 62) & 0xFFF) << 64
    return str(uuid.UUID(int=bits | (0b10 << 62) | (seed & ((1 << 62) - 1))))


def fingerprint(
    *,
    code_digest: str | None,
    entry: str,
    args: Sequence[Any] = (),
    params: Mapping[str, Any],
    inputs: Mapping[str, str],
    resources: Resources,
    image: str | None = None,
    environment: Mapping[str, Any],
    options: Mapping[str, Any],
    python: str | None = None,
) -> str:
    """64 hex digits over all that decides what the job does: while equal, a running job may be joined.

    ``inputs``: digests by parameter path; ``environment``: requirements, lock or digest, as the step has it.
    """
    parts = {
        "code": [code_digest, entry],
        "call": [list(args), params, inputs],
        "resources": resources.asked() | {"gpu": _gpu(resources)},
        "environment": [image, environment, options, python],
    }
    return hashlib.sha256(canonical_json(parts)).hexdigest()


def _gpu(resources: Resources) -> list[Any] | None:
    return [resources.gpu.type, resources.gpu.count] if resources.gpu else None


def _part(name: str) -> str:
    quoted = quote(name, safe="")
    if quoted.startswith("."):  # ``.`` and ``..`` are places, ``.tmp`` is the store's own
        quoted = f"%2E{quoted[1:]}"
    if len(quoted) <= _PART_BYTES:
        return quoted
    return f"{quoted[:150].rsplit('%', 1)[0]}-{hashlib.sha256(name.encode()).hexdigest()[:40]}"
