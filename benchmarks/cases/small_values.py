"""1,000 small JSON values, as tasks push and pull them, without the database."""

from __future__ import annotations

from typing import Any

from benchmarks.cases.frames import Result, serializer
from benchmarks.model import Area, Bench, Contestant, Kind, Row, Sample, Target, Term
from benchmarks.worker import timed

COUNT = 1000
REPEATS = 15


def lading(bench: Bench) -> Sample:
    from lading.xcom import LadingXComBackend

    return _there_and_back(bench, LadingXComBackend)


def stock(bench: Bench) -> Sample:
    from airflow.sdk.bases.xcom import BaseXCom

    return _there_and_back(bench, BaseXCom)


def _values(count: int) -> list[dict[str, Any]]:
    return [
        {"epoch": i, "loss": i / 7, "name": f"run {i}", "tags": ["a", "b"], "best": i % 2 == 0}
        for i in range(count)
    ]


def _there_and_back(bench: Bench, backend: Any) -> Sample:
    """The cheapest of some repeats: what is left is the work itself."""
    serialize, values = serializer(backend), _values(max(bench.size(COUNT), 10))
    samples = []
    for _ in range(REPEATS + 1):  # the first one warms up
        sample = Sample()
        with timed(sample):
            got = [backend.deserialize_value(Result(serialize(value))) for value in values]
        samples.append(sample)
    if got != values:
        raise AssertionError(f"{backend.__name__} returned other values, first {got[0]!r}")
    return {"cpu_ms": min(sample["cpu_s"] for sample in samples[1:]) * 1000}


LADING = Contestant("small lading", (f"{__name__}:lading",))
STOCK = Contestant("small stock", (f"{__name__}:stock",))

AREA = Area(
    "small values",
    (
        Row(
            "small values",
            "1,000 JSON values there and back, CPU",
            "ms",
            (Term(LADING, "cpu_ms"),),
            (Term(STOCK, "cpu_ms"),),
            Target(Kind.RATIO, 3),
            "BaseXCom",
        ),
    ),
)
