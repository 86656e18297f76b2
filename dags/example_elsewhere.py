"""One function in a container and in a pod, with the same packages and limits, by the names of two targets:

    export AIRFLOW__LADING__TARGETS='{
      "containers": {"backend": "docker", "image": "python:3.12-slim"},
      "cluster": {"backend": "kubernetes", "image": "python:3.12-slim", "mount": {"pvc": "lading"}}}'

Where the engine and the cluster are, which image is used and how the artifact store gets there stands in the
target, not in the DAG. A target that is not configured has no step here; without any the run is skipped.
"""

from __future__ import annotations

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowSkipException

from lading import Resources, step
from lading.deployment import settings

PLACES = [name for name in ("containers", "cluster") if name in settings().targets]


def describe(weights: list[float]) -> str:
    import humanize

    return f"{humanize.apnumber(len(weights))} containers, {humanize.intcomma(sum(weights))} t"


@dag(schedule=None, tags=["lading", "example"], doc_md=__doc__)
def example_elsewhere() -> None:
    @step
    def weigh() -> list[float]:
        return [26.5, 30.1, 1204.0]

    @task
    def compare(found: list[str]) -> str:
        (same,) = set(found)  # whatever the place
        return same

    @task
    def nowhere() -> None:
        raise AirflowSkipException(
            "[lading] targets has no 'containers' and no 'cluster': see this file's head"
        )

    if not PLACES:
        nowhere()
        return
    weights = weigh()
    asked = {"requirements": ["humanize==4.12.3"], "resources": Resources(cpu=0.5, memory="256MiB")}
    compare([step(task_id=f"describe_{name}", on=name, **asked)(describe)(weights) for name in PLACES])


example_elsewhere()
