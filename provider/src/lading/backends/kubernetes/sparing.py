"""The official client before 37, imported as sparingly as 37 imports itself: its packages give each of their
800 classes when it is asked for (PEP 562), instead of loading all of them first. So does the package above
them with its parts.

A step's worker needs a connection and none of those classes; loading them was half of its CPU time.
"""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_PACKAGES = ("kubernetes", "kubernetes.client", "kubernetes.client.api", "kubernetes.client.models")
_LISTED = re.compile(r"^from (\.|kubernetes\.client\.[\w.]+) import (\w+)$", re.MULTILINE)


@contextmanager
def sparing() -> Iterator[None]:
    """What imports ``kubernetes`` first, within, imports it so."""
    if "kubernetes" in sys.modules or int(version("kubernetes").partition(".")[0]) >= 37:
        yield
        return
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found = PathFinder.find_spec(fullname, path, target) if fullname in _PACKAGES else None
        if found is not None:
            found.loader = _Sparing(found.loader)
        return found


class _Sparing(Loader):
    def __init__(self, whole: Any) -> None:
        self._whole = whole

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        source = self._whole.get_source(name)
        homes = {attribute: home for home, attribute in _LISTED.findall(source)}

        def load(attribute: str) -> object:
            if attribute not in homes:
                raise AttributeError(f"module {name!r} has no attribute {attribute!r}")
            home = homes[attribute]
            own = import_module(f"{name}.{attribute}") if home == "." else None
            value = own or getattr(import_module(home), attribute)
            setattr(module, attribute, value)
            return value

        rest = compile(_LISTED.sub("", source), str(module.__file__), "exec")
        exec(rest, module.__dict__)  # noqa: S102  # the package's own code
        public = {*homes, *(key for key in module.__dict__ if not key.startswith("_"))}
        module.__dict__.update(__getattr__=load, __all__=sorted(public), __dir__=lambda: sorted(public))
