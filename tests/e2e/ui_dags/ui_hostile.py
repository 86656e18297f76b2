"""Everything that a user can name or return, filled with what a browser must not run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pandas as pd
from airflow.sdk import dag

from lading import log_external_input, log_external_output, log_metrics, step

FILE = Path(__file__).parent / "payloads.json"
PAYLOADS = list(dict.fromkeys(json.loads(FILE.read_text())))
#: As parameters, those that are no template of Airflow's.
PARAMS = [payload for payload in PAYLOADS if not any(mark in payload for mark in ("{{", "{%", "{#"))]
#: As keys of XComs, those that Airflow's client can write into an address.
KEYS = [
    payload
    for payload in PAYLOADS
    if payload.isascii() and payload.isprintable() and not {"%", "#", "?"} & set(payload)
]
SLASHES = str.maketrans({"/": "\N{DIVISION SLASH}", "\\": "\N{SET MINUS}"})  # a name may have these
PARTS = 4
DRAWING = f"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
  width="120" height="80" onload="alert(1)" onclick="alert(1)" onmouseover="alert(1)">
  <script>alert(1)</script>
  <script href="http://127.0.0.1:9/xss"/>
  <style>@import 'http://127.0.0.1:9/xss'; rect {{ fill: url(http://127.0.0.1:9/xss#x) }}</style>
  <rect width="120" height="80"/>
  <image href="http://127.0.0.1:9/xss" width="9" height="9" onerror="alert(1)"/>
  <use href="http://127.0.0.1:9/xss#x"/>
  <a xlink:href="javascript:alert(1)"><text y="20">x</text></a>
  <animate attributeName="x" dur="1s" onbegin="alert(1)"/>
  <foreignObject width="90" height="90"><div xmlns="http://www.w3.org/1999/xhtml">
    <img src="http://127.0.0.1:9/xss" onerror="alert(1)"/><iframe src="javascript:alert(1)"/>
  </div></foreignObject>
  <text>{escape(" ".join(KEYS))}</text>
</svg>"""


def written(name: str, text: str) -> Path:
    path = Path(tempfile.mkdtemp(), name)
    path.write_text(text)
    return path


@dag(schedule=None)
def ui_hostile() -> None:
    @step(multiple_outputs=True)
    def table() -> dict[str, pd.DataFrame]:
        halves = {"first": PAYLOADS[::2], "second": PAYLOADS[1::2]}  # a preview has 100 columns
        return {name: pd.DataFrame({one: [one, None] for one in some}) for name, some in halves.items()}

    @step(multiple_outputs=False)  # one tree; Airflow's client cannot push under a key with a tab in it
    def tree() -> dict[str, Any]:
        return {payload: {"value": payload} for payload in PAYLOADS}

    @step
    def text() -> str:
        return "\n".join(PAYLOADS)

    @step
    def page() -> Path:
        return written("page.html", "<!doctype html>" + "\n".join(PAYLOADS))

    @step
    def notes() -> Path:
        return written("notes.md", "# <script>alert(1)</script>\n\n" + "\n\n".join(PAYLOADS))

    @step
    def drawing() -> Path:
        return written("drawing.svg", DRAWING)

    @step
    def folder() -> Path:
        root = Path(tempfile.mkdtemp())
        for n, payload in enumerate(PAYLOADS):  # by number, since some differ in case only
            (root / f"{n} {payload.translate(SLASHES)}").write_text(payload)
        return root

    @step
    def measured() -> int:
        log_metrics({payload: n for n, payload in enumerate(PAYLOADS)})
        return len(PAYLOADS)

    @step
    def outside() -> int:
        for payload in PAYLOADS:
            log_external_input(payload, version=payload)
            log_external_output(payload)
        return len(PAYLOADS)

    @step
    def pushed(ti: Any = None) -> int:
        for payload in KEYS:
            ti.xcom_push(payload, payload)
        return len(KEYS)

    @step
    def given(**named: str) -> int:
        return len(named)

    @step
    def fails(part: int) -> None:  # a message has 2,000 characters
        raise ValueError("\n".join(PAYLOADS[part::PARTS]))

    for make in (table, tree, text, page, notes, drawing, folder, measured, outside, pushed):
        make()
    fails.expand(part=list(range(PARTS)))
    given(**{payload: payload for payload in PARAMS})


ui_hostile()
