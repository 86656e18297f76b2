"""Lineage events made by hand, and a store in memory, for tests of what reads them."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

from lading.lineage.event import Input, LineageEvent, Output
from lading_runner.contract import ArtifactRef, Attempt, Producer
from lading_runner.store.base import Stat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DAG, RUN = "digits", "manual__2026-11-20T12:00:00+00:00"
START = datetime.fromisoformat("2026-11-20T12:00:00+00:00")


class MemoryStore:
    """An ``ObjectStore`` that counts what is read."""

    root = "memory://"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.reads: list[str] = []

    def read(self, key: str) -> bytes:
        self.reads.append(key)
        return self.objects[key]

    def open(self, key: str) -> BinaryIO:
        return io.BytesIO(self.objects[key])

    def write(self, key: str, data: bytes) -> None:
        self.objects[key] = data

    def create(self, key: str, data: bytes) -> bool:
        return self.objects.setdefault(key, data) is data

    def stat(self, key: str) -> Stat | None:
        return Stat(key, len(self.objects[key]), 0.0) if key in self.objects else None

    def list(self, prefix: str) -> Iterator[Stat]:
        return iter([Stat(k, len(v), 0.0) for k, v in sorted(self.objects.items()) if k.startswith(prefix)])

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def local_path(self, key: str) -> str | None:
        return None


def ref(
    content: str, type_: str = "dict", format_: str = "json", size: int | None = None, **meta: Any
) -> ArtifactRef:
    data = content.encode()
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    return ArtifactRef(digest, len(data) if size is None else size, format_, type_, meta)


def event_id(at: datetime, n: int) -> str:
    """A UUID version 7 of that moment."""
    stamp = f"{int(at.timestamp() * 1000):012x}"
    return f"{stamp[:8]}-{stamp[8:]}-7000-8000-{n:012x}"


def event(
    task_id: str,
    *,
    n: int = 0,
    at_s: float = 0,
    inputs: Mapping[str | None, tuple[ArtifactRef, Producer]] | None = None,
    outputs: Mapping[str, ArtifactRef] | None = None,
    status: str = "succeeded",
    map_index: int = -1,
    dag_id: str = DAG,
    run_id: str = RUN,
    try_number: int = 1,
    generation: int = 1,
    operator: str = "@task.step",
    **more: Any,
) -> LineageEvent:
    at = START + timedelta(seconds=at_s)
    return LineageEvent(
        id=event_id(at, n or map_index + 1 + 1000 * try_number),
        time=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        status=status,
        task=Attempt(dag_id, run_id, task_id, map_index, try_number, generation),
        operator=operator,
        inputs=tuple(Input(p, r, who) for p, (r, who) in (inputs or {}).items()),
        outputs=tuple(Output(name, r) for name, r in (outputs or {}).items()),
        **more,
    )


def by(
    task_id: str,
    map_index: int = -1,
    key: str = "return_value",
    element: str | None = None,
    dag_id: str = DAG,
    run_id: str = RUN,
) -> Producer:
    return Producer(dag_id, run_id, task_id, map_index, key, element)


ROWS = ref("rows", "pandas.DataFrame", "arrow", 1_149_212, shape=[1797, 65])
TRAIN = ref("train", "pandas.DataFrame", "arrow", 919_320, shape=[1437, 65])
TEST = ref("test", "pandas.DataFrame", "arrow", 230_780, shape=[360, 65])
SETTINGS = ref("settings", "list", "json", 412, length=8)
FIGURE = ref("figure", "matplotlib.Figure", "png", 38_112, shape=[480, 640])
SCORES = ref("scores", "dict", "json", 61, length=2)
LOCAL = {"python": "3.11.9", "platform": "linux-x86_64"}
VENV = {
    "digest": "sha256:" + "7" * 64, "python": "3.12.1", "platform": "linux-x86_64",
    "packages": {"scikit-learn": "1.6.1", "numpy": "2.3.1"},
}  # fmt: skip


def model(n: int) -> ArtifactRef:
    return ref(f"model {n}", "sklearn.RandomForestClassifier", "skops", 1_204_000 + 7_000 * n)


def code(name: str) -> dict[str, Any]:
    return {
        "digest": "sha256:" + hashlib.sha256(b"code of " + name.encode()).hexdigest(),
        "entry": f"demo_digits:{name}",
    }


def sweep(failed: int | None = None) -> list[LineageEvent]:
    """A run: load, split, a sweep over eight settings whose third needed two tries, choose, evaluate."""
    events = [
        event("load", at_s=1, operator="@task", outputs={"return_value": ROWS}, environment=LOCAL,
              timings={"run_s": 0.31},
              external={"inputs": [{"uri": "sklearn://digits", "version": "1.7.2"}]}),
        event("split", at_s=2, target="local", environment=LOCAL, code=code("split"),
              inputs={"rows": (ROWS, by("load"))}, outputs={"train": TRAIN, "test": TEST}, params={"seed": 7},
              timings={"run_s": 0.12, "stage_out_s": 0.02},
              profile={"cpu_s": 0.25, "peak_rss_bytes": 152_000_000,
                       "bytes_in": ROWS.size, "bytes_out": 1_150_100}),
        event("settings", at_s=2.5, operator="@task", outputs={"return_value": SETTINGS}, environment=LOCAL,
              timings={"run_s": 0.01}),
    ]  # fmt: skip
    for n in range(8):
        events += _train(n, failed)
    good = [n for n in range(8) if n != failed]
    if failed is not None:
        return events
    events += [
        event("choose", at_s=30, target="local", code=code("choose"), environment=LOCAL,
              inputs={f"models[{n}]": (model(n), by("train", n)) for n in good},
              outputs={"return_value": model(5)}, timings={"run_s": 0.2}),
        event("evaluate", at_s=32, target="local", code=code("evaluate"), environment=LOCAL,
              inputs={"model": (model(5), by("choose")), "rows": (TEST, by("split", key="test"))},
              outputs={"return_value": SCORES, "confusion": FIGURE}, timings={"run_s": 1.4},
              metrics={"accuracy": 0.975, "log_loss": 0.1182},
              profile={"cpu_s": 2.1, "peak_rss_bytes": 3_100_000_000,
                       "bytes_in": 1_434_780, "bytes_out": 38_173,
                       "gpu": [{"name": "NVIDIA L4", "memory_bytes": 24_152_899_584, "peak_memory_bytes":
                                4_294_967_296, "utilization_mean": 0.83, "utilization_max": 1.0}]},
              metrics_higher_is_better={"accuracy": True, "log_loss": False}),
        event("notify", at_s=33, operator="EmailOperator", status="skipped"),
    ]  # fmt: skip
    return events


def _train(n: int, failed: int | None) -> list[LineageEvent]:
    element = ref(f'{{"trees": {n}}}', "dict", length=2)
    inputs: dict[str | None, tuple[ArtifactRef, Producer]] = {
        "setting": (element, by("settings", element=f"[{n}]")), "rows": (TRAIN, by("split", key="train")),
    }  # fmt: skip
    common: dict[str, Any] = {
        "map_index": n, "target": "py312", "code": code("train"), "inputs": inputs, "environment": VENV,
    }  # fmt: skip
    lost = {"type": "JobLost", "message": "the process ended without a result: killed", "class": "infra"}
    bad = {"type": "ValueError", "message": "n_estimators must be positive\ngot 0", "class": "user"}
    found = []
    if n == 2:
        found += [event("train", at_s=5, status="failed", error=lost, timings={"run_s": 1.0}, **common)]
    again = {"try_number": 2, "generation": 2} if n == 2 else {}
    if n == failed:
        return [
            *found,
            event("train", at_s=9, status="failed", error=bad, timings={"run_s": 0.4}, **common, **again),
        ]
    metrics = {"accuracy": 0.94 + 0.004 * n if n != 5 else 0.981}
    found += [
        event("train", at_s=10 + n, outputs={"return_value": model(n)}, timings={"run_s": 2.0 + 0.1 * n},
              profile={"cpu_s": 3.9 + 0.1 * n, "peak_rss_bytes": 400_000_000 + n},
              metrics=metrics, metrics_higher_is_better={"accuracy": True}, **common, **again)
    ]  # fmt: skip
    return found


def report() -> list[LineageEvent]:
    """A run of another DAG that reads the model of the sweep, and a retry that made other bytes."""
    where: dict[str, Any] = {"dag_id": "report", "run_id": "scheduled__2026-11-21T00:00:00+00:00"}
    page = ref("page", "str", "text", 5120)
    model_in = {"model": (model(5), by("choose"))}
    old, new = (ref(name, "numpy.ndarray", "npy", 9) for name in ("old", "new"))
    return [
        event("predict", at_s=43_200, inputs=model_in, outputs={"return_value": old}, **where),
        event("predict", at_s=43_300, inputs=model_in, outputs={"return_value": new}, try_number=2, **where),
        event("publish", at_s=43_250, inputs={"values": (old, by("predict", **where))},
              outputs={"return_value": page}, **where),
    ]  # fmt: skip
