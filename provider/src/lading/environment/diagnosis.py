"""Why uv or pip failed, from their own words: what is at fault, and the cure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN_LINES = 12
_OFFLINE = "the package index cannot be reached; check the network, the proxy and the index URL of pip or uv"
_HASH = "the index gives other bytes than the lock says; lock again, and find out who changed them"
_BUILD = (
    "no wheel of it fits this Python and platform, and its source does not build; "
    "choose a version with a wheel, another python=, or install what its build needs"
)
_NONE = (
    "no version of it fits this Python and platform; "
    "correct the name or the version, or choose another python="
)
_CONFLICT = "these requirements contradict each other; loosen one of them"
_VENV = "install the distribution's python3-venv package, or uv"

#: First match wins; group 1, where there is one, is the requirement at fault.
_PATTERNS = (
    (
        r"No space left on device",
        "the disk is full; free some space or set [lading] environments to another disk",
    ),
    (
        r"Temporary failure in name resolution|Failed to establish a new connection|Connection refused"
        r"|error sending request|dns error|Network is unreachable|Connection timed out",
        _OFFLINE,
    ),
    (
        r"401 Client Error|403 Client Error|status code 40[13]|HTTP status client error \(40[13]",
        "credentials of the package index are wrong or absent",
    ),
    (r"THESE PACKAGES DO NOT MATCH THE HASHES|Hash mismatch for `?([\w.\-\[\]=]+)", _HASH),
    (r"ResolutionImpossible|conflicting dependencies", _CONFLICT),
    (r"No matching distribution found for (\S[^\n]*)", _NONE),
    (
        r"Because (?:there is no version of |only |all versions of )?([\w.\-]+\S*)"
        r" (?:was not found|ha(?:s|ve) no|is available|and you require)",
        _NONE,
    ),
    (r"Because (?:there are no versions? of|there is no version of) ([\w.\-]+\S*)", _NONE),
    (r"Because ([\w.\-]+\S*) requires Python|Package '([^']+)' requires a different Python", _NONE),
    (r"No solution found", _CONFLICT),
    (
        r"Failed building wheel for (\S+)|Failed to build:? `?([\w.\-]+(?:==[\w.]+)?)"
        r"|error: subprocess-exited-with-error",
        _BUILD,
    ),
    (r"ensurepip is not available|No module named (?:ensurepip|venv)", _VENV),
)


def explain(doing: str, code: int, lines: Sequence[str], instead: str = "") -> str:
    """One message: what could not be done, what is at fault, the cure, and the tool's last lines.

    ``instead``: another cure where packages do not fit.
    """
    text = "\n".join(lines)
    what, cure = _fault(text)
    if instead and cure in (_NONE, _BUILD):
        cure = f"{cure}, or {instead}"
    shown = "\n".join(f"  {line}" for line in lines[-_SHOWN_LINES:])
    return f"cannot {doing}{what}: {cure}; the tool ended with code {code} and said:\n{shown}"


def _fault(text: str) -> tuple[str, str]:
    for pattern, cure in _PATTERNS:
        if found := re.search(pattern, text):
            name = next((group for group in found.groups() if group), None)
            return (f" because of {name.strip()!r}" if name else ""), cure
    return "", "see its words below"
