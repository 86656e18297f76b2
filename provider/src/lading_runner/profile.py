"""What a step cost and where it ran."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Set, Tuple

from lading_runner import gpu

if TYPE_CHECKING:
    from lading_runner.store import ArtifactStore


class Meter:
    """CPU time of this process and its ended children and bytes of ``store`` since the meter was made, peak
    memory, and the GPUs."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store, self._bytes_in, self._bytes_out = store, store.bytes_in, store.bytes_out
        self._cpu_s = _cpu_s()
        self._gpu = gpu.meter()

    def read(self) -> Dict[str, Any]:
        found = {
            "cpu_s": round(_cpu_s() - self._cpu_s, 6),
            "peak_rss_bytes": _peak_rss_bytes(),
            "bytes_in": self._store.bytes_in - self._bytes_in,
            "bytes_out": self._store.bytes_out - self._bytes_out,
        }
        return {**found, "gpu": self._gpu.read()} if self._gpu else found


class Clock:
    """Seconds between laps, by name."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.laps: Dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 6)
        self._last = now


def utc_now() -> str:
    """RFC 3339, milliseconds."""
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"


#: Modules whose version people look for first, with the names of their distributions.
_LIBRARIES = {
    "lightgbm": "lightgbm",
    "numpy": "numpy",
    "pandas": "pandas",
    "polars": "polars",
    "pyarrow": "pyarrow",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "torch": "torch",
    "xgboost": "xgboost",
}


def environment_found() -> Dict[str, Any]:
    """Python, platform, the digest of what is installed (of its canonical JSON list), and the versions of the
    data libraries that were imported."""
    loaded = {
        name: getattr(sys.modules.get(module), "__version__", None) for module, name in _LIBRARIES.items()
    }
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "platform": f"{sys.platform}-{os.uname().machine}",
        "packages": _packages_digest(tuple(sys.path)),
        "versions": {name: str(version) for name, version in loaded.items() if version is not None},
    }


_digests: Dict[Tuple[str, ...], str] = {}


def _packages_digest(path: Tuple[str, ...]) -> str:
    """Once per process and ``sys.path``; by folder names alone, for reading metadata takes 1 ms a package."""
    if path not in _digests:
        import hashlib

        from lading_runner.contract import canonical_json

        _digests[path] = "sha256:" + hashlib.sha256(canonical_json(packages(path))).hexdigest()
    return _digests[path]


def packages(path: Tuple[str, ...]) -> List[str]:
    """``name==version`` of the distributions on ``path``, names normalised, sorted.

    Of a name in several folders the first counts, as it does for an import.
    """
    found: Dict[str, Set[str]] = {}
    for folder in path:
        here: Dict[str, Set[str]] = {}
        try:
            names = [entry.name for entry in Path(folder).iterdir()]
        except OSError:  # a zip, or not there
            continue
        for name in names:
            if name.endswith(".dist-info"):
                package, _, version = name[: -len(".dist-info")].rpartition("-")
                here.setdefault(_normalised(package), set()).add(version)
        found = {**here, **found}
    return sorted(f"{name}=={version}" for name, versions in found.items() for version in versions)


def _normalised(name: str) -> str:
    import re

    return re.sub(r"[-_.]+", "-", name).lower()


def _cpu_s() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _peak_rss_bytes() -> int:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024  # macOS counts bytes, Linux KiB
