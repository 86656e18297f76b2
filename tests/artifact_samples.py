"""One table of values for all tests of serializers: round trips, equal bytes, golden files, corruption.

``python tests/artifact_samples.py`` writes the golden files that are missing; none is ever changed.
"""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import importlib.util
import json
import sys
import tempfile
import uuid
import zoneinfo
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading_runner import values
from lading_runner.store import ArtifactStore, LocalStore
from lading_testkit import REQUIRED

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parent / "golden" / "serializers"
INDEX = GOLDEN / "samples.json"

#: Distributions whose version may change the bytes of a format; other bytes depend on the value alone.
LIBRARIES = {
    "skops": ("skops", "scikit-learn"),
    "xgboost": ("xgboost-cpu",),
    "lightgbm": ("lightgbm",),
    "figure": ("matplotlib", "pillow"),
    "arrow": ("pyarrow", "pandas", "polars"),
}

HAS_TORCH = "torch" in REQUIRED or importlib.util.find_spec("torch") is not None
SAMPLES: dict[str, Callable[[], Any]] = {}


#: Formats that no sample of this environment has.
ABSENT = frozenset() if HAS_TORCH else frozenset({"safetensors"})


def sample(build: Callable[[], Any]) -> Callable[[], Any]:
    SAMPLES[build.__name__] = build
    return build


def tensor_sample(build: Callable[[], Any]) -> Callable[[], Any]:
    """A sample only where torch is installed, or required to be."""
    return sample(build) if HAS_TORCH else build


def new_store(folder: str | Path | None = None) -> ArtifactStore:
    return ArtifactStore(LocalStore(str(folder or tempfile.mkdtemp(prefix="lading-samples-"))))


@sample
def json_plain() -> Any:
    return {"none": None, "yes": True, "int": 2**80, "float": -0.1, "text": "é 漢 🚢", "list": [[], {}, ""]}


@sample
def json_tagged() -> Any:
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    return [
        (1, (2,)),
        {3, "a", None},
        frozenset({(1, 2)}),
        {1: "int", None: 0, (1, 2): "tuple", "$x": 1},
        collections.OrderedDict(b=1, a=2),
        [float("inf"), -float("inf")],
        dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=berlin),
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        dt.time(1, 2, 3, 4),
        dt.date(2026, 1, 1),
        dt.timedelta(days=-1, microseconds=1),
        dt.timezone(dt.timedelta(hours=2), "ship"),
        decimal.Decimal("1.50"),
        uuid.UUID(int=7),
        1 + 2j,
        b"\x00\xff",
        bytearray(b"x"),
        "half \ud800",
        10**3000,
    ]


@sample
def text_long() -> Any:
    return "bill of lading – 提単\n" * 100


@sample
def bytes_raw() -> Any:
    return bytes(range(256)) * 3


@sample
def npy_floats() -> Any:
    import numpy as np

    return np.arange(12, dtype=np.float32).reshape(3, 4) / 7


@sample
def npy_fortran() -> Any:
    import numpy as np

    return np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3))


@sample
def npy_structured() -> Any:
    import numpy as np

    return np.array([(1, "a", "2026"), (2, "ü", "NaT")], dtype=[("n", "i2"), ("s", "U2"), ("t", "M8[D]")])


@sample
def arrow_pandas() -> Any:
    import numpy as np
    import pandas as pd

    rows = 8
    frame = pd.DataFrame(
        {
            "int": np.arange(rows),
            "float": [0.5, np.nan] * 4,
            "flag": [True, False] * 4,
            "text": pd.array(["a", None] * 4, dtype="string"),
            "when": pd.date_range("2026-01-01", periods=rows, unit="ns"),
            "zoned": pd.date_range("2026-01-01", periods=rows, tz="Europe/Berlin", unit="us"),
            "group": pd.Categorical([3, 1] * 4, categories=[1, 2, 3], ordered=True),
            "maybe": pd.array([1, None] * 4, dtype="Int64"),
            "objects": pd.Series([["x"], None] * 4, dtype=object).array,
        },
        index=pd.MultiIndex.from_product([[1, 2], [3, 4, 5, 6]], names=["k", None]),
    )
    frame.attrs = {"source": ("ship", 1)}
    return frame


@sample
def arrow_series() -> Any:
    import pandas as pd

    return pd.Series([1.5, None], index=pd.date_range("2026-01-01", periods=2, freq="D"), name=("a", 1))


@sample
def arrow_polars() -> Any:
    import polars as pl

    return pl.DataFrame(
        {
            "int": [1, None],
            "text": ["ü", None],
            "category": pl.Series(["v", "u"], dtype=pl.Categorical),
            "enum": pl.Series(["u", "v"], dtype=pl.Enum(["u", "v"])),
            "list": [[1], None],
            "struct": [{"a": 1}, {"a": None}],
        }
    )


@sample
def arrow_table() -> Any:
    import pyarrow as pa

    return pa.table({"a": [1, None], "l": [[1, 2], None], "b": [True, None]}, metadata={"k": "v"})


@tensor_sample
def tensors_state() -> Any:
    import torch

    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).state_dict()


@tensor_sample
def tensors_one() -> Any:
    import torch

    return torch.arange(6, dtype=torch.bfloat16).reshape(2, 3)


def _digits() -> tuple[Any, Any]:
    from sklearn.datasets import load_iris

    return load_iris(return_X_y=True)


@sample
def skops_forest() -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(3, max_depth=2, random_state=0, class_weight={2: 1, 0: 1, 1: 2}).fit(
        *_digits()
    )


@sample
def skops_words() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(stop_words=["the", "of"]).fit(["the bill of lading", "the ship"])


@sample
def skops_set() -> Any:
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(kw_args={"words": {"the", "of", "and", "bill"}})


