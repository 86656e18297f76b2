"""Backends by name: our own from a table, others' from the entry-point group ``lading.backends``.

Nothing is imported until a backend is asked for.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from lading.errors import ConfigError, UnknownTarget

if TYPE_CHECKING:
    from lading.backends.base import Backend

GROUP = "lading.backends"
#: Known also where the distribution's entry points are not, as in a source checkout.
_OWN = {
    "databricks": "lading.backends.databricks:DatabricksBackend",
    "docker": "lading.backends.docker:DockerBackend",
    "kubernetes": "lading.backends.kubernetes:KubernetesBackend",
    "local": "lading.backends.local:LocalBackend",
    "venv": "lading.backends.venv:VenvBackend",
    "vertex": "lading.backends.vertex:VertexBackend",
}


def names() -> list[str]:
    """Every installed backend, sorted."""
    return sorted(_places())


def get(name: str) -> type[Backend]:
    """The class of backend ``name``.

    :raises UnknownTarget: not installed, with what is and the nearest spelling
    :raises ConfigError: installed, but its module cannot be imported
    """
    place = _places().get(name)
    if place is None:
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "install the package that provides it"
        raise UnknownTarget(f"backend {name!r} is not installed; installed: {', '.join(names())}; {hint}")
    module, _, attribute = place.partition(":")
    try:
        backend: type[Backend] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as e:
        raise ConfigError(
            f"backend {name!r} cannot be imported from {place!r} ({e}); "
            "repair or remove the package that provides it"
        ) from e
    return backend


def target_keys(name: str) -> frozenset[str]:
    """The keys that backend ``name`` adds to those of every target."""
    return get(name).target_keys


@cache
def _places() -> dict[str, str]:
    """``module:class`` by name; our own names cannot be taken over."""
    return {point.name: point.value for point in entry_points(group=GROUP)} | _OWN
