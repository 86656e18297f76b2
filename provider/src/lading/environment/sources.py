"""Where requirements stand: lines, requirement files, the PEP 723 block of a script, ``uv.lock``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement

from lading.environment import uvlock
from lading.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

#: Options of a requirements file that say where packages are, with their one-letter spelling.
_OPTIONS = {
    "-i": "--index-url",
    "-f": "--find-links",
    "--index-url": "--index-url",
    "--find-links": "--find-links",
    "--extra-index-url": "--extra-index-url",
    "--trusted-host": "--trusted-host",
    "--no-binary": "--no-binary",
    "--only-binary": "--only-binary",
    "--no-index": "--no-index",
    "--pre": "--pre",
    "--prefer-binary": "--prefer-binary",
}
_BLOCK = re.compile(r"(?m)^# /// script[ \t]*$\n(?P<body>(?:^#(?:| .*)$\n)+?)^# ///[ \t]*$")
_COMMENT = re.compile(r"(^|\s)#.*$")


@dataclass
class Found:
    """What the sources say together, in the order in which they say it."""

    lines: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)  # "--index-url https://…"
    constraints: list[str] = field(default_factory=list)
    requires_python: list[str] = field(default_factory=list)  # version specifiers, all of which hold
    locked: bool = False  # lines come from a lock: pinned, complete, with markers


def anchor(requirements: str | Sequence[str] | None, folder: Path) -> tuple[str, ...]:
    """``requirements`` as a step writes them, with every file named absolutely; ``folder`` is the DAG file's.

    A job request carries this form: it reads the same in every process that sees the same DAG files.
    """
    items = [requirements] if isinstance(requirements, str) else list(requirements or ())
    return tuple(_anchored(item.strip(), folder) for item in items)


def _anchored(item: str, folder: Path) -> str:
    option, _, name = item.partition(" ")
    if option in ("-r", "--requirement", "-c", "--constraint"):
        return f"{option} {folder / name.strip()}"
    return str(folder / item) if _is_file(item, folder) else item


def _is_file(item: str, folder: Path) -> bool:
    if item.startswith("-") or re.search(r"[\s@\[<>=!~;]", Path(item).name):
        return False
    path = folder / item
    if path.name == "uv.lock" or path.suffix in (".txt", ".in"):
        return True
    # A distribution may be called ``discord.py``: without a folder, the file has to be there.
    return path.suffix == ".py" and ("/" in item or path.is_file())


def read(items: Iterable[str], folder: Path) -> Found:
    """Everything that ``items`` name, read from their files.

    :raises ConfigError: a file is absent, or a line is no requirement
    """
    found = Found()
    for item in items:
        _read_item(item.strip(), folder, found)
    if found.locked and len(list(items)) > 1:
        raise ConfigError(
            f"requirements name uv.lock and more: {', '.join(items)}; a lock is complete by itself: "
            "add the others to the pyproject.toml beside it and run 'uv lock'"
        )
    return found


def _read_item(item: str, folder: Path, found: Found) -> None:
    if not _is_file(item, folder):
        _read_line(item, folder, "requirements", found, ())
        return
    path = folder / item
    if path.name == "uv.lock":
        lock = uvlock.read(_text(path, "requirements"), path)
        found.lines += lock.lines
        found.requires_python += lock.requires_python
        found.locked = True
    elif path.suffix == ".py":
        _read_script(path, found)
    else:
        _read_file(path, found, ())


def _text(path: Path, said_by: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "it is not UTF-8 text"
        raise ConfigError(
            f"{path}, named by {said_by}, cannot be read: {reason}; "
            "name a file that every worker has, relative to the DAG file"
        ) from e


def _read_file(path: Path, found: Found, above: tuple[Path, ...]) -> None:
    if path in above:
        raise ConfigError(f"{path} includes itself by way of {above[-1]}; take one '-r' line out")
    said_by = str(above[-1]) if above else "requirements"
    for line in _logical_lines(_text(path, said_by)):
        _read_line(line, path.parent, str(path), found, (*above, path))


def _logical_lines(text: str) -> Iterator[str]:
    joined = text.replace("\\\r\n", " ").replace("\\\n", " ")
    for line in joined.splitlines():
        if stripped := _COMMENT.sub("", line).strip():
            yield stripped


def _read_line(line: str, folder: Path, origin: str, found: Found, above: tuple[Path, ...]) -> None:
    option, value = _split_option(line)
    if option in ("-r", "--requirement"):
        _read_file(folder / value, found, above)
    elif option in ("-c", "--constraint"):
        inner = Found()
        _read_file(folder / value, inner, above)
        found.constraints += inner.lines
    elif option in _OPTIONS:
        found.options.append(_option(_OPTIONS[option], value, folder))
    else:
        found.lines.append(_requirement(line, origin))


def _split_option(line: str) -> tuple[str, str]:
    if not line.startswith("-"):
        return "", line
    option, _, value = re.sub(r"^(--[a-z-]+)=", r"\1 ", line).partition(" ")
    return option, value.strip()


def _option(name: str, value: str, folder: Path) -> str:
    if name == "--find-links" and "://" not in value:
        value = str(folder / value)
    return f"{name} {value}".strip()


def _requirement(line: str, origin: str) -> str:
    """``line`` with one spelling of its blanks; hashes stay behind it."""
    text, *hashes = re.split(r"\s+--hash[= ]", line)
    if text.startswith((".", "/", "-e ", "--editable")):
        raise ConfigError(
            f"{origin} names the local folder or file {text!r}, expected a package and a version; "
            "an environment has to be the same on every worker: publish a wheel, or import the code as a "
            "module of the DAG bundle, which travels with the step"
        )
    try:
        requirement = Requirement(text.strip())
    except InvalidRequirement as e:
        raise ConfigError(
            f"{origin} holds {text!r}, which is not a requirement ({str(e).splitlines()[0]}); "
            "write lines such as 'pandas>=2.2' (PEP 508), or name a requirements file, a script with a "
            "'# /// script' block, or uv.lock"
        ) from e
    return " ".join([str(requirement), *(f"--hash={value.strip()}" for value in hashes)])


def _read_script(path: Path, found: Found) -> None:
    block = script_block(_text(path, "requirements"), path)
    if sources := block.get("tool", {}).get("uv", {}).get("sources"):
        raise ConfigError(
            f"{path} gives {', '.join(sorted(sources))} a source in [tool.uv.sources], which its script "
            "block cannot lock; write the address into the dependency ('name @ https://…') or use uv.lock"
        )
    for line in block.get("dependencies", []):
        found.lines.append(_requirement(line, str(path)))
    if python := block.get("requires-python"):
        found.requires_python.append(python)


def script_block(text: str, path: Path) -> dict[str, Any]:
    """The metadata of the ``# /// script`` block (PEP 723) in ``text``.

    :raises ConfigError: no such block, more than one, or no TOML in it
    """
    blocks = list(_BLOCK.finditer(text))
    if len(blocks) != 1:
        raise ConfigError(
            f"{path} has {len(blocks)} '# /// script' blocks, expected one (PEP 723); write\n"
            '# /// script\n# dependencies = ["pandas>=2.2"]\n# ///'
        )
    body = "".join(
        line[2:] if line.startswith("# ") else line[1:] for line in blocks[0]["body"].splitlines(True)
    )
    try:
        return tomllib.loads(body)
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"the '# /// script' block of {path} is not TOML: {e}; see PEP 723") from e