@sample
def xgboost_classifier() -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(n_estimators=2, max_depth=2, n_jobs=1).fit(*_digits())


@sample
def lightgbm_classifier() -> Any:
    import numpy as np
    from lightgbm import LGBMClassifier

    features, labels = _digits()
    names = np.array(["a", "b", "c"])[labels]
    return LGBMClassifier(n_estimators=2, num_leaves=3, verbose=-1, n_jobs=1).fit(features, names)


@sample
def figure_line() -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1), dpi=50)
    figure.subplots().plot([1, 3, 2])
    return figure


@sample
def file_script() -> Any:
    path = Path(tempfile.mkdtemp()) / "run me.sh"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@sample
def directory_tree() -> Any:
    folder = Path(tempfile.mkdtemp()) / "model"
    (folder / "empty").mkdir(parents=True)
    (folder / "ü" / ("n" * 120)).mkdir(parents=True)
    (folder / "ü" / ("n" * 120) / "weights.bin").write_bytes(bytes(5000))
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o700)
    return folder


@sample
def collection_mixed() -> Any:
    import numpy as np

    return {"left": np.arange(3), "right": [np.zeros(2), {"a": (1, 2)}], "note": "x", 7: b"y" * 5000}


@sample
def pickle_class() -> Any:
    return range(7)


def save(name: str, store: ArtifactStore) -> Any:
    return values.save(SAMPLES[name](), store, allow_pickle=name.startswith("pickle"))


def load(ref: Any, store: ArtifactStore) -> Any:
    return values.load(ref, store, allow_pickle=True)


def same(one: Any, two: Any) -> bool:
    """Whether a value came back, down to its type."""
    compare = _COMPARE.get(type(one).__module__.partition(".")[0])
    if type(two).__name__ == "Png":
        return two.startswith(b"\x89PNG")
    return type(one) is type(two) and (compare or _plain)(one, two)


def _plain(one: Any, two: Any) -> bool:
    if isinstance(one, (list, tuple)):
        return len(one) == len(two) and all(same(a, b) for a, b in zip(one, two, strict=True))
    if type(one) is dict:
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    return bool(one == two or (one != one and two != two))


def _collections(one: Any, two: Any) -> bool:
    return list(one) == list(two) and all(same(one[key], two[key]) for key in one)


def _pandas(one: Any, two: Any) -> bool:
    import pandas as pd

    check = {"DataFrame": pd.testing.assert_frame_equal, "Series": pd.testing.assert_series_equal}
    check.get(type(one).__name__, pd.testing.assert_index_equal)(one, two)
    return getattr(one, "attrs", None) == getattr(two, "attrs", None)


def _numpy(one: Any, two: Any) -> bool:
    order = one.flags.c_contiguous == two.flags.c_contiguous
    return one.dtype == two.dtype and one.shape == two.shape and order and one.tobytes() == two.tobytes()


def _torch(one: Any, two: Any) -> bool:
    import torch

    return one.dtype == two.dtype and torch.equal(one, two)


def _model(one: Any, two: Any) -> bool:
    if type(one).__name__ == "FunctionTransformer":
        return bool(one.kw_args == two.kw_args)
    rows = _digits()[0] if hasattr(one, "predict") else ["the bill", "of ship"]
    answer = "predict_proba" if hasattr(one, "predict_proba") else "transform"
    found = [getattr(model, answer)(rows) for model in (one, two)]
    dense = [array.toarray() if hasattr(array, "toarray") else array for array in found]
    return bool((dense[0] == dense[1]).all()) and str(one.get_params()) == str(two.get_params())


def _path(one: Path, two: Path) -> bool:
    return one.name == two.name and _tree(one) == _tree(two)


def _tree(path: Path) -> dict[str, Any]:
    found = [path, *sorted(path.rglob("*"))] if path.is_dir() else [path]
    return {
        str(p.relative_to(path)): (p.read_bytes(), bool(p.stat().st_mode & 0o100))
        if p.is_file()
        else "folder"
        for p in found
    }


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "collections": _collections,
    "pandas": _pandas,
    "numpy": _numpy,
    "torch": _torch,
    "polars": lambda one, two: one.schema == two.schema and one.equals(two),
    "pyarrow": lambda one, two: one.equals(two) and one.schema.metadata == two.schema.metadata,
    "sklearn": _model,
    "xgboost": _model,
    "lightgbm": _model,
    "pathlib": _path,
}


def digests() -> dict[str, str]:
    store = new_store()
    return {name: save(name, store).digest for name in SAMPLES}


def versions(format_id: str) -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES.get(format_id, ())}


def write_golden() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    index = json.loads(INDEX.read_text()) if INDEX.exists() else {}
    store = new_store()
    for name in [name for name in SAMPLES if name not in index]:
        ref = save(name, store)
        index[name] = {"ref": ref.to_json(), "versions": versions(ref.format)}
        digests = [ref.digest]
        for digest in digests:
            (GOLDEN / digest.removeprefix("sha256:")).write_bytes(store.blob_of(digest).read())
            digests += [inner for inner in parts(name, ref, store) if inner not in digests]
    INDEX.write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")


def parts(name: str, ref: Any, store: ArtifactStore) -> list[str]:
    """Digests of what a collection refers to."""
    if ref.format != values.COLLECTION:
        return []
    found = []
    for _place, inner, small in values.elements(ref, store).refs:
        if small is values.ABSENT:
            found += [inner.digest, *parts(name, inner, store)]
    return found


if __name__ == "__main__":
    {"golden": write_golden, "digests": lambda: print(json.dumps(digests()))}[
        sys.argv[1] if sys.argv[1:] else "golden"
    ]()
