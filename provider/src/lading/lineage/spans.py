"""Text for people as spans with a meaning, rendered plain, with colours, or as HTML.

Names and messages come from events, and events from anybody who can write to the store: rendering replaces
whatever could steer a terminal or a browser, so that only the renderers' own escapes reach it.
"""

from __future__ import annotations

import html
import textwrap
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_ANSI = {
    "title": "1",
    "ok": "32",
    "bad": "31;1",
    "warn": "33",
    "dim": "2",
    "name": "1",
    "arrow": "36",
    "digest": "35",
}
_CSS = {
    "title": "font-weight:bold",
    "ok": "color:#1a7f37",
    "bad": "color:#cf222e;font-weight:bold",
    "warn": "color:#9a6700",
    "dim": "opacity:.65",
    "name": "font-weight:bold",
    "arrow": "color:#0969da",
    "digest": "color:#8250df",
}
_UNSAFE = (
    "Cc",
    "Cf",
    "Cs",
    "Co",
    "Zl",
    "Zp",
)  # controls, bidi and invisible marks, lone surrogates, separators


class Span(NamedTuple):
    text: str
    style: str = ""  # a key of the tables above


class Line(NamedTuple):
    left: tuple[Span, ...] = ()
    right: tuple[Span, ...] = ()  # kept whole at the right edge; ``left`` is cut where both do not fit


def clean(text: str) -> str:
    r"""``text`` with every character that is not for reading spelled out, ``\x1b``."""
    return "".join(_spelled(c) if unicodedata.category(c) in _UNSAFE else c for c in text)


def columns(text: str) -> int:
    """Columns that clean ``text`` takes on a terminal."""
    return sum(_columns(c) for c in text)


def cut(text: str, width: int) -> str:
    """Clean ``text`` in at most ``width`` columns, with an ellipsis where something is missing."""
    if columns(text) <= width:
        return text
    kept, used = [], 0
    for c in text:
        used += _columns(c)
        if used > width - 1:
            break
        kept.append(c)
    return "".join(kept) + "…" if width > 0 else ""


def pad(text: str, width: int) -> str:
    """Clean ``text`` in exactly ``width`` columns."""
    text = cut(clean(text), width)
    return text + " " * (width - columns(text))


def wrapped(text: str, width: int, first: tuple[Span, ...] = (), style: str = "") -> list[Line]:
    """``text`` over as many lines as it needs, the later ones indented as far as ``first`` reaches."""
    margin = sum(columns(clean(span.text)) for span in first)
    found = textwrap.wrap(clean(text), max(width - margin, 20), break_on_hyphens=False) or [""]
    lines = [Line((*first, Span(found[0], style)))]
    return lines + [Line((Span(" " * margin), Span(more, style))) for more in found[1:]]


def plain(lines: Iterable[Line], width: int) -> str:
    return "\n".join("".join(span.text for span in _fit(line, width)).rstrip() for line in lines)


def coloured(lines: Iterable[Line], width: int) -> str:
    def paint(span: Span) -> str:
        return f"\x1b[{_ANSI[span.style]}m{span.text}\x1b[0m" if span.style and span.text else span.text

    return "\n".join("".join(paint(span) for span in _fit(line, width)).rstrip() for line in lines)


def as_html(lines: Iterable[Line], width: int) -> str:
    def paint(span: Span) -> str:
        text = html.escape(span.text)
        return f'<span style="{_CSS[span.style]}">{text}</span>' if span.style else text

    body = "\n".join("".join(paint(span) for span in _fit(line, width)) for line in lines)
    return f'<pre style="line-height:1.35;white-space:pre;overflow-x:auto">{body}</pre>'


def _fit(line: Line, width: int) -> list[Span]:
    right = [Span(clean(span.text), span.style) for span in line.right]
    taken = sum(columns(span.text) for span in right)
    room = max(width - taken - (2 if right else 0), 0)
    left, used = [], 0
    for span in line.left:
        text = cut(clean(span.text), room - used)
        left.append(Span(text, span.style))
        used += columns(text)
        if text.endswith("…") and text != clean(span.text):
            break
    gap = [Span(" " * max(width - used - taken, 1))] if right else []
    return [*left, *gap, *right]


def _spelled(c: str) -> str:
    code = ord(c)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _columns(c: str) -> int:
    if unicodedata.combining(c):
        return 0
    return 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1
