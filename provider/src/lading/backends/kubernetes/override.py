"""Changes to a pod, merged as ``kubectl patch`` merges: strategically, lists by their merge keys."""

from __future__ import annotations

import copy
from typing import Any

from lading.backends.kubernetes.schema import DIRECTIVE, POD, types


def merged(pod: dict[str, Any], patch: Any) -> dict[str, Any]:
    """``pod`` with ``patch`` over it, which the schema found to have no flaw; neither is changed."""
    return _fields(copy.deepcopy(pod), copy.deepcopy(dict(patch)), POD)


def _fields(old: dict[str, Any], patch: dict[str, Any], name: str) -> dict[str, Any]:
    directive = patch.pop(DIRECTIVE, None)
    if directive == "delete":
        return {}
    if directive == "replace":
        return patch
    schema = types().get(name, {"fields": {}})
    for key, value in patch.items():
        if value is None:
            old.pop(key, None)
        else:
            how = schema.get("merge", {}).get(key)
            old[key] = _value(old.get(key), value, schema["fields"].get(key), how)
    return old


def _value(old: Any, new: Any, form: Any, how: list[str] | None) -> Any:
    if isinstance(form, dict) and "list" in form:
        return _lists(list(old or ()), list(new), form["list"], how) if how else new
    if isinstance(form, dict) and "map" in form:
        return {k: v for k, v in {**(old or {}), **new}.items() if v is not None}
    if isinstance(new, dict):
        return _fields(dict(old or {}), new, str(form))
    return new


def _lists(old: list[Any], new: list[Any], name: str, how: list[str]) -> list[Any]:
    key, strategy = how
    if any(isinstance(item, dict) and item.get(DIRECTIVE) == "replace" for item in new):
        return [item for item in new if item.get(DIRECTIVE) != "replace"]
    if not key:
        return old + [item for item in new if item not in old]
    for item in new:
        place = next((i for i, there in enumerate(old) if there.get(key) == item[key]), None)
        if item.get(DIRECTIVE) == "delete":
            old = [there for there in old if there.get(key) != item[key]]
        elif place is None:
            old.append(_fields({}, item, name))
        else:
            there = old[place]
            if "retainKeys" in strategy:  # one kind of volume takes the place of another
                there = {k: v for k, v in there.items() if k in item}
            old[place] = _fields(there, item, name)
    return old
