"""A step with packages of its own.

The environment is built once per lock and Python, and reused by later steps and runs.
The worker needs none of these packages. Values cross as artifacts in formats that both sides can read.
"""

from __future__ import annotations

from airflow.sdk import dag

from lading import step


@dag(schedule=None, tags=["lading", "example"], doc_md=__doc__)
def example_isolated_environment() -> None:
    @step
    def words() -> list[str]:
        return ["bill", "of", "lading"]

    @step(on="venv", requirements=["humanize==4.12.3"])
    def describe(words: list[str]) -> str:
        import humanize

        return f"{humanize.apnumber(len(words))} words, {humanize.naturalsize(sum(map(len, words)))}"

    describe(words())


example_isolated_environment()
