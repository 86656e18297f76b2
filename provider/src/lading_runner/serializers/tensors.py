"""torch tensors, alone or as a ``state_dict``, as safetensors. The file is written from and mapped to the
tensors' memory, so torch is all that is needed; any safetensors library reads it.

``lading`` in the metadata of the file keeps what the format has no word for: a single tensor, an ordered dict
and its versions of modules. Tensors come back on the CPU.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, BinaryIO, Dict, List, Mapping, Tuple

from lading_runner.contract import canonical_json
from lading_runner.errors import ArtifactUndecodable, SerializationError
from lading_runner.serializers import names
from lading_runner.serializers.library import need, private

if TYPE_CHECKING:
    from lading_runner.serializers.base import Blob

#: The format's words for torch's dtypes.
_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "C64": "complex64",
    "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn", "BOOL": "bool",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8",
}  # fmt: skip
_HEADER_LIMIT = 100_000_000  # bytes, as the format says
_ALIGNMENT = 8


class TensorsSerializer:
    format = "safetensors"

    def accepts(self, value: Any) -> bool:
        if _is_module(value):
            return True
        if isinstance(value, dict) and type(value).__name__ in ("dict", "OrderedDict"):
            return bool(value) and all(type(k) is str and _is_tensor(v) for k, v in value.items())
        return _is_tensor(value)

    def dump(self, value: Any, file: BinaryIO) -> None:
        tensors, facts = _named(value)
        ready = {name: _checked(name, tensor) for name, tensor in tensors.items()}
        header: Dict[str, Any] = {"__metadata__": {"lading": canonical_json(facts).decode()}}
        offset = 0
        # Wide elements first: each tensor is then aligned to its element, as mapping it needs.
        order = sorted(ready, key=lambda name: (-ready[name].element_size(), name))
        for name in order:
            size = ready[name].numel() * ready[name].element_size()
            shape = list(ready[name].shape)
            header[name] = {
                "dtype": _word(ready[name]),
                "shape": shape,
                "data_offsets": [offset, offset + size],
            }
            offset += size
        text = canonical_json(header)
        text += b" " * (-len(text) % _ALIGNMENT)
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            if ready[name].numel():
                file.write(_memory(ready[name]))

    def load(self, blob: Blob, meta: Mapping[str, Any]) -> Any:
        torch = need("torch", "to read tensors")
        memory = private(blob)
        header, start = _header(memory, blob.size)
        facts = json.loads((header.pop("__metadata__", None) or {}).get("lading", "{}"))
        tensors = {name: _tensor(torch, memory, start, name, entry) for name, entry in sorted(header.items())}
        if facts.get("kind") == "tensor":
            return tensors["tensor"]
        return _ordered(tensors, facts) if "order" in facts else tensors

    def describe(self, value: Any) -> Mapping[str, Any]:
        if _is_module(value):
            return {}
        if _is_tensor(value):
            return {"shape": list(value.shape), "dtype": str(value.dtype)}
        count = sum(tensor.numel() for tensor in value.values())
        return {"tensors": len(value), "parameters": count, "keys": list(value)[:20]}


def _is_tensor(value: Any) -> bool:
    return any(base.__name__ == "Tensor" and names.root(base) == "torch" for base in type(value).__mro__)


def _is_module(value: Any) -> bool:
    return any(base.__name__ == "Module" and names.root(base) == "torch" for base in type(value).__mro__)


def _named(value: Any) -> Tuple[Mapping[str, Any], Dict[str, Any]]:
    if _is_module(value):
        raise SerializationError(
            f"{type(value).__name__} is a torch module, whose class is code; expected its weights; return "
            "module.state_dict(), and load it into a new module with load_state_dict"
        )
    if _is_tensor(value):
        return {"tensor": value}, {"kind": "tensor"}
    if "__metadata__" in value:
        raise SerializationError(
            "key '__metadata__' is the format's own; expected another name; rename that tensor"
        )
    if type(value) is dict:
        return value, {}
    # Like its equality, the bytes of an ordered dict depend on its order.
    versions = getattr(value, "_metadata", None)
    return value, {"order": list(value), "versions": list(map(list, versions.items())) if versions else None}


def _ordered(tensors: Mapping[str, Any], facts: Mapping[str, Any]) -> Any:
    from collections import OrderedDict

    state: Any = OrderedDict((name, tensors[name]) for name in facts["order"])
    if facts.get("versions"):
        state._metadata = OrderedDict((name, content) for name, content in facts["versions"])
    return state


def _checked(name: str, tensor: Any) -> Any:
    """The tensor in one piece on the CPU."""
    torch = need("torch", "to store tensors")
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
        raise SerializationError(
            f"tensor {name!r} is {tensor.layout}, quantized or without data; expected a dense tensor; use "
            "tensor.to_dense() or tensor.dequantize()"
        )
    _word(tensor, name)
    return tensor.detach().resolve_conj().resolve_neg().cpu().contiguous()


def _word(tensor: Any, name: str = "tensor") -> str:
    found = str(tensor.dtype).rpartition(".")[2]
    for word, dtype in _DTYPES.items():
        if dtype == found:
            return word
    raise SerializationError(
        f"tensor {name!r} has dtype {found}, which the format does not know; expected one of "
        f"{', '.join(_DTYPES.values())}; use tensor.to(…)"
    )


def _memory(tensor: Any) -> memoryview:
    torch = need("torch", "to store tensors")
    return memoryview(tensor.reshape(-1).view(torch.uint8).numpy())


def _header(memory: Any, size: int) -> Tuple[Dict[str, Any], int]:
    """Entries by name, and where the data begins."""
    length = struct.unpack("<Q", memory[:8])[0] if size >= 8 else size
    if length > min(size - 8, _HEADER_LIMIT):
        raise ArtifactUndecodable(f"its header of {length} bytes does not fit into {size}")
    header = json.loads(bytes(memory[8 : 8 + length]))
    if not isinstance(header, dict):
        raise ArtifactUndecodable("its header is no JSON object")
    return header, 8 + length


def _tensor(torch: Any, memory: Any, start: int, name: str, entry: Mapping[str, Any]) -> Any:
    dtype = getattr(torch, _DTYPES.get(entry["dtype"], ""), None)
    begin, end = entry["data_offsets"]
    shape: List[int] = entry["shape"]
    count = 1
    for length in shape:
        count *= length
    if dtype is None or min([0, begin, *shape]) < 0 or start + end > len(memory):
        raise ArtifactUndecodable(f"tensor {name!r} is described wrongly: {str(entry)[:200]}")
    if count == 0:
        return torch.empty(shape, dtype=dtype)
    if count * torch.empty(0, dtype=dtype).element_size() != end - begin:
        raise ArtifactUndecodable(f"tensor {name!r} has {end - begin} bytes, which is not its shape {shape}")
    return torch.frombuffer(memory, dtype=dtype, count=count, offset=start + begin).reshape(shape)
