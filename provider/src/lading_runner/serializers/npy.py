"""NumPy arrays as ``.npy``: header version 1 or 2, C or Fortran order as it was, no object dtype."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, BinaryIO, Iterator, Mapping

from lading_runner.errors import ArtifactUndecodable, SerializationError
from lading_runner.serializers import names
from lading_runner.serializers.library import need, private

if TYPE_CHECKING:
    from lading_runner.serializers.base import Blob

_MAGIC = b"\x93NUMPY"
_CHUNK = 8 << 20  # bytes copied at a time of an array that does not lie in one piece
_CURES = {
    "matrix": "return numpy.asarray(value)",
    "MaskedArray": "return value.filled(…), or its data and mask as a tuple",
    "recarray": "return numpy.asarray(value)",
}


class NpySerializer:
    format = "npy"

    def accepts(self, value: Any) -> bool:
        kind = type(value)
        return names.root(kind) == "numpy" and any(b.__name__ == "ndarray" for b in kind.__mro__)

    def dump(self, value: Any, file: BinaryIO) -> None:
        array = _checked(value)
        fortran = bool(array.flags.f_contiguous and not array.flags.c_contiguous)
        file.write(_header(array, fortran))
        for piece in _pieces(array.T if fortran else array):
            file.write(piece)

    def load(self, blob: Blob, meta: Mapping[str, Any]) -> Any:
        numpy = need("numpy", "to read an array")
        memory = private(blob)
        with blob.open() as file:
            version = numpy.lib.format.read_magic(file)
            read = {
                (1, 0): numpy.lib.format.read_array_header_1_0,
                (2, 0): numpy.lib.format.read_array_header_2_0,
            }.get(version)
            if read is None:
                raise ArtifactUndecodable(f".npy version {version} is unknown; expected 1.0 or 2.0")
            shape, fortran, dtype = read(file, max_header_size=1 << 20)
            start = file.tell()
        if dtype.hasobject:
            raise ArtifactUndecodable("it holds Python objects, which are never unpickled")
        return numpy.ndarray(shape, dtype, memory, start, order="F" if fortran else "C")

    def describe(self, value: Any) -> Mapping[str, Any]:
        return {"shape": list(value.shape), "dtype": str(value.dtype)}


def _checked(value: Any) -> Any:
    """A plain array of the same memory.

    :raises SerializationError: what a plain array of numbers and fixed strings cannot say
    """
    kind = type(value).__name__
    if kind in _CURES:
        raise SerializationError(
            f"numpy.{kind} has no exact stored form; expected numpy.ndarray; {_CURES[kind]}"
        )
    if value.dtype.hasobject or value.dtype.kind == "T":
        raise SerializationError(
            f"array of dtype {value.dtype} holds Python objects; expected numbers, times or strings of fixed "
            "length; use value.astype(…) with such a dtype, or return a list of arrays"
        )
    return _without_gaps(need("numpy", "to write an array").asarray(value))


def _without_gaps(array: Any) -> Any:
    """Structured dtypes may have unused bytes between fields, of random content: zeroes instead."""
    dtype = array.dtype
    if dtype.names is None or sum(dtype[name].itemsize for name in dtype.names) == dtype.itemsize:
        return array
    clean = need("numpy", "to write an array").zeros(array.shape, dtype)
    for name in dtype.names:
        clean[name] = array[name]
    return clean


def _header(array: Any, fortran: bool) -> bytes:
    """As NumPy writes it, whatever its version: newer ones leave room to grow."""
    descr = need("numpy", "to write an array").lib.format.dtype_to_descr(array.dtype)
    shape = tuple(int(n) for n in array.shape)
    text = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape!r}, }}".encode("latin1")
    version, length = (1, "<H") if len(text) < 65_000 else (2, "<I")
    start = len(_MAGIC) + 2 + struct.calcsize(length)
    text += b" " * (-(start + len(text) + 1) % 64) + b"\n"
    return _MAGIC + bytes((version, 0)) + struct.pack(length, len(text)) + text


def _pieces(array: Any) -> Iterator[Any]:
    """Bytes in C order; an array in one piece is not copied."""
    numpy = need("numpy", "to write an array")
    if array.nbytes == 0:
        return
    if array.flags.c_contiguous:
        yield memoryview(array.reshape(-1).view(numpy.uint8))
        return
    room = max(_CHUNK // array.itemsize, 1)
    flags = ["external_loop", "buffered", "zerosize_ok"]
    for chunk in numpy.nditer(array, flags=flags, buffersize=room, order="C"):
        yield chunk.tobytes("C")
