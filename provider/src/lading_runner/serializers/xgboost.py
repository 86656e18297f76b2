"""XGBoost models in its own UBJSON; the class and settings of a wrapper are an attribute of the booster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO, Dict, Mapping

from lading_runner.contract import canonical_json
from lading_runner.serializers import names
from lading_runner.serializers.json import from_jsonable
from lading_runner.serializers.library import need
from lading_runner.serializers.wrappers import need_fitted, plain_settings, wrapper_class

if TYPE_CHECKING:
    from lading_runner.serializers.base import Blob

WRAPPERS = ("XGBModel", "XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor")
_ATTRIBUTE = "lading"


class XgboostSerializer:
    format = "xgboost"

    def accepts(self, value: Any) -> bool:
        kind = type(value)
        return names.root(kind) == "xgboost" and kind.__name__ in ("Booster", *WRAPPERS)

    def dump(self, value: Any, file: BinaryIO) -> None:
        if type(value).__name__ == "Booster":
            file.write(value.save_raw("ubj"))
            return
        booster = _booster(value)
        facts = {"class": type(value).__name__, "params": _params(value)}
        booster.set_attr(**{_ATTRIBUTE: canonical_json(facts).decode()})
        try:
            file.write(booster.save_raw("ubj"))
        finally:
            booster.set_attr(**{_ATTRIBUTE: None})

    def load(self, blob: Blob, meta: Mapping[str, Any]) -> Any:
        xgboost = need("xgboost", "to read this model")
        raw = bytearray(blob.read())
        booster = xgboost.Booster()
        booster.load_model(raw)
        text = booster.attr(_ATTRIBUTE)
        if text is None:
            return booster
        facts = json.loads(text)
        model = wrapper_class(xgboost, facts, WRAPPERS)()
        known = model.get_params()
        model.load_model(raw)
        params = from_jsonable(facts["params"])
        # Loading has guessed some settings from the model; None is what the user had left open.
        model.set_params(**{name: params.get(name) for name in known})
        model.get_booster().set_attr(**{_ATTRIBUTE: None})
        return model

    def describe(self, value: Any) -> Mapping[str, Any]:
        booster = value if type(value).__name__ == "Booster" else _booster(value)
        return {"features": int(booster.num_features()), "rounds": int(booster.num_boosted_rounds())}


def _booster(value: Any) -> Any:
    need_fitted(value)
    return value.get_booster()


def _params(value: Any) -> Dict[str, Any]:
    """None is what the user had left open."""
    return {name: setting for name, setting in plain_settings(value).items() if setting is not None}
