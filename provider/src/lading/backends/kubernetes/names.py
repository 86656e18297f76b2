"""Names and labels that Kubernetes takes, for whatever Airflow calls its things."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from lading.backends.base import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lading_runner.contract import Digest

PREFIX = "lading/"  # of labels and annotations
_VALUE_LENGTH = 63
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?\Z")
_KEY = re.compile(
    r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z"
)


def pod_name(job_name: str) -> str:
    return f"lading-{job_name}"


def runner_name(digest: Digest) -> str:
    return f"lading-runner-{digest.removeprefix('sha256:')[:20]}"


def label_value(text: str) -> str:
    """``text`` where it is a label's value already, else the most of it that may stand in one, and a digest
    of it all."""
    if _VALUE.match(text):
        return text
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]
    kept = re.sub(r"[^-A-Za-z0-9_.]", "_", text)[: _VALUE_LENGTH - 13].strip("-_.")
    return f"{kept}-{digest}" if kept else digest


def owner_labels(job_name: str, owner: Mapping[str, str]) -> dict[str, str]:
    """To select by; ``owner_annotations`` has the exact names. A task that is not mapped has no index."""
    named = {key: value for key, value in owner.items() if (key, value) != ("map_index", "-1")}
    return {
        "app.kubernetes.io/managed-by": "lading",
        f"{PREFIX}job": job_name,
        **{f"{PREFIX}{key}": label_value(value) for key, value in named.items()},
    }


def owner_annotations(owner: Mapping[str, str]) -> dict[str, str]:
    return {f"{PREFIX}{key}": value for key, value in owner.items()}


def label_problems(field: str, given: Mapping[str, str], *, values: bool) -> list[Problem]:
    """Keys, and with ``values`` also values, that no API server takes."""
    found = []
    for key, value in given.items():
        if not _KEY.match(key) or len(key.partition("/")[0]) > 253:
            cure = "write letters, digits, '-', '_' and '.', at most 63, after a DNS name and '/' if you like"
            found.append(Problem(field, f"{key!r} is no key that Kubernetes takes", cure))
        elif key.startswith(PREFIX) and field != "node_selector":
            found.append(Problem(field, f"{key!r} is a name of Lading's own", "choose another key"))
        if values and not _VALUE.match(value):
            cure = "write at most 63 letters, digits, '-', '_' and '.'"
            found.append(Problem(field, f"{value!r} of {key!r} is no value that Kubernetes takes", cure))
    return found
