"""What the jobs do: their source goes to the job, so each brings its own imports."""

from __future__ import annotations

from typing import Any


def answer(run: str) -> dict[str, Any]:
    print("hello from the job ü 🚢")
    return {"run": run, "text": "ü 🚢", "numbers": [1, -1.5, True, None, 2**70]}


def fail(text: str) -> None:
    raise LookupError(text)


def fill_memory(most_mib: int) -> int:
    """Until something ends it; returns where nothing did."""
    import time

    blocks = []
    while len(blocks) * 16 < most_mib:
        blocks.append(bytearray(b"x" * (16 << 20)))
        time.sleep(0.005)  # so that a limit is seen before other programs suffer
    return len(blocks)


def wait(seconds: float) -> str:
    import time

    time.sleep(seconds)
    return "done"
