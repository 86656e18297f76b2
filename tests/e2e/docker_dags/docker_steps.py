"""Steps in containers, waited for by the triggerer and by the worker, to be killed, cleared and timed out."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag, task

from lading import step

SOON = timedelta(seconds=1)


def sleeper(seconds: float) -> str:
    import time

    print("begun", flush=True)
    time.sleep(seconds)
    return "slept"


def pair(seconds: float, **kwargs: object) -> None:
    """The same step, deferred and not."""
    for name, deferrable in (("deferred", True), ("waited", False)):
        step(task_id=name, on="docker", deferrable=deferrable, **kwargs)(sleeper)(seconds)


@dag(schedule=None)
def docker_green() -> None:
    @step(on="docker")
    def numbers() -> list[int]:
        print("counting in a container")
        return [1, 2, 3]

    @task
    def check(found: list[int]) -> int:
        if list(found) != [1, 2, 3]:
            raise ValueError(found)
        return 6

    check(numbers())


@dag(schedule=None)
def docker_marked_failed() -> None:
    pair(300)


@dag(schedule=None)
def docker_deleted() -> None:
    pair(300)


@dag(schedule=None)
def docker_cleared() -> None:
    pair(20)


@dag(schedule=None)
def docker_timed_out() -> None:
    pair(300, execution_timeout=timedelta(seconds=10))


@dag(schedule=None)
def docker_many() -> None:
    step(task_id="many", on="docker")(sleeper).expand(seconds=[20.0] * 20)


docker_green()
docker_marked_failed()
docker_deleted()
docker_cleared()
docker_timed_out()
docker_many()
