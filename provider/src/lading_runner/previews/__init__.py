"""What people see of an artifact before they load it: small JSON, made where the value is, and never decoded
by a server.

``previews/<2 hex>/<hex>-<format>.json`` in the store; hex: of the artifact's digest. ``{"preview": 1, "kind":
"table", "format", "type", "size", …}``; each module here says what its kinds hold. It is written once, and
its absence breaks nothing: it fails silently where a value cannot be looked at.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional

from lading_runner.contract import canonical_json
from lading_runner.masks import NO_SECRETS, Masker, masked
from lading_runner.previews.cells import TEXT
from lading_runner.store.keys import PREVIEWS

if TYPE_CHECKING:
    from lading_runner.contract import ArtifactRef
    from lading_runner.serializers.base import Serializer
    from lading_runner.store.artifacts import ArtifactStore

__all__ = ["LIMIT", "VERSION", "Previews", "key_of"]

VERSION = 1
LIMIT = 512 << 10  # bytes of one preview
_MOST = 100  # artifacts of one value that get one, as elements of a list

#: The function of a built-in format that looks at a value; it gives None where there is nothing to show.
_BY_FORMAT = {
    "json": "plain:json_value",
    "text": "plain:text",
    "bytes": "plain:data",
    "pickle": "plain:foreign",
    "collection": "plain:collection",
    "npy": "arrays:array",
    "safetensors": "arrays:tensors",
    "arrow": "tables:table",
    "skops": "models:estimator",
    "xgboost": "models:boosted",
    "lightgbm": "models:boosted",
    "figure": "pictures:figure",
    "file": "files:file",
    "directory": "files:directory",
}


class Previews:
    """Writes the previews of the artifacts that one value becomes."""

    def __init__(self, store: ArtifactStore, masker: Masker = NO_SECRETS) -> None:
        self._store = store
        self._masker = masker
        self._left = _MOST

    def write(self, value: Any, ref: ArtifactRef, serializer: Optional[Serializer] = None) -> None:
        """Of ``value``, stored as ``ref``; ``serializer``: a third party's may have ``preview(value)``."""
        if self._left <= 0:
            return
        self._left -= 1
        try:
            key = key_of(ref.digest, ref.format)
            if self._store.objects.stat(key) is not None:
                return
            found = self._look(value, ref, serializer)
            if found is not None:
                self._store.objects.create(key, found)
        except Exception:  # noqa: BLE001  # a picture for people: a step must not fail for want of it
            return

    def _look(self, value: Any, ref: ArtifactRef, serializer: Optional[Serializer]) -> Optional[bytes]:
        own = getattr(serializer, "preview", None)
        if own is not None:
            shown = own(value)
        elif ref.format in _BY_FORMAT:
            shown = _function(_BY_FORMAT[ref.format])(value, ref, self._store)
        else:
            shown = None
        if shown is None:
            return None
        whole = {**shown, "preview": VERSION, "format": ref.format, "type": ref.type, "size": ref.size}
        if whole.get("kind") == "bytes":
            whole["head"] = self._masker.cut(bytes.fromhex(whole["head"])).hex()
        return fitting(masked(whole, self._hidden))

    def _hidden(self, text: str) -> str:
        """Without secrets. No text that is shorter was cut."""
        if len(text) < TEXT:
            return self._masker.text(text)
        return self._masker.cut(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def key_of(digest: str, format_id: str) -> str:
    from urllib.parse import quote

    hex_digits = digest[len("sha256:") :]
    return f"{PREVIEWS}{hex_digits[:2]}/{hex_digits}-{quote(format_id, safe='')}.json"


def fitting(shown: Mapping[str, Any]) -> Optional[bytes]:
    """JSON of at most ``LIMIT`` bytes: lists are halved, the longest first; None where that is not enough."""
    found: Dict[str, Any] = dict(shown)
    raw = canonical_json(found)
    while len(raw) > LIMIT:
        lists = {name: len(canonical_json(item)) for name, item in found.items() if isinstance(item, list)}
        longest = max(lists, key=lambda name: lists[name], default=None)
        if longest is None or not found[longest]:
            return None
        found[longest] = found[longest][: len(found[longest]) // 2]
        found["cut"] = True
        raw = canonical_json(found)
    return raw


def _function(place: str) -> Callable[[Any, ArtifactRef, ArtifactStore], Optional[Dict[str, Any]]]:
    module, _, name = place.partition(":")
    found: Callable[..., Optional[Dict[str, Any]]] = getattr(
        importlib.import_module(f"lading_runner.previews.{module}"), name
    )
    return found
