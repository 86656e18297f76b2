"""A 100 MiB DataFrame from the end of its producer to the start of its consumer, in two processes."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.model import Area, Bench, Contestant, Kind, Row, Sample, Target, Term
from benchmarks.worker import MIB, peak_memory, timed

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

SIZE = 100 * MIB
ROW_BYTES = 54  # of the columns below
REF, ROW = "ref.json", "row.pickle"


class Result(NamedTuple):
    """What Airflow hands to ``deserialize_value``."""

    value: Any


def frame(size: int) -> pd.DataFrame:
    """About ``size`` bytes of integers, floats, text, times, booleans and categories."""
    import numpy as np
    import pandas as pd

    rows = max(size // ROW_BYTES, 1)
    rng = np.random.default_rng(1)
    names = pd.Series([f"customer {i * 7919}" for i in range(1000)])
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "amount": rng.normal(size=rows),
            "score": rng.random(rows, dtype=np.float32),
            "name": names.take(rng.integers(0, 1000, rows)).reset_index(drop=True),
            "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 10**7, rows), unit="s"),
            "active": rng.random(rows) < 0.5,
            "group": pd.Categorical.from_codes(rng.integers(0, 4, rows), pd.Index(["a", "b", "c", "d"])),
        }
    )


def lading_put(bench: Bench) -> Sample:
    """As a step stores its value: with the preview."""
    from lading_runner import values
    from lading_runner.previews import Previews

    artifacts = store(bench)
    values.save(
        frame(100), artifacts, previews=Previews(artifacts)
    )  # imports are the user's own or paid once; they are not the hand-over
    value, sample = frame(bench.size(SIZE)), Sample()
    with timed(sample, "put_"):
        ref = values.save(value, artifacts, previews=Previews(artifacts))
    (bench.folder / REF).write_bytes(ref.dumps())
    return sample


def lading_get(bench: Bench) -> Sample:
    from lading_runner import values
    from lading_runner.contract import ArtifactRef

    artifacts, sample = store(bench), Sample()
    values.load(values.save(frame(100), artifacts), artifacts)
    ref = ArtifactRef.loads((bench.folder / REF).read_bytes())
    with timed(sample, "get_"):
        value = values.load(ref, artifacts)
    return _checked(value, bench, sample)


def lading_put_peak(bench: Bench) -> Sample:
    from lading_runner import values

    artifacts = store(bench)
    values.save(frame(100), artifacts)
    value, sample = frame(bench.size(SIZE)), Sample()
    with peak_memory(sample, "put_"):
        values.save(value, artifacts)
    return sample


def joblib_put(bench: Bench) -> Sample:
    import joblib

    path = bench.folder / "frame.joblib"
    joblib.dump(frame(100), path)
    value, sample = frame(bench.size(SIZE)), Sample()
    path.unlink()
    with timed(sample, "put_"):
        joblib.dump(value, path)
    return sample


def joblib_get(bench: Bench) -> Sample:
    import joblib

    warm = bench.folder / "warm.joblib"
    joblib.dump(frame(100), warm)
    joblib.load(warm)
    sample = Sample()
    with timed(sample, "get_"):
        value = joblib.load(bench.folder / "frame.joblib")
    return _checked(value, bench, sample)


def joblib_put_peak(bench: Bench) -> Sample:
    import joblib

    path = bench.folder / "frame.joblib"
    joblib.dump(frame(100), path)
    value, sample = frame(bench.size(SIZE)), Sample()
    with peak_memory(sample, "put_"):
        joblib.dump(value, path)
    return sample


def lading_xcom_put(bench: Bench) -> Sample:
    from lading.xcom import LadingXComBackend

    return _xcom_put(bench, LadingXComBackend)


def lading_xcom_get(bench: Bench) -> Sample:
    from lading.xcom import LadingXComBackend

    return _xcom_get(bench, LadingXComBackend)


def object_storage_put(bench: Bench) -> Sample:
    from airflow.providers.common.io.xcom.backend import XComObjectStorageBackend

    return _xcom_put(bench, XComObjectStorageBackend)


def object_storage_get(bench: Bench) -> Sample:
    from airflow.providers.common.io.xcom.backend import XComObjectStorageBackend

    return _xcom_get(bench, XComObjectStorageBackend)


def store(bench: Bench) -> Any:
    from lading_runner.store import ArtifactStore, open_object_store

    return ArtifactStore(open_object_store(f"file://{bench.folder / 'store'}"))


def serializer(backend: Any) -> Callable[[Any], Any]:
    """``backend.serialize_value`` as a task calls it."""

    def serialize(value: Any) -> Any:
        return backend.serialize_value(
            value, key="return_value", task_id="produce", dag_id="bench", run_id="manual__1", map_index=-1
        )

    return serialize


def _xcom_put(bench: Bench, backend: Any) -> Sample:
    serialize = serializer(backend)
    serialize(frame(100))
    value, sample = frame(bench.size(SIZE)), Sample()
    with timed(sample, "put_"):
        row = serialize(value)
    (bench.folder / ROW).write_bytes(pickle.dumps(row))
    return sample


def _xcom_get(bench: Bench, backend: Any) -> Sample:
    backend.deserialize_value(Result(serializer(backend)(frame(100))))
    row, sample = pickle.loads((bench.folder / ROW).read_bytes()), Sample()
    with timed(sample, "get_"):
        value = backend.deserialize_value(Result(row))
    return _checked(value, bench, sample)


def _checked(value: pd.DataFrame, bench: Bench, sample: Sample) -> Sample:
    """``sample`` of a consumer that got what the producer made."""
    expected = frame(bench.size(SIZE))
    if list(value.columns) != list(expected.columns) or not bool((value["name"] == expected["name"]).all()):
        raise AssertionError(f"the consumer got another frame: {value.shape}, expected {expected.shape}")
    return sample


def _contestant(name: str, *functions: str) -> Contestant:
    return Contestant(f"frame {name}", tuple(f"{__name__}:{function}" for function in functions))


LADING = _contestant("lading", "lading_put", "lading_get")
LADING_XCOM = _contestant("lading xcom", "lading_xcom_put", "lading_xcom_get")
OBJECT_STORAGE = _contestant("object storage xcom", "object_storage_put", "object_storage_get")
JOBLIB = _contestant("joblib", "joblib_put", "joblib_get")
LADING_PEAK = _contestant("lading peak", "lading_put_peak")
JOBLIB_PEAK = _contestant("joblib peak", "joblib_put_peak")


def _hand_over(contestant: Contestant) -> tuple[Term, Term]:
    return Term(contestant, "put_wall_s"), Term(contestant, "get_wall_s")


_PEER = "XComObjectStorageBackend"

AREA = Area(
    "frame",
    (
        Row(
            "frame",
            "hand-over 100 MiB, wall",
            "s",
            _hand_over(LADING),
            _hand_over(JOBLIB),
            Target(Kind.OURS, 0.25),
            "joblib, unverified",
        ),
        Row(
            "frame",
            "hand-over 100 MiB by XCom backend, wall",
            "s",
            _hand_over(LADING_XCOM),
            _hand_over(OBJECT_STORAGE),
            Target(Kind.RATIO, 0.1),
            _PEER,
        ),
        Row(
            "frame",
            "put 100 MiB, CPU",
            "s",
            (Term(LADING, "put_cpu_s"),),
            (Term(JOBLIB, "put_cpu_s"),),
            Target(Kind.RATIO, 1.25),
            "joblib.dump",
        ),
        Row(
            "frame",
            "put 100 MiB, peak over the object",
            "MiB",
            (Term(LADING_PEAK, "put_peak_mib"),),
            (Term(JOBLIB_PEAK, "put_peak_mib"),),
            Target(Kind.OURS, 64),
            "joblib.dump",
        ),
    ),
)
