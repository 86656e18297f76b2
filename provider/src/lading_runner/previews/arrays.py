"""``array``: dtype, shape, min, max, mean, std, missing, histogram of ``statistics_items`` evenly spaced
items, and a head of at most 10 x 10. ``model`` (tensors): their names, dtypes and shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

from lading_runner.previews.cells import cell, histogram, text

if TYPE_CHECKING:
    from lading_runner.contract import ArtifactRef
    from lading_runner.store.artifacts import ArtifactStore

_SAMPLE = 200_000  # items
_HEAD = 10
_TENSORS = 500


def array(value: Any, ref: ArtifactRef, store: ArtifactStore) -> Dict[str, Any]:
    import numpy

    shown = {"kind": "array", "dtype": str(value.dtype), "shape": list(value.shape), "head": _head(value)}
    sample = _sample(value)
    if value.dtype.kind not in "biuf" or not sample.size:
        return {**shown, "statistics_items": 0, "histogram": None}
    numbers = sample.astype(numpy.float64)
    finite = numbers[numpy.isfinite(numbers)]
    return {
        **shown,
        "statistics_items": int(numbers.size),
        "missing": int(numpy.isnan(numbers).sum()),
        "min": cell(finite.min()) if finite.size else None,
        "max": cell(finite.max()) if finite.size else None,
        "mean": cell(finite.mean()) if finite.size else None,
        "std": cell(finite.std()) if finite.size else None,
        "histogram": histogram(finite),
    }


def tensors(value: Any, ref: ArtifactRef, store: ArtifactStore) -> Dict[str, Any]:
    if not isinstance(value, dict):
        shown = array(_numpy(value), ref, store)
        return {**shown, "dtype": str(value.dtype)}
    listed = [
        {"name": text(name), "dtype": str(tensor.dtype).rpartition(".")[2], "shape": list(tensor.shape)}
        for name, tensor in list(value.items())[:_TENSORS]
    ]
    return {
        "kind": "model",
        "class": ref.type,
        "library": "torch",
        "params": {},
        "facts": {"tensors": len(value)},
        "tensors": listed,
        "parameter_count": sum(int(tensor.numel()) for tensor in value.values()),
    }


def _numpy(tensor: Any) -> Any:
    whole = tensor.detach().resolve_conj().resolve_neg().cpu()
    return (whole if str(whole.dtype) != "torch.bfloat16" else whole.float()).numpy()


def _sample(value: Any) -> Any:
    """At most about ``_SAMPLE`` items, evenly spaced; of an array in one piece without a copy of the rest."""
    step = max(value.size // _SAMPLE, 1)
    if value.flags.c_contiguous:
        return value.reshape(-1)[::step]
    return value.T.reshape(-1)[::step] if value.flags.f_contiguous else value.flat[::step]


def _head(value: Any) -> Any:
    """Nested lists: the first rows and columns of the first plane."""
    while value.ndim > 2:
        if not value.shape[0]:
            return []
        value = value[0]
    first = value[:_HEAD, :_HEAD] if value.ndim == 2 else value[:_HEAD] if value.ndim == 1 else value
    return _cells(first.tolist())


def _cells(value: Any) -> Any:
    return [_cells(item) for item in value] if isinstance(value, list) else cell(value)
