"""What a pod may say, from the schema of a dated Kubernetes release, and what is wrong with a given text."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

POD = "PodTemplateSpec"
DIRECTIVE = "$patch"  # of a strategic merge
_QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?\Z")
_SCALARS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "a text"),
    "Time": ((str,), "a time such as 2026-11-20T12:00:00Z"),
    "integer": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
    "boolean": ((bool,), "true or false"),
    "IntOrString": ((int, str), "a whole number or a text"),
    "Quantity": ((int, float, str), "a quantity such as 500m or 2Gi"),
}


@dataclass(frozen=True)
class Flaw:
    path: str  # spec.containers[0].image
    message: str
    cure: str


@cache
def types() -> Mapping[str, Any]:
    return _document()["types"]  # type: ignore[no-any-return]


def release() -> str:
    """Of Kubernetes, whose schema this is."""
    return str(_document()["kubernetes"])


def flaws(value: object, type_name: str = POD, path: str = "", *, partial: bool = False) -> Iterator[Flaw]:
    """What is wrong with ``value``; with ``partial`` it is a patch: required fields may be absent, None
    removes, and the elements of merged lists must say which they mean."""
    yield from _Check(partial).value(value, type_name, path)


@cache
def _document() -> Any:
    return json.loads((resources.files(__package__) / "schema.json").read_bytes())


@dataclass(frozen=True)
class _Check:
    partial: bool

    def value(self, value: object, form: Any, path: str) -> Iterator[Flaw]:
        if isinstance(form, dict):
            yield from self._composed(value, form, path)
        elif form in _SCALARS:
            yield from _scalar_flaws(value, form, path)
        elif form in types():
            yield from self._fields(value, form, path)

    def _composed(self, value: object, form: Mapping[str, Any], path: str) -> Iterator[Flaw]:
        if "enum" in form:
            if value not in form["enum"]:
                yield Flaw(path, f"is {value!r}", f"write one of {', '.join(form['enum'])}")
        elif "list" in form:
            yield from self._list(value, form["list"], path)
        else:
            yield from self._map(value, form["map"], path)

    def _list(self, value: object, form: Any, path: str) -> Iterator[Flaw]:
        if not isinstance(value, (list, tuple)):
            yield Flaw(path, f"is {value!r}", "write a list")
            return
        for place, item in enumerate(value):
            yield from self.value(item, form, f"{path}[{place}]")

    def _map(self, value: object, form: Any, path: str) -> Iterator[Flaw]:
        if not isinstance(value, dict):
            yield Flaw(path, f"is {value!r}", "write a table of keys")
            return
        for key, item in value.items():
            if not self._removes(item):
                yield from self.value(item, form, f"{path}.{key}")

    def _fields(self, value: object, name: str, path: str) -> Iterator[Flaw]:
        if not isinstance(value, dict):
            yield Flaw(path, f"is {value!r}, which is no {name}", "write a table of its fields")
            return
        for key, item in value.items():
            yield from self._field(item, name, key, f"{path}.{key}".lstrip("."))
        for key in () if self.partial else types()[name].get("required", ()):
            if key not in value:
                yield Flaw(f"{path}.{key}".lstrip("."), "is missing", f"each {name} has one")

    def _field(self, value: object, name: str, key: str, path: str) -> Iterator[Flaw]:
        known = types()[name]["fields"]
        if self.partial and key == DIRECTIVE:
            if value not in ("delete", "replace"):
                yield Flaw(path, f"is {value!r}", "write delete or replace")
        elif key not in known:
            yield _unknown(path, str(key), name, known)
        elif not self._removes(value):
            yield from self.value(value, known[key], path)
            yield from self._unnamed(value, name, key, path)

    def _removes(self, value: object) -> bool:
        return self.partial and value is None

    def _unnamed(self, items: object, name: str, key: str, path: str) -> Iterator[Flaw]:
        merge_key = types()[name].get("merge", {}).get(key, ("", ""))[0]
        if not self.partial or not merge_key or not isinstance(items, (list, tuple)):
            return
        for place, item in enumerate(items):
            if isinstance(item, dict) and merge_key not in item and item.get(DIRECTIVE) != "replace":
                cure = f"write its {merge_key}"
                if key == "containers":
                    cure += ", 'base' for the step's own"
                yield Flaw(f"{path}[{place}]", f"does not say which {name}'s {key} it changes", cure)


def _scalar_flaws(value: object, form: str, path: str) -> Iterator[Flaw]:
    kinds, expected = _SCALARS[form]
    wrong_kind = not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)
    if wrong_kind or (form == "Quantity" and not _QUANTITY.match(str(value))):
        yield Flaw(path, f"is {value!r}", f"write {expected}")


def _unknown(path: str, key: str, name: str, known: Mapping[str, Any]) -> Flaw:
    near = difflib.get_close_matches(key, known, n=1)
    cure = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
    return Flaw(path, f"{key!r} is no field of {name} in Kubernetes {release()}", cure)
