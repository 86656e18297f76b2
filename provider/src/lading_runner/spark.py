"""The Spark session of a process that its platform gives one, as ``LADING_SPARK`` says."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, Mapping, Sequence

PARAMETER = "spark"


def with_session(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Dict[str, Any]:
    """``kwargs``, with the session for a parameter ``spark`` that nobody gave a value."""
    signature = inspect.signature(function)
    given = signature.bind_partial(*args, **kwargs).arguments.get(PARAMETER)
    if PARAMETER not in signature.parameters or given is not None:
        return dict(kwargs)
    from pyspark.sql import SparkSession

    return {**kwargs, PARAMETER: SparkSession.builder.getOrCreate()}
