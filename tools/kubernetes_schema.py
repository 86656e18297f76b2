"""Make the schema of what a pod_override may say from the OpenAPI v3 document of a Kubernetes API server.

usage: python tools/kubernetes_schema.py OPENAPI_V3_CORE_V1.json[.xz] yyyy-mm-dd     (the day it was recorded)

Kept is what a pod's template reaches, in short form: per type its fields, the fields that must be there, and
how lists are merged. A field's form is a type's name, or one of ``{"list": form}``, ``{"map": form}`` and
``{"enum": […]}``.
"""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "provider/src/lading/backends/kubernetes/schema.json"
ROOT = "io.k8s.api.core.v1.PodTemplateSpec"


def main(source: Path, recorded: str) -> None:
    raw = source.read_bytes()
    document = json.loads(lzma.decompress(raw) if source.suffix == ".xz" else raw)
    types: dict[str, Any] = {}
    _reach(ROOT, document["components"]["schemas"], types)
    made = {
        "kubernetes": document["info"]["version"],
        "recorded": recorded,
        "licence": "field names from Kubernetes, Copyright the Kubernetes Authors, Apache License 2.0",
        "types": dict(sorted(types.items())),
    }
    TARGET.write_text(json.dumps(made, indent=None, separators=(",", ":"), sort_keys=True) + "\n")
    print(f"{TARGET}: {len(types)} types of Kubernetes {made['kubernetes']}")


def _reach(name: str, schemas: dict[str, Any], types: dict[str, Any]) -> None:
    short = name.rpartition(".")[2]
    if short in types:
        return
    schema = schemas[name]
    fields = schema.get("properties", {})
    made = types[short] = {"fields": {key: _form(value) for key, value in fields.items()}}
    if required := schema.get("required"):
        made["required"] = required
    if merged := {key: how for key, value in fields.items() if (how := _merging(value))}:
        made["merge"] = merged
    for key in _references(schema.get("properties", {})):
        if "properties" in schemas[key]:
            _reach(key, schemas, types)


def _form(schema: dict[str, Any]) -> Any:
    if "enum" in schema:
        return {"enum": sorted(schema["enum"])}
    if reference := _reference(schema):
        return reference.rpartition(".")[2]
    if schema.get("type") == "array":
        return {"list": _form(schema["items"])}
    if schema.get("type") == "object":
        return {"map": _form(schema["additionalProperties"])}
    return schema["type"]


def _merging(schema: dict[str, Any]) -> list[str] | None:
    """The key of a list's elements ("" where they are plain values), and the strategy."""
    strategy = schema.get("x-kubernetes-patch-strategy")
    if strategy is None:
        return None
    return [schema.get("x-kubernetes-patch-merge-key", ""), strategy]


def _reference(schema: dict[str, Any]) -> str | None:
    found = schema.get("$ref") or next((part["$ref"] for part in schema.get("allOf", ())), None)
    return None if found is None else str(found).rpartition("/")[2]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"].rpartition("/")[2]] if "$ref" in value else []
        return own + [name for item in value.values() for name in _references(item)]
    return [name for item in value for name in _references(item)] if isinstance(value, list) else []


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
