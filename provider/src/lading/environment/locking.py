"""From a request to a lock: every package, transitively, pinned and hashed, for one Python and platform."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sysconfig
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.markers import Marker

from lading.environment import interpreter, pinning
from lading.environment.mutex import exclusive
from lading.environment.request import python_allowed
from lading.errors import EnvironmentBuildError
from lading_runner.contract import Digest, canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lading.environment.place import Place
    from lading.environment.request import EnvironmentRequest
    from lading.environment.tools import Log


@dataclass(frozen=True)
class Lock:
    lines: tuple[str, ...]  # "name==1.2 --hash=sha256:…", sorted, no markers
    python: str  # "3.12"
    platform: str  # "linux-x86_64"
    options: tuple[str, ...] = ()  # where packages are; not part of what they are

    @property
    def digest(self) -> Digest:
        parts = [list(self.lines), self.python, self.platform]
        return Digest("sha256:" + hashlib.sha256(canonical_json(parts)).hexdigest())

    def text(self) -> str:
        """A requirements file for uv, pip and ``lading_runner.install``, which reads the first line.

        It may hold the password of an index: it is no less private than ``options``.
        """
        header = f"# lading lock: python {self.python} platform {self.platform} digest {self.digest}"
        return "\n".join([header, *self.options, *self.lines]) + "\n"


def lock(request: EnvironmentRequest, cache: Path, log: Log) -> Lock:
    """The lock of ``request``, resolved once per request, Python and platform, then read from ``cache``.

    :raises EnvironmentBuildError: no such Python, or no set of packages satisfies the request
    """
    python, platform = interpreter.choose_version(request), sysconfig.get_platform()

    def make() -> Lock:
        return _make(request, python, platform, lambda: pinning.here(python, cache, log), log)

    return _kept([request.digest, python, platform], make, cache, log)


def lock_for(request: EnvironmentRequest, place: Place, cache: Path, log: Log) -> Lock:
    """The lock of ``request`` for an interpreter elsewhere, of wheels alone; otherwise as ``lock``.

    :raises EnvironmentBuildError: the request excludes that Python, or no set of wheels satisfies it
    """
    asked = [f"python={request.python!r}"] if request.python not in (None, place.python) else []
    if not python_allowed(request, place.python):
        asked.append(f"requires-python {', '.join(request.requires_python)}")
    if asked:
        raise EnvironmentBuildError(
            f"the requirements ask for {' and '.join(asked)}, but the image has {place}; "
            "use an image with such a Python, or loosen what they ask for"
        )

    def make() -> Lock:
        return _make(request, place.python, place.platform, lambda: pinning.elsewhere(place, cache, log), log)

    return _kept([request.digest, place.python, place.platform, "elsewhere"], make, cache, log)


def write_private(path: Path, data: bytes) -> None:
    """Replace ``path`` as a whole; only this user can read it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(name).replace(path)


def _kept(key: Sequence[str], make: Callable[[], Lock], cache: Path, log: Log) -> Lock:
    """What ``make`` once gave under ``key``."""
    path = cache / "locks" / f"{hashlib.sha256(canonical_json(list(key))).hexdigest()}.json"
    if (known := _load(path)) is not None:
        return known
    with exclusive(
        path.with_suffix(".lock"), lambda s: log(f"another process resolves this; waiting ({s:.0f} s)")
    ):
        if (known := _load(path)) is not None:
            return known
        made = make()
        write_private(path, json.dumps(asdict(made), indent=1, sort_keys=True).encode())
    return made


def _load(path: Path) -> Lock | None:
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return Lock(tuple(data["lines"]), data["python"], data["platform"], tuple(data["options"]))


def _make(
    request: EnvironmentRequest,
    python: str,
    platform: str,
    resolver: Callable[[], pinning.Resolver],
    log: Log,
) -> Lock:
    if not request.lines:
        return Lock((), python, platform)
    found = resolver()
    lines = request.lines if request.locked else pinning.pin(request, found, log)
    applying = sorted(filter(None, (_apply(line, found.markers) for line in lines)))
    return Lock(_hashed_or_not(applying), python, platform, request.options)


def _apply(line: str, markers: Mapping[str, str]) -> str | None:
    """``line`` without its marker; None where the marker does not hold."""
    found = re.fullmatch(r"([^;]*[^;\s]) ?; ([^;]*?)((?: --hash=\S+)*)", line)
    if found is None:
        return line
    return found[1] + found[3] if Marker(found[2]).evaluate(dict(markers)) else None


def _hashed_or_not(lines: Sequence[str]) -> tuple[str, ...]:
    """Hashes on every line or on none: pip and uv refuse the mixture, and a git commit has no hash."""
    if all("--hash=" in line for line in lines):
        return tuple(lines)
    return tuple(line.partition(" --hash=")[0] for line in lines)
