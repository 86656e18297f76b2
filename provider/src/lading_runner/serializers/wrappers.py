"""What the scikit-learn wrappers of XGBoost and LightGBM have in common."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence

from lading_runner.errors import ArtifactUndecodable, SerializationError
from lading_runner.serializers import names
from lading_runner.serializers.json import to_jsonable


def need_fitted(value: Any) -> None:
    """:raises SerializationError: there is no model in it yet"""
    if not value.__sklearn_is_fitted__():
        raise SerializationError(
            f"{names.type_name(value)} is not fitted; expected a fitted model; call fit first, or return "
            "get_params()"
        )


def plain_settings(value: Any) -> Dict[str, Any]:
    """Settings that are plain data; callbacks and functions matter to training alone."""
    found = {}
    for name, setting in value.get_params().items():
        try:
            found[name] = to_jsonable(setting)
        except SerializationError:
            continue
    return found


def wrapper_class(library: Any, facts: Mapping[str, Any], known: Sequence[str]) -> Any:
    """The class that ``facts`` names, looked up among the ``known`` ones only.

    :raises ArtifactUndecodable: it is none of them
    """
    if facts["class"] not in known:
        raise ArtifactUndecodable(f"it is of class {facts['class']!r}, expected one of {', '.join(known)}")
    return getattr(library, facts["class"])
