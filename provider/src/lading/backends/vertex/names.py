"""Labels and names that Vertex AI takes, for whatever Airflow calls its things."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from lading.backends.base import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "lading_"
JOB_LABEL = f"{PREFIX}job"  # what a job is found by
MOST_LABELS = 64
_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}\Z")
_VALUE = re.compile(r"[a-z0-9_-]{0,63}\Z")
_DISPLAY = 128  # characters of a display name


def label_value(text: str) -> str:
    """``text`` where it is a label's value already, else the most of it that may stand in one, and a digest
    of it all."""
    if text and _VALUE.match(text):
        return text
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]
    kept = re.sub(r"[^a-z0-9_-]", "_", text.lower())[:50].strip("_-")
    return f"{kept}-{digest}" if kept else digest


def labels(job_name: str, owner: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """A task that is not mapped has no index."""
    named = {key: value for key, value in owner.items() if (key, value) != ("map_index", "-1")}
    own = {f"{PREFIX}{key}": label_value(value) for key, value in named.items()}
    return {**given, **own, JOB_LABEL: job_name}


def display_name(dag_id: str, task_id: str) -> str:
    return f"{dag_id}.{task_id}"[:_DISPLAY]


def label_problems(given: Mapping[str, str]) -> list[Problem]:
    """Of a target's own labels."""
    cure = "write lower-case letters, digits, '_' and '-', at most 63, and a letter first in a key"
    found = []
    for key, value in given.items():
        if not _KEY.match(key):
            found.append(Problem("labels", f"{key!r} is no key that Google Cloud takes", cure))
        elif key.startswith(PREFIX):
            found.append(Problem("labels", f"{key!r} is a name of Lading's own", "choose another key"))
        if not _VALUE.match(value):
            found.append(Problem("labels", f"{value!r} of {key!r} is no value that Google Cloud takes", cure))
    return found
