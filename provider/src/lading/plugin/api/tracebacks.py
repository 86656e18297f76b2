"""The frames of a step's error, from the result that its job left in the store."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lading import deployment
from lading.execution.names import attempt_folder
from lading.plugin.api.models.instances import Frame
from lading_runner.contract import Attempt, Result
from lading_runner.errors import RunnerError

if TYPE_CHECKING:
    from lading.lineage.nodes import StepKey

_MOST_BYTES = 1 << 20
_MOST_FRAMES = 50
_BEGIN = "Traceback (most recent call last):"
_FRAME = re.compile(
    r'^  File "(.{1,1000})", line (\d{1,9}), in (.{1,200})(?:\n    (.{0,500}).*)?', re.MULTILINE
)

_LIBRARY = re.compile(r"[/\\](?:site-packages|dist-packages|lib[/\\]python3[^/\\]*)[/\\]|^<frozen ")


def frames_of(step: StepKey, generation: int) -> list[Frame]:
    """Empty where the attempt left no result, as a task that is no step, or the store does not answer."""
    key = f"{attempt_folder(Attempt(*step, generation=generation))}/result.json"
    try:
        objects = deployment.store().objects
        stat = objects.stat(key)
        if stat is None or stat.size > _MOST_BYTES:
            return []
        error = Result.loads(objects.read(key)).error
    except (RunnerError, KeyError, OSError):
        return []
    text = error.get("traceback") if isinstance(error, dict) else None
    return parse(text) if isinstance(text, str) else []


def parse(traceback: str) -> list[Frame]:
    """Of the last exception of a chain, outermost first."""
    last = traceback.rpartition(_BEGIN)[2]
    found = [
        Frame(
            file=file,
            line=int(line),
            function=function,
            text=text or "",
            library=_LIBRARY.search(file) is not None,
        )
        for file, line, function, text in _FRAME.findall(last)
    ]
    return found[-_MOST_FRAMES:]
