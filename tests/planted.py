"""Secrets to plant, and a search for them that no spelling deceives."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

NASTY = ("-", "'quo\"ted'", "back\\slash", "a/b+c=d&e%41", "ünïcode 日本", "$(HOME) $HOME", "<b>&amp;</b>")


def secret(name: str, lines: bool = False) -> str:
    """Two words that nobody guesses, and between them what every notation spells in its own way."""
    between = NASTY[int(_word(name, 0)[:4], 16) % len(NASTY)] + ("\n" if lines else "")
    return f"{_word(name, 0)}{between}{_word(name, 1)}"


def found(places: Mapping[str, bytes], names: Iterable[str]) -> set[tuple[str, str]]:
    """Place and name of each secret that can be read there, or a half of it: as it is, in JSON, quoted for a
    URL or by ``repr`` (none of which changes the words), in base64, within other text too, or in hex."""
    traces = {name: [trace for half in (0, 1) for trace in _traces(_word(name, half))] for name in names}
    return {
        (place, name)
        for place, content in places.items()
        for name, wanted in traces.items()
        if any(trace in content for trace in wanted)
    }


def files(folder: Path, kind: str) -> Iterator[tuple[str, bytes]]:
    """Content and names of the files under ``folder``; ``kind`` is how their places begin."""
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        with suppress(FileNotFoundError, IsADirectoryError):  # the one is gone by now
            yield f"{kind}: {name}", f"{name}\n".encode() + path.read_bytes()


def tables(database: Path) -> Iterator[tuple[str, bytes]]:
    """Every row of an SQLite database, by table."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=60)) as db:
        names = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
        for name in names:
            rows = db.execute(f'select * from "{name}"').fetchall()
            yield f"table: {name}", b"\n".join(_bytes(cell) for row in rows for cell in row)


def _bytes(cell: object) -> bytes:
    return cell if isinstance(cell, bytes) else str(cell).encode()


def _word(name: str, half: int) -> str:
    return hashlib.sha256(f"{name} {half}".encode()).hexdigest()[:20]


def _traces(word: str) -> Iterator[bytes]:
    raw = word.encode()
    yield raw
    yield raw.hex().encode()
    for before in range(3):  # bytes of other text: base64 takes three at a time
        whole = (before + len(raw)) // 3 * 3
        coded = base64.b64encode((b"\0" * before + raw)[:whole])
        yield coded[4 if before else 0 :]
