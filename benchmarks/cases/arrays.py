"""A 256 MiB NumPy array: its put beside ``np.save`` and one SHA-256 pass, its read beside ``np.load``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.cases.frames import store
from benchmarks.model import Area, Bench, Contestant, Kind, Row, Sample, Target, Term
from benchmarks.worker import MIB, resident_mib, timed

if TYPE_CHECKING:
    import numpy as np

SIZE = 256 * MIB
REF = "ref.json"


def array(size: int) -> np.ndarray:
    """float32 (size / 4,), pages touched."""
    import numpy as np

    made: np.ndarray = np.random.default_rng(1).random(max(size // 4, 1), dtype=np.float32)
    return made


def lading_put(bench: Bench) -> Sample:
    from lading_runner import values

    artifacts = store(bench)
    values.save(array(100), artifacts)
    value, sample = array(bench.size(SIZE)), Sample()
    with timed(sample, "put_"):
        ref = values.save(value, artifacts)
    (bench.folder / REF).write_bytes(ref.dumps())
    return sample


def lading_get(bench: Bench) -> Sample:
    from lading_runner import values
    from lading_runner.contract import ArtifactRef

    artifacts, sample = store(bench), Sample()
    values.load(values.save(array(100), artifacts), artifacts)
    ref = ArtifactRef.loads((bench.folder / REF).read_bytes())
    before = resident_mib()
    with timed(sample, "get_"):
        value = values.load(ref, artifacts)
    sample["get_resident_mib"] = resident_mib() - before
    if not float(value[-1]) == float(array(bench.size(SIZE))[-1]):
        raise AssertionError(f"the consumer got another array: {value.shape}")
    return sample


def np_save(bench: Bench) -> Sample:
    import numpy as np

    np.save(bench.folder / "warm.npy", array(100))
    value, sample = array(bench.size(SIZE)), Sample()
    with timed(sample, "put_"):
        np.save(bench.folder / "array.npy", value)
    return sample


def np_load(bench: Bench) -> Sample:
    import numpy as np

    np.load(bench.folder / "warm.npy")
    before, sample = resident_mib(), Sample()
    with timed(sample, "get_"):
        value = np.load(bench.folder / "array.npy")
    sample["get_resident_mib"] = resident_mib() - before
    del value
    return sample


def sha256(bench: Bench) -> Sample:
    import hashlib

    hashlib.sha256(array(100).data).digest()
    value, sample = array(bench.size(SIZE)), Sample()
    with timed(sample, "put_"):
        hashlib.sha256(value.data).digest()
    return sample


LADING = Contestant("array lading", (f"{__name__}:lading_put", f"{__name__}:lading_get"))
NUMPY = Contestant("array numpy", (f"{__name__}:np_save", f"{__name__}:np_load"))
SHA256 = Contestant("array sha256", (f"{__name__}:sha256",))

AREA = Area(
    "array",
    (
        Row(
            "array",
            "put 256 MiB, CPU",
            "s",
            (Term(LADING, "put_cpu_s"),),
            (Term(NUMPY, "put_cpu_s"), Term(SHA256, "put_cpu_s", 1.1)),
            Target(Kind.RATIO, 1.0),
            "np.save + 1.1 x SHA-256",
        ),
        Row(
            "array",
            "verified read 256 MiB, memory before use",
            "MiB",
            (Term(LADING, "get_resident_mib"),),
            (Term(NUMPY, "get_resident_mib"),),
            Target(Kind.OURS, 8),
            "np.load",
        ),
    ),
)
