"""From ``on=`` to a backend with its defaults: step argument > target > backend's own target."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lading.config.sources import TargetEntry
from lading.errors import ConfigError, UnknownTarget
from lading.resources import Resources

if TYPE_CHECKING:
    from lading.config.settings import Settings

#: Keys that every target may have; a backend adds its own (``namespace``, ``node_selector``, …).
COMMON_KEYS = (
    "backend",
    "image",
    "requirements",
    "python",
    "resources",
    "options",
    "store",
    "mount",
    "connection",
    "env",
)
_TABLES = ("options", "mount", "env")


@dataclass(frozen=True)
class Target:
    """Where a step runs, with every default applied. ``origins`` names, by key, what set it."""

    name: str
    backend: str
    image: str | None = None
    requirements: str | tuple[str, ...] | None = None  # a path, or requirement lines
    python: str | None = None  # "3.12"
    resources: Resources = field(default_factory=Resources)
    options: Mapping[str, object] = field(default_factory=dict)  # backend-native
    store: str | None = None  # URL as the job sees it; None: as the worker does
    mount: Mapping[str, object] = field(default_factory=dict)  # {"host_path": …} or {"pvc": …}
    connection: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=dict)  # the backend's own keys
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def requirement_lines(self) -> tuple[str, ...]:
        """``requirements`` as a job request has them: a path is one of the lines."""
        asked = self.requirements
        return (asked,) if isinstance(asked, str) else tuple(asked or ())


def _no_own_keys(_backend: str) -> Collection[str]:
    return ()


def resolve_target(
    settings: Settings,
    on: str | None,
    backends: Collection[str],
    own_keys: Callable[[str], Collection[str]] = _no_own_keys,
) -> Target:
    """The target that ``on`` (None: the default target) means; ``backends`` are the names of those at hand.

    ``own_keys`` gives the keys that a backend adds to ``COMMON_KEYS``; asked for the chosen backend only.

    :raises UnknownTarget: neither a target nor a backend
    :raises ConfigError: the target has an unknown key or a value of the wrong type
    """
    name = settings.default_target if on is None else on
    source = settings.origins.get("default_target", "default") if on is None else "step argument on"
    entry = settings.targets.get(name)
    if entry is None and name not in backends:
        raise UnknownTarget(_unknown(name, source, settings.targets, backends))
    backend = name if entry is None else _backend_of(name, entry, backends)
    target = Target(name=name, backend=backend, origins={"backend": source})
    known = (*COMMON_KEYS, *own_keys(backend))
    for layer in _layers(settings, name, backend):
        _check_keys(layer, settings.targets[layer], known)
        target = _apply(target, _read(layer, settings.targets[layer]), _said_by(layer, settings))
    return target


def merge(target: Target, arguments: Mapping[str, object]) -> Target:
    """``target`` with the step's own arguments over it; None means not given.

    Resources, ``env`` and ``options`` are merged key by key, everything else is replaced.

    :raises ConfigError: an argument that no target takes, or a value of the wrong type
    """
    entry = TargetEntry(
        {key: value for key, value in arguments.items() if value is not None}, "step argument"
    )
    known = [key for key in COMMON_KEYS if key != "backend"]
    if unknown := sorted(set(entry.keys) - set(known) - set(target.extra)):
        raise ConfigError(_unknown_key("step argument", unknown[0], "the step", known))
    return _apply(target, _read(target.name, entry), "step argument")


def _layers(settings: Settings, name: str, backend: str) -> list[str]:
    """Names of the entries to apply, weakest first."""
    return [layer for layer in dict.fromkeys((backend, name)) if layer in settings.targets]


def _said_by(layer: str, settings: Settings) -> str:
    return f"target {layer} ({settings.targets[layer].source})"


def _backend_of(name: str, entry: TargetEntry, backends: Collection[str]) -> str:
    backend = entry.keys.get("backend", name if name in backends else None)
    if backend is None:
        raise ConfigError(
            f"target {name!r} has no backend ({entry.source}); "
            f"add a backend, one of: {', '.join(sorted(backends))}"
        )
    if backend not in backends:
        raise UnknownTarget(
            f"backend {backend!r} of target {name!r} is not installed ({entry.source}); "
            f"installed: {', '.join(sorted(backends))}{_nearest(str(backend), backends)}"
        )
    if name in backends and backend != name:
        raise ConfigError(
            f"target {name!r} is named as a backend but has backend {backend!r} ({entry.source}); "
            f"a target of that name sets the defaults of backend {name!r}: give it another name"
        )
    return str(backend)


def _unknown(name: str, source: str, targets: Iterable[str], backends: Iterable[str]) -> str:
    targets, backends = sorted(targets), sorted(backends)
    return (
        f"{name!r} is neither a target nor a backend ({source}); "
        f"targets: {', '.join(targets) or 'none'}; backends: {', '.join(backends) or 'none'}"
        f"{_nearest(name, {*targets, *backends})}"
    )


def _nearest(name: str, among: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, sorted(among), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def _check_keys(name: str, entry: TargetEntry, known: Collection[str]) -> None:
    if unknown := sorted(set(entry.keys) - set(known)):
        raise ConfigError(_unknown_key(f"key in target {name!r}", unknown[0], entry.source, known))


def _unknown_key(what: str, key: str, source: str, known: Iterable[str]) -> str:
    return f"unknown {what}: {key!r} ({source}); known: {', '.join(known)}{_nearest(key, known)}"


def _read(name: str, entry: TargetEntry) -> dict[str, object]:
    """The keys of ``entry``, each checked for its type."""
    found = {}
    for key, value in entry.keys.items():
        reader = _READERS.get(key)
        try:
            found[key] = reader(value) if reader else value
        except (TypeError, ValueError, ConfigError) as e:
            raise ConfigError(f"{key} of target {name!r} is {value!r} ({entry.source}): {e}") from e
    return found


def _apply(target: Target, given: Mapping[str, Any], said_by: str) -> Target:
    changes: dict[str, Any] = {key: given[key] for key in COMMON_KEYS if key in given}
    for key in _TABLES:
        if key in changes and key != "mount":
            changes[key] = {**getattr(target, key), **changes[key]}
    if "resources" in changes:
        changes["resources"] = replace(target.resources, **changes["resources"].asked())
    extra = {key: value for key, value in given.items() if key not in COMMON_KEYS}
    origins = {**target.origins, **dict.fromkeys(given, said_by)}
    return replace(target, **changes, extra={**target.extra, **extra}, origins=origins)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError("expected a text that is not empty")
    return value


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError("expected a table of keys")
    return {str(key): item for key, item in value.items()}


def _env(value: object) -> dict[str, str]:
    table = _table(value)
    if wrong := sorted(key for key, item in table.items() if not isinstance(item, str)):
        raise TypeError(f"expected texts, but {wrong[0]} is {table[wrong[0]]!r}; put it in quotes")
    return {key: str(item) for key, item in table.items()}


def _requirements(value: object) -> str | tuple[str, ...]:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (list, tuple)) and all(isinstance(line, str) for line in value):
        return tuple(value)
    raise TypeError("expected a list of requirement lines, or the path of a requirements file")


def _resources(value: object) -> Resources:
    if isinstance(value, Resources):
        return value
    return Resources.of(_table(value))


_READERS: Mapping[str, Callable[[object], object]] = {
    "backend": _text,
    "image": _text,
    "requirements": _requirements,
    "python": _text,
    "resources": _resources,
    "options": _table,
    "store": _text,
    "mount": _table,
    "connection": _text,
    "env": _env,
}
