"""What a step's code may call while it runs: metrics, and data that it reads or writes on its own.

Outside of a step (a notebook, a unit test) the same calls check their arguments and do nothing else.
"""

from __future__ import annotations

import contextlib
import math
from typing import Dict, Iterator, List, Mapping, Optional, Union


class Record:
    """What one step said of itself."""

    def __init__(self) -> None:
        self.metrics: Dict[str, Union[int, float, str]] = {}
        self.higher_is_better: Dict[str, bool] = {}
        self.external_inputs: List[Dict[str, Optional[str]]] = []
        self.external_outputs: List[Dict[str, Optional[str]]] = []
        self.steps: Dict[str, int] = {}  # of each metric's value


#: Innermost last. Of the process, not of a context: training loops report from threads of their own.
_open: List[Record] = []


@contextlib.contextmanager
def recording() -> Iterator[Record]:
    record = Record()
    _open.append(record)
    try:
        yield record
    finally:
        _open.remove(record)


def log_metrics(
    metrics: Mapping[str, float],
    *,
    higher_is_better: Optional[Mapping[str, bool]] = None,
    step: Optional[int] = None,
) -> None:
    """Numbers about the result, such as ``{"accuracy": 0.97}``.

    The last value of a name counts, with ``step`` (an epoch, a round) that of the highest step. ``inf`` and
    ``nan`` are kept as the strings ``"Infinity"``, ``"-Infinity"``, ``"NaN"``. ``higher_is_better`` gives
    metrics a direction; without one no comparison calls a value better.

    :raises TypeError: a name is no string, or a value no number
    """
    plain = {name: _number(name, value) for name, value in metrics.items()}
    directions = {name: bool(value) for name, value in (higher_is_better or {}).items()}
    if not _open:
        return
    record = _open[-1]
    for name, value in plain.items():
        if step is None or step >= record.steps.get(name, step):
            record.metrics[name] = value
            if step is not None:
                record.steps[name] = int(step)
    record.higher_is_better.update(directions)


def log_external_input(uri: str, version: Optional[str] = None) -> None:
    """Data that the step reads past Lading: a table, an object, a file. ``version`` is the storage's own."""
    if _open:
        _open[-1].external_inputs.append(_external(uri, version))


def log_external_output(uri: str, version: Optional[str] = None) -> None:
    """Data that the step writes past Lading."""
    if _open:
        _open[-1].external_outputs.append(_external(uri, version))


def _number(name: object, value: object) -> Union[int, float, str]:
    if not isinstance(name, str):
        raise TypeError(f"metric name {name!r} is {type(name).__name__}, expected a string; use str(name)")
    number = getattr(value, "item", lambda: value)()  # scalars of NumPy and tensors
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise TypeError(f"metric {name!r} is {value!r}, expected a number; log one number for each name")
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return number


def _external(uri: str, version: Optional[str]) -> Dict[str, Optional[str]]:
    """Credentials in the URI are left out: what is logged here is kept for good."""
    scheme, separator, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    shown = f"{scheme}://{host.rpartition('@')[2]}{slash}{path}" if separator else uri
    return {"uri": shown, "version": version}
