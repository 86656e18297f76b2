"""Everything that a user can name or return, filled with what a browser must not run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from airflow.sdk import dag

from lading import log_external_input, log_metrics, step

FILE = Path(__file__).parent / "payloads.json"
#: As parameters, those that are no template of Airflow's.
PARAMS = [payload for payload in json.loads(FILE.read_text()) if "{" not in payload]


@dag(schedule=None)
def ui_hostile() -> None:
    @step
    def table(given: list[str], file: str) -> pd.DataFrame:
        payloads = json.loads(Path(file).read_text())
        columns = {payload: [payload, None] for payload in payloads[:40]}
        return pd.DataFrame({**columns, "all": [payloads[0], payloads[-1]]})

    @step(multiple_outputs=False)  # one tree; Airflow's client cannot push under a key with a tab in it
    def tree(given: list[str], file: str) -> dict[str, Any]:
        payloads = json.loads(Path(file).read_text())
        log_metrics({payload[:60]: n for n, payload in enumerate(payloads[:10])})
        return {payload: [payload, {payload: payload}] for payload in payloads}

    @step
    def text(given: list[str], file: str) -> str:
        payloads = json.loads(Path(file).read_text())
        return "\n".join(payloads)

    @step
    def page(given: list[str], file: str) -> Path:
        payloads = json.loads(Path(file).read_text())
        html = Path(tempfile.mkdtemp(), "page.html")
        html.write_text("<!doctype html>" + "\n".join(payloads))
        return html

    @step
    def folder(given: list[str], file: str) -> Path:
        payloads = json.loads(Path(file).read_text())
        root = Path(tempfile.mkdtemp())
        for n, payload in enumerate(payloads[:40]):
            (root / f"{n} {payload.replace('/', '_')[:120]}").write_text(payload)
        return root

    @step
    def outside(given: list[str], file: str) -> int:
        payloads = json.loads(Path(file).read_text())
        for payload in payloads[:20]:
            log_external_input(payload)
        return len(payloads)

    @step
    def pushed(given: list[str], file: str, ti: Any = None) -> int:
        payloads = json.loads(Path(file).read_text())
        for payload in payloads[:12]:
            ti.xcom_push(payload[:200], {"value": payload})
        return 0

    @step
    def fails(given: list[str], file: str) -> None:
        payloads = json.loads(Path(file).read_text())
        raise ValueError("\n".join(payloads))

    for make in (table, tree, text, page, folder, outside, pushed, fails):
        make(PARAMS, str(FILE))


ui_hostile()
