"""scikit-learn estimators by skops: a zip of JSON and arrays, without pickle.

skops names things by their address in memory and stamps the time; here they are renumbered in the order in
which they appear, so that the same model is the same bytes.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO, Dict, List, Mapping

from lading_runner.errors import ArtifactUndecodable, SerializationError
from lading_runner.serializers import names
from lading_runner.serializers.library import need
from lading_runner.serializers.npy import NpySerializer

if TYPE_CHECKING:
    from lading_runner.serializers.base import Blob

#: Classes, told by their capital, no functions; of NumPy and SciPy only where none opens files or runs code.
_TRUSTED = re.compile(
    r"numpy\.dtype|(?:sklearn|numpy\.(?:random|dtypes|ma)|scipy\.(?:sparse|stats|interpolate|spatial))\.(?:\w+\.)*_?[A-Z]\w*|"
    r"scipy\.sparse\.(?:\w+\.)*\w+_(?:matrix|array)|scipy\.stats\.(?:\w+\.)*(?:rv_\w+_frozen|\w+_gen)"
)
_SCHEMA = "schema.json"
#: An address in memory, by which scikit-learn notices that it checked the same list of words before.
_ADDRESS = "_stop_words_id"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can say


class SklearnSerializer:
    format = "skops"

    def accepts(self, value: Any) -> bool:
        kind = type(value)
        if names.root(kind) in ("xgboost", "lightgbm"):
            return False
        return any(b.__name__ == "BaseEstimator" and names.root(b) == "sklearn" for b in kind.__mro__)

    def dump(self, value: Any, file: BinaryIO) -> None:
        skops = need("skops.io", f"to store {names.type_name(value)}")
        try:
            raw = skops.dumps(value)
        except (TypeError, ValueError, AttributeError, RecursionError) as e:
            raise SerializationError(
                f"{names.type_name(value)} has a part that skops cannot hold: {e}; expected an estimator of "
                "scikit-learn's own classes; keep functions and objects of yours out of it"
            ) from e
        if foreign := _untrusted(skops, raw):
            raise SerializationError(
                f"{names.type_name(value)} contains {', '.join(foreign)}, which is not loaded without trust; "
                "expected classes of scikit-learn, NumPy and SciPy; keep your own classes and functions out "
                "of the estimator"
            )
        file.write(_canonical(raw))

    def load(self, blob: Blob, meta: Mapping[str, Any]) -> Any:
        need("sklearn", "to read an estimator")
        skops = need("skops.io", "to read an estimator")
        raw = blob.read()
        if foreign := _untrusted(skops, raw):
            raise ArtifactUndecodable(
                f"it contains {', '.join(foreign)}; expected classes of scikit-learn, NumPy and SciPy"
            )
        return skops.loads(raw, trusted=skops.get_untrusted_types(data=raw))

    def describe(self, value: Any) -> Mapping[str, Any]:
        features = getattr(value, "n_features_in_", None)
        return {} if features is None else {"features": int(features)}


def _untrusted(skops: Any, raw: bytes) -> List[str]:
    return [name for name in skops.get_untrusted_types(data=raw) if not _TRUSTED.fullmatch(name)]


def _canonical(raw: bytes) -> bytes:
    """The same file, whenever and wherever it is written."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as found, zipfile.ZipFile(out, "w") as written:
        schema = json.loads(found.read(_SCHEMA))
        renamed: Dict[str, str] = {}
        # Keys stay in their order: the list of their types beside them has the same.
        schema = _renumbered(_sorted_sets(schema), {}, renamed)
        for before, after in renamed.items():
            written.writestr(_entry(after), _clean(after, found.read(before)))
        written.writestr(_entry(_SCHEMA), json.dumps(schema, separators=(",", ":")))
    return out.getvalue()


def _clean(name: str, raw: bytes) -> bytes:
    """An array without what happened to lie between its fields, as in the nodes of trees."""
    if not name.endswith(".npy") or (b"'names'" not in raw[:4096] and b"'descr': [" not in raw[:4096]):
        return raw
    array = need("numpy", "to store an estimator").load(io.BytesIO(raw), allow_pickle=False)
    out = io.BytesIO()
    NpySerializer().dump(array, out)
    return out.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry


def _sorted_sets(node: Any) -> Any:
    """Sets in the order of their content instead of that of the hash seed."""
    if isinstance(node, list):
        return [_sorted_sets(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _sorted_sets(item) for key, item in node.items()}
    if node.get("__loader__") == "SetNode":
        node["content"] = sorted(
            node["content"], key=lambda item: json.dumps(_anonymous(item), sort_keys=True)
        )
    return node


def _anonymous(node: Any) -> Any:
    if isinstance(node, list):
        return [_anonymous(item) for item in node]
    if isinstance(node, dict):
        return {key: _anonymous(item) for key, item in node.items() if key not in ("__id__", "file")}
    return node


def _renumbered(node: Any, ids: Dict[Any, int], files: Dict[str, str]) -> Any:
    if isinstance(node, list):
        return [_renumbered(item, ids, files) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _renewed(key, item, node, ids, files) for key, item in node.items()}


def _renewed(key: str, item: Any, node: Mapping[str, Any], ids: Dict[Any, int], files: Dict[str, str]) -> Any:
    if key == _ADDRESS and isinstance(item, dict):
        item = {**item, "content": "0"}
    if key == "__id__":
        # Whether two equal constants are one object differs between processes, and nothing depends on it.
        own = ("constant", len(ids)) if node.get("__loader__") == "JsonNode" else item
        return ids.setdefault(own, len(ids))
    if key == "file" and isinstance(item, str):
        suffix = item.rpartition(".")[2]
        return files.setdefault(item, f"{len(files)}.{suffix}")
    return _renumbered(item, ids, files)
