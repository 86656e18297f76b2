"""LightGBM models in its own text. What its scikit-learn wrappers add stands in one line near the end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO, Dict, Mapping, Tuple

from lading_runner.contract import canonical_json
from lading_runner.errors import ArtifactUndecodable
from lading_runner.serializers import names
from lading_runner.serializers.json import from_jsonable, to_jsonable
from lading_runner.serializers.library import need
from lading_runner.serializers.wrappers import need_fitted, plain_settings, wrapper_class

if TYPE_CHECKING:
    from lading_runner.serializers.base import Blob

WRAPPERS = ("LGBMModel", "LGBMClassifier", "LGBMRegressor", "LGBMRanker")
_LINE = "\nlading:"
_LAST = "\npandas_categorical:"  # LightGBM reads it from the end of the text


class LightgbmSerializer:
    format = "lightgbm"

    def accepts(self, value: Any) -> bool:
        kind = type(value)
        return names.root(kind) == "lightgbm" and kind.__name__ in ("Booster", *WRAPPERS)

    def dump(self, value: Any, file: BinaryIO) -> None:
        wrapped = type(value).__name__ != "Booster"
        booster = _booster(value) if wrapped else value
        facts: Dict[str, Any] = {"best_iteration": booster.best_iteration}
        if wrapped:
            facts.update({"class": type(value).__name__, "params": plain_settings(value), **_classes(value)})
            facts["objective"] = value.objective_ if isinstance(value.objective_, str) else None
        text = booster.model_to_string(num_iteration=-1)
        head, last, tail = text.rpartition(_LAST)
        file.write(f"{head}{_LINE}{canonical_json(facts).decode()}{last}{tail}".encode())

    def load(self, blob: Blob, meta: Mapping[str, Any]) -> Any:
        lightgbm = need("lightgbm", "to read this model")
        text, facts = _parted(blob.read().decode())
        try:
            booster = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as e:
            raise ArtifactUndecodable(f"it is no LightGBM model: {e}") from e
        booster.best_iteration = facts.get("best_iteration", -1)
        if "class" not in facts:
            return booster
        return _wrapped(wrapper_class(lightgbm, facts, WRAPPERS), booster, facts)

    def describe(self, value: Any) -> Mapping[str, Any]:
        booster = value if type(value).__name__ == "Booster" else _booster(value)
        return {"features": int(booster.num_feature()), "trees": int(booster.num_trees())}


def _booster(value: Any) -> Any:
    need_fitted(value)
    return value.booster_


def _classes(value: Any) -> Dict[str, Any]:
    if type(value).__name__ != "LGBMClassifier":
        return {}
    return {"classes": to_jsonable(value.classes_.tolist(), "classes_"), "dtype": value.classes_.dtype.str}


def _parted(text: str) -> Tuple[str, Dict[str, Any]]:
    """The text as LightGBM wrote it, and our line."""
    head, found, tail = text.rpartition(_LINE)
    if not found:
        return text, {}
    line, last, rest = tail.partition(_LAST)
    return f"{head}{last}{rest}", json.loads(line)


def _wrapped(kind: Any, booster: Any, facts: Mapping[str, Any]) -> Any:
    """A fitted wrapper; LightGBM has no way to make one of a model, so its fields are set."""
    model = kind(**from_jsonable(facts["params"]))
    model._Booster = booster
    model._n_features = model._n_features_in = booster.num_feature()
    model._best_iteration = facts["best_iteration"]
    model._objective = facts["objective"]
    model.fitted_ = True
    if "classes" in facts:
        numpy = need("numpy", "to read a classifier")
        encoder = need("sklearn.preprocessing", "to read a classifier").LabelEncoder()
        model._le = encoder.fit(numpy.array(from_jsonable(facts["classes"]), facts["dtype"]))
        model._classes, model._n_classes = encoder.classes_, len(encoder.classes_)
        model._class_map = dict(zip(encoder.classes_, range(len(encoder.classes_))))
    return model
