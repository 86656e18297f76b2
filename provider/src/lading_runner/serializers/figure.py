"""Matplotlib figures as PNG: a picture for people and pages, which does not come back as a figure."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO, Mapping

from lading_runner.serializers import names

if TYPE_CHECKING:
    from lading_runner.serializers.base import Blob


class Png(bytes):
    """The bytes of a picture; a notebook shows it."""

    def _repr_png_(self) -> bytes:
        return bytes(self)


class FigureSerializer:
    format = "figure"

    def accepts(self, value: Any) -> bool:
        return type(value) is Png or _is(value, "Figure") or _is(value, "Axes")

    def dump(self, value: Any, file: BinaryIO) -> None:
        if isinstance(value, Png):
            file.write(value)
            return
        drawn = io.BytesIO()  # the encoder of the picture seeks
        _figure(value).savefig(drawn, format="png", metadata={"Software": None})
        file.write(drawn.getbuffer())

    def load(self, blob: Blob, meta: Mapping[str, Any]) -> Any:
        return Png(blob.read())

    def describe(self, value: Any) -> Mapping[str, Any]:
        if isinstance(value, Png):
            return {"media_type": "image/png"}
        figure = _figure(value)
        return {"media_type": "image/png", "inches": [round(float(n), 3) for n in figure.get_size_inches()]}


def _is(value: Any, name: str) -> bool:
    return any(b.__name__ == name and names.root(b) == "matplotlib" for b in type(value).__mro__)


def _figure(value: Any) -> Any:
    if _is(value, "Figure"):
        return value
    figure = value.figure
    return getattr(figure, "figure", figure)  # of a part of a figure
