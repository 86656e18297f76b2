"""Pickle, for those who asked for it. Reading one runs what is in it, so it must be allowed there too."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, BinaryIO, Mapping

from lading_runner.errors import ArtifactUndecodable, SerializationError
from lading_runner.serializers import names

if TYPE_CHECKING:
    from lading_runner.serializers.base import Blob

ALLOW = "allow_pickle=True on the step, or [lading] allow_pickle"


class PickleSerializer:
    format = "pickle"

    def accepts(self, value: Any) -> bool:
        return True

    def dump(self, value: Any, file: BinaryIO) -> None:
        try:
            pickle.dump(value, file, protocol=5)
        except (pickle.PicklingError, AttributeError, TypeError, ValueError, RecursionError) as e:
            raise SerializationError(
                f"value of type {names.type_name(value)} cannot be pickled: {e}; expected a class and values "
                "that can be imported where it is read; return plain data instead"
            ) from e

    def load(self, blob: Blob, meta: Mapping[str, Any]) -> Any:
        with blob.open() as file:
            try:
                return pickle.load(file)  # noqa: S301 -- the caller allowed it
            except (pickle.UnpicklingError, EOFError) as e:
                raise ArtifactUndecodable(f"it is not a pickle: {e}") from e

    def describe(self, value: Any) -> Mapping[str, Any]:
        return {}
