"""``model``: class, library, params (as the user set them), facts (what training found)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

from lading_runner.previews.cells import cell, text
from lading_runner.serializers import names

if TYPE_CHECKING:
    from lading_runner.contract import ArtifactRef
    from lading_runner.store.artifacts import ArtifactStore

_PARAMS = 200
_CLASSES = 20
_FOUND = ("n_features_in_", "n_outputs_", "n_iter_", "n_components_", "n_clusters", "best_score_")


def estimator(value: Any, ref: ArtifactRef, store: ArtifactStore) -> Dict[str, Any]:
    """Of scikit-learn."""
    facts = {name.strip("_"): cell(getattr(value, name)) for name in _FOUND if _is_scalar(value, name)}
    classes = getattr(value, "classes_", None)
    if classes is not None and not isinstance(classes, list):  # one list per output
        facts["classes"] = text(", ".join(map(str, classes[:_CLASSES].tolist())))
    if hasattr(value, "estimators_"):
        facts["estimators"] = len(value.estimators_)
    if hasattr(value, "coef_"):
        facts["coefficients"] = text(getattr(value.coef_, "shape", ""))
    if isinstance(getattr(value, "steps", None), list):
        facts["steps"] = text(" → ".join(type(step).__name__ for _, step in value.steps))
    return _model(value, "scikit-learn", _params(value), facts)


def boosted(value: Any, ref: ArtifactRef, store: ArtifactStore) -> Dict[str, Any]:
    """Of XGBoost and LightGBM."""
    facts = {name: cell(item) for name, item in ref.meta.items() if not isinstance(item, (list, dict))}
    return _model(value, names.root(type(value)), _params(value), facts)


def _model(value: Any, library: str, params: Dict[str, Any], facts: Dict[str, Any]) -> Dict[str, Any]:
    return {
        "kind": "model",
        "class": names.qualified(type(value)),
        "library": library,
        "params": params,
        "facts": facts,
        "tensors": None,
        "parameter_count": None,
    }


def _params(value: Any) -> Dict[str, Any]:
    if not hasattr(value, "get_params"):
        return {}
    found = value.get_params(deep=False)
    return {name: cell(found[name]) for name in sorted(found)[:_PARAMS]}


def _is_scalar(value: Any, name: str) -> bool:
    found = getattr(value, name, None)
    return isinstance(found, (int, float)) or (found is not None and getattr(found, "ndim", 1) == 0)
