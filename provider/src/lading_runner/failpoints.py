"""Named places where a test can make this process die, stop, fail or wait; no-ops in production.

``LADING_FAILPOINT="<name>:<action>[@n]"`` arms one of them: ``kill9``, ``sigterm``, ``stop`` (SIGSTOP),
``raise`` or ``delay=<seconds>``, at the n-th time that the process reaches it (default: the first). The file
named by ``LADING_FAILPOINT_FIRED`` is written, synced to disk, before the action: a test can prove that it
fired.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Dict

_reached: Dict[str, int] = {}


class FailpointReached(RuntimeError):
    """What the action ``raise`` raises."""


def failpoint(name: str) -> None:
    armed = os.environ.get("LADING_FAILPOINT")
    if armed is None:
        return
    point, _, rest = armed.partition(":")
    if point != name:
        return
    action, _, at = rest.partition("@")
    _reached[name] = _reached.get(name, 0) + 1
    if _reached[name] == int(at or 1):
        _record(name, action)
        _act(name, action)


def _record(name: str, action: str) -> None:
    path = os.environ.get("LADING_FAILPOINT_FIRED")
    if path is None:
        return
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, f"{name}:{action} pid={os.getpid()}\n".encode())
        os.fsync(file)
    finally:
        os.close(file)


def _act(name: str, action: str) -> None:
    if action == "kill9":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "sigterm":
        os.kill(os.getpid(), signal.SIGTERM)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action == "raise":
        raise FailpointReached(f"failpoint {name} was armed with 'raise'; unset LADING_FAILPOINT")
    elif action.startswith("delay="):
        time.sleep(float(action[len("delay=") :]))
    else:
        raise ValueError(
            f"failpoint action {action!r} is unknown; use kill9, sigterm, stop, raise or delay=<seconds>"
        )
