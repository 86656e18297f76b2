"""Steps that the contract runs as jobs: their source goes to the job, so each brings its own imports."""

from __future__ import annotations

from typing import Any

#: What a job may be given as its environment and its arguments, and has to get as it is.
ODD = {
    "SPACES": "  two  and a tab\there ",
    "QUOTES": """it's "quoted" `twice` \\" and \\'""",
    "SHELL": "$HOME ${HOME} $(HOME) $$ %PATH% !! * ; | & > <",
    "LINES": "first\nsecond\r\n\nfourth",
    "UNICODE": "ü é 日本語 🚢 \u202eright to left",
    "BACKSLASHES": "\\n \\\\ C:\\temp",
    "JSON": '{"a": ["b", null]}',
    "EMPTY": "",
    "EQUALS": "a=b=c",
}
LINES = [f"line {number:03} of the log – ü 日本 🚢 {'x' * (number % 7)}" for number in range(300)]


def report(odd: dict[str, str], lines: list[str]) -> dict[str, Any]:
    """What the job sees of its environment; prints ``lines``."""
    import os
    import sys

    for line in lines:
        print(line)
    sys.stdout.flush()
    return {
        "environment": {name: os.environ.get(name) for name in odd},
        "odd": odd,
        "python": list(sys.version_info[:2]),
    }


def several_values(seed: int) -> dict[str, Any]:
    """A value of each form that needs no package."""
    import hashlib

    return {
        "scalars": [1, -1.5, True, None, "ü 🚢", 2**70, 1e300],
        "bytes": hashlib.sha256(str(seed).encode()).digest() * 100,
        "text": "line\n" * seed,
        "nested": {"z": [{"y": (1, 2)}], "a": {"b": {}}},
        "large": ["x" * 1000] * 1000,
    }


def one() -> int:
    return 1


def nothing() -> None:
    print("nothing is returned")


def greet(parts: list[str]) -> None:
    secret = "".join(parts)
    print(f"it is {secret}")
    raise ValueError(f"it was {secret}")


def raise_lookup_error() -> None:
    raise LookupError("no such customer")


def call_exit() -> None:
    import sys

    sys.exit(3)


def leave() -> None:
    """Ends the process as if nothing were wrong."""
    import os

    os._exit(0)


def crash() -> None:
    import ctypes

    ctypes.string_at(0)


def wait(seconds: float) -> str:
    import time

    print("begun", flush=True)
    time.sleep(seconds)
    return "done"


def fill_memory() -> int:
    blocks = []
    while True:
        blocks.append(bytearray(b"x" * (8 << 20)))
