"""What a serializer author writes, and what it is given."""

from __future__ import annotations

from typing import Any, BinaryIO, Mapping, Optional, Protocol


class Blob(Protocol):
    """The bytes of one artifact, already verified against its digest."""

    size: int  # bytes

    def read(self) -> bytes: ...

    def open(self) -> BinaryIO:
        """A seekable binary file of the content."""
        ...

    def local_path(self) -> Optional[str]:
        """Path of an immutable local file with the content that may be memory-mapped, never written; None
        when the store is remote and the bytes are in memory."""
        ...


class Serializer(Protocol):
    """One format for one family of Python types. The same value gives the same bytes in every environment."""

    format: str  # stored with every artifact; never reused for other bytes

    def accepts(self, value: Any) -> bool:
        """Cheap; imports nothing: looks at ``type(value).__module__`` of the class and its bases first."""
        ...

    def dump(self, value: Any, file: BinaryIO) -> None:
        """Write ``value``; ``file`` may not be seekable.

        :raises SerializationError: the value does not fit, saying which part and what to do
        """
        ...

    def load(self, blob: Blob, meta: Mapping[str, Any]) -> Any:
        """:raises DependencyError: the library of the format is not installed
        :raises ArtifactUndecodable: the bytes are of another format or version
        """
        ...

    def describe(self, value: Any) -> Mapping[str, Any]:
        """Facts for people and the UI, never values: ``{"shape": [455, 30], "columns": [...]}``; JSON, at
        most 600 bytes."""
        ...
