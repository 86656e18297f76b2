"""Short words for facts of artifacts and steps."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lading.lineage.event import LineageEvent
    from lading_runner.contract import ArtifactRef, Producer

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_TOLD_FIRST = ("scikit-learn", "torch", "xgboost", "lightgbm", "tensorflow", "polars", "pandas", "numpy")
_MAX_DIMENSIONS = 6
_MAX_STRETCHES = 3


def short(digest: object) -> str:
    """The first eight hex digits; empty if it is no digest."""
    found = re.match(r"(?:sha256:)?([0-9a-f]{8})", str(digest))
    return found[1] if found else ""


def size(amount: int) -> str:
    """``1.1 MiB``."""
    value, unit = float(amount), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{amount} B"


def duration(seconds: float) -> str:
    """``0.31 s``, ``12.4 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def durations(seconds: Collection[float]) -> str:
    """The shortest and the longest: ``2.00…2.70 s``."""
    low, high = duration(min(seconds)), duration(max(seconds))
    if low == high:
        return high
    first, unit = low.rsplit(" ", 1)
    same_unit = high.endswith(f" {unit}") and " " not in first and high.count(" ") == 1
    return f"{first}…{high}" if same_unit else f"{low}…{high}"


def when(time: str) -> str:
    """``2026-11-20 12:00:00 UTC``."""
    return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def shape(ref: ArtifactRef) -> str:
    """``1797×65``, ``8 items``, or nothing if the serializer did not say."""
    dimensions = ref.meta.get("shape")
    if isinstance(dimensions, (list, tuple)) and 0 < len(dimensions) <= _MAX_DIMENSIONS:
        return "×".join(str(n) for n in dimensions)
    length = ref.meta.get("length")
    return f"{length} item{'' if length == 1 else 's'}" if isinstance(length, int) else ""


def kind(ref: ArtifactRef) -> str:
    """Type and shape."""
    return " ".join(filter(None, (ref.type, shape(ref))))


def is_pickle(ref: ArtifactRef) -> bool:
    return ref.format in ("pickle", "joblib", "cloudpickle")


def place(task_id: str, map_index: int) -> str:
    """``train`` or ``train[3]``."""
    return f"{task_id}[{map_index}]" if map_index >= 0 else task_id


def source(producer: Producer, *, home: tuple[str, str] | None = None) -> str:
    """``train[3]``, ``split.test``, ``settings.return_value[0]``; with DAG and run unless ``home``."""
    name = place(producer.task_id, producer.map_index)
    if producer.key != "return_value" or producer.element:
        name += f".{producer.key}{producer.element or ''}"
    if home is None or (producer.dag_id, producer.run_id) == home:
        return name
    return f"{name} of {producer.dag_id} {producer.run_id}"


def surroundings(event: LineageEvent) -> str:
    """``py312 · Python 3.12.1 · scikit-learn 1.6.1``."""
    found = event.environment
    python = [f"Python {found['python']}"] if isinstance(found.get("python"), str) else []
    image = [str(found["image"]).split("@", maxsplit=1)[0]] if found.get("image") else []
    return " · ".join([*filter(None, [event.target]), *image, *python, *_versions(found)])


def _versions(environment: Mapping[str, object]) -> list[str]:
    for name in ("versions", "packages"):
        packages = environment.get(name)
        if isinstance(packages, Mapping):
            return [f"{p} {packages[p]}" for p in _TOLD_FIRST if p in packages][:2]
    return []


def number(value: object) -> str:
    """A metric's value in at most four significant decimals."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def index_range(indexes: Iterable[int]) -> str:
    """``[0…7]``, ``[0…2, 4…7]``; of more than three stretches only the ends."""
    found = sorted(set(indexes))
    stretches: list[list[int]] = []
    for index in found:
        if stretches and index == stretches[-1][1] + 1:
            stretches[-1][1] = index
        else:
            stretches.append([index, index])
    if len(stretches) > _MAX_STRETCHES:
        stretches = [[found[0], found[-1]]]
    return "[" + ", ".join(str(a) if a == b else f"{a}…{b}" for a, b in stretches) + "]"
