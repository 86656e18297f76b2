"""``uv.lock`` read without uv: the pinned, hashed lines of the project's own dependencies.

The file is read the same whether uv is installed or not, so that an environment has one digest everywhere.
Development groups and extras of the project are left out, as ``uv export --frozen --no-dev`` leaves them out.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

#: A condition in disjunctive form: any of these sets of markers, all markers of a set.
_Condition = frozenset[frozenset[str]]
_ALWAYS: _Condition = frozenset({frozenset()})
_Node = tuple[int, str | None]  # place in the lock's package list, extra


@dataclass(frozen=True)
class UvLock:
    lines: list[str]  # "name==1.2 ; marker --hash=sha256:…", sorted
    requires_python: list[str]


def read(text: str, path: Path) -> UvLock:
    """:raises ConfigError: no lock of a known version, or a package in it cannot be installed elsewhere"""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{path} is not TOML: {e}; write it anew with 'uv lock'") from e
    if data.get("version") != 1:
        raise ConfigError(
            f"{path} has lock version {data.get('version')!r}, this release reads version 1; "
            "upgrade airflow-provider-lading, or export the lock with 'uv export' to a requirements file"
        )
    packages = data.get("package", [])
    root = _root(packages, path)
    lines = [
        _line(packages[index], condition, path)
        for index, condition in _reach(packages, root, path).items()
        if index != root
    ]
    return UvLock(sorted(lines), [data["requires-python"]] if "requires-python" in data else [])


def _root(packages: list[dict[str, Any]], path: Path) -> int:
    for index, package in enumerate(packages):
        source = package.get("source", {})
        if "." in (source.get("virtual"), source.get("editable")):
            return index
    raise ConfigError(
        f"{path} locks no project (no package with the source '.'); "
        "use the lock beside the project's pyproject.toml"
    )


def _reach(packages: list[dict[str, Any]], root: int, path: Path) -> dict[int, _Condition]:
    """Under which markers each package is needed, by its place in the list."""
    needed: dict[_Node, _Condition] = {(root, None): _ALWAYS}
    waiting: list[_Node] = [(root, None)]
    while waiting:
        node = waiting.pop()
        for dependency in _dependencies(packages, node):
            condition = _both(needed[node], dependency.get("marker"))
            index = _find(packages, dependency, path)
            for extra in (None, *dependency.get("extra", ())):
                known = needed.get((index, extra), frozenset())
                if (wider := _either(known, condition)) != known:
                    needed[(index, extra)] = wider
                    waiting.append((index, extra))
    return {index: condition for (index, extra), condition in needed.items() if extra is None}


def _dependencies(packages: list[dict[str, Any]], node: _Node) -> Iterable[Mapping[str, Any]]:
    index, extra = node
    package = packages[index]
    by_extra: Mapping[str, list[Mapping[str, Any]]] = package.get("optional-dependencies", {})
    own: list[Mapping[str, Any]] = package.get("dependencies", [])
    return own if extra is None else by_extra.get(extra, ())


def _both(condition: _Condition, marker: str | None) -> _Condition:
    return condition if marker is None else frozenset(markers | {marker} for markers in condition)


def _either(one: _Condition, other: _Condition) -> _Condition:
    together = one | other
    return frozenset(m for m in together if not any(weaker < m for weaker in together))


def _find(packages: list[dict[str, Any]], dependency: Mapping[str, Any], path: Path) -> int:
    for index, package in enumerate(packages):
        if all(package.get(k) == dependency[k] for k in ("name", "version", "source") if k in dependency):
            return index
    raise ConfigError(
        f"{path} needs {dependency['name']!r} but does not lock it; write it anew with 'uv lock'"
    )


def _line(package: Mapping[str, Any], condition: _Condition, path: Path) -> str:
    source, name = package["source"], package["name"]
    hashes: list[str] = []
    if "registry" in source:
        pinned = f"{name}=={package['version']}"
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        hashes = sorted({file["hash"] for file in files if "hash" in file})
    elif "git" in source:
        url, _, commit = source["git"].partition("#")
        pinned = f"{name} @ git+{url.partition('?')[0]}@{commit}"
    elif "url" in source:
        pinned = f"{name} @ {source['url']}"
    else:
        kind, where = next(iter(source.items()))
        raise ConfigError(
            f"{path} takes {name!r} from the {kind} {where!r}, expected a package index, a URL or git; "
            "an environment has to be the same on every worker: publish the package, or import its code as a "
            "module of the DAG bundle, which travels with the step"
        )
    return " ".join([pinned + _marker(condition), *(f"--hash={value}" for value in hashes)])


def _marker(condition: _Condition) -> str:
    if condition == _ALWAYS:
        return ""
    cases = [" and ".join(f"({marker})" for marker in sorted(markers)) for markers in condition]
    return " ; " + " or ".join(f"({case})" if len(cases) > 1 else case for case in sorted(cases))
