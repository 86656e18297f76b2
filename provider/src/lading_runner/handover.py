"""What a platform gives a job apart from its specification, since it must not stand there.

``LADING_HANDOVER`` names a JSON file that only this job can read: ``{"job_id", "env", "mask",
"store"}``.
``LADING_HANDOVER_FD`` is the number of an open pipe, where there is no such file: ``{"mask", "store"}``.
``LADING_MASK_ENV`` names environment variables whose values are secrets, where the platform itself sets them
by reference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List, NamedTuple


class Handover(NamedTuple):
    secrets: List[str]  # to mask
    store_options: Dict[str, Any]  # credentials and such, as ``open_object_store`` takes them


def handed_over() -> Handover:
    """``os.environ`` then has the job's id and variables."""
    names = os.environ.get("LADING_MASK_ENV", "").split(",")
    secrets = [os.environ[name] for name in names if name in os.environ]
    path = os.environ.get("LADING_HANDOVER")
    if path is None:
        piped = _piped()
        return Handover([*secrets, *piped.get("mask", [])], piped.get("store", {}))
    given = json.loads(Path(path).read_bytes())
    os.environ["LADING_JOB_ID"] = str(given["job_id"])
    os.environ.update(given["env"])
    return Handover([*secrets, *given["mask"]], given["store"])


def _piped() -> Dict[str, Any]:
    """What the pipe holds, which is read to its end and closed."""
    number = os.environ.pop("LADING_HANDOVER_FD", None)
    if number is None:
        return {}
    with os.fdopen(int(number), "rb") as pipe:
        given: Dict[str, Any] = json.loads(pipe.read() or b"{}")
    return given
