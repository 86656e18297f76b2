"""Interpreters that are not on this machine, such as the one in a container image."""

from __future__ import annotations

from dataclasses import dataclass

from lading.environment.request import check_minor
from lading.errors import ConfigError

#: By platform: the machine, and the minor of the oldest glibc 2 that wheels for it are built against.
_MACHINES = {"linux-x86_64": ("x86_64", 5), "linux-aarch64": ("aarch64", 17)}
#: What Debian 10, RHEL 8 and all later images have; nearly every project builds for it or an older one.
_GLIBC = 28
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


@dataclass(frozen=True)
class Place:
    """A CPython by its version and the platform that its ``sysconfig.get_platform()`` would name.

    :raises ConfigError: no such version, or a platform that no image of ours has
    """

    python: str  # "3.12"
    platform: str  # "linux-x86_64"

    def __post_init__(self) -> None:
        check_minor(self.python)
        if self.platform not in _MACHINES:
            raise ConfigError(
                f"platform {self.platform!r} is not one that packages can be locked for from elsewhere, "
                f"expected {' or '.join(_MACHINES)}; use an image of such a platform"
            )

    def __str__(self) -> str:
        return f"Python {self.python} on {self.platform}"


def markers(place: Place) -> dict[str, str]:
    """Marker environment of PEP 508; the patch release is unknown and counts as 0, as uv has it."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{place.python}.0",
        "os_name": "posix",
        "platform_machine": _MACHINES[place.platform][0],
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{place.python}.0",
        "python_version": place.python,
        "sys_platform": "linux",
        "extra": "",
    }


def uv_options(place: Place) -> tuple[str, ...]:
    """Of ``uv pip compile``."""
    platform = f"{_MACHINES[place.platform][0]}-manylinux_2_{_GLIBC}"
    # A source distribution would be asked for its dependencies by this machine's Python, and be built in an
    # image that need not have a compiler. pip leaves them out anyhow.
    return ("--python-version", place.python, "--python-platform", platform, "--only-binary", ":all:")


def pip_options(place: Place) -> tuple[str, ...]:
    """Of ``pip install``."""
    options = ["--only-binary=:all:", "--implementation=cp", f"--python-version={place.python}"]
    options.append(f"--abi=cp{place.python.replace('.', '')}")
    return (*options, *(f"--platform={tag}" for tag in _platform_tags(place)))


def _platform_tags(place: Place) -> list[str]:
    """Newest first: pip prefers the first that has a wheel."""
    machine, oldest = _MACHINES[place.platform]
    tags = []
    for minor in range(_GLIBC, oldest - 1, -1):
        tags.append(f"manylinux_2_{minor}_{machine}")
        if minor in _LEGACY:
            tags.append(f"{_LEGACY[minor]}_{machine}")
    return [*tags, f"linux_{machine}"]
