"""Text and bytes, as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Mapping

from lading_runner.errors import ArtifactUndecodable

if TYPE_CHECKING:
    from lading_runner.serializers.base import Blob

#: Characters; a shorter string is JSON, which shows in the table of XComs.
TEXT_FROM = 1024


class TextSerializer:
    format = "text"

    def accepts(self, value: Any) -> bool:
        return type(value) is str and len(value) >= TEXT_FROM and _is_unicode(value)

    def dump(self, value: Any, file: BinaryIO) -> None:
        file.write(value.encode())

    def load(self, blob: Blob, meta: Mapping[str, Any]) -> Any:
        try:
            return blob.read().decode()
        except UnicodeDecodeError as e:
            raise ArtifactUndecodable(f"it is not UTF-8: {e}") from e

    def describe(self, value: Any) -> Mapping[str, Any]:
        return {"length": len(value), "lines": value.count("\n") + 1}


class BytesSerializer:
    format = "bytes"

    def accepts(self, value: Any) -> bool:
        return type(value) in (bytes, bytearray)

    def dump(self, value: Any, file: BinaryIO) -> None:
        file.write(value)

    def load(self, blob: Blob, meta: Mapping[str, Any]) -> Any:
        return bytearray(blob.read()) if meta.get("kind") == "bytearray" else blob.read()

    def describe(self, value: Any) -> Mapping[str, Any]:
        return {"kind": "bytearray"} if type(value) is bytearray else {}


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
