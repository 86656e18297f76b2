"""Many steps at once, which wait until the test opens the gate: a file in the store, which each job sees."""

from __future__ import annotations

from airflow.sdk import dag, task

from lading import step

CROWDS = {"docker": (20, 200), "kubernetes": (10, 50)}  # to get warm, and to be measured


def wait_at_the_gate(number: int, gate: str) -> int:
    import time
    from pathlib import Path

    print("begun", number, flush=True)
    while not Path(gate).exists():
        time.sleep(1)
    return number


def crowd(target: str, size: int) -> None:
    name = f"{target}_{size}"

    @dag(dag_id=name, schedule=None)
    def together() -> None:
        @task
        def total(numbers: list[int]) -> int:
            found = sum(numbers)
            if found != sum(range(size)):
                raise ValueError(f"{found} is not the sum of the numbers below {size}")
            return found

        waiting = step(task_id="waiting", on=target)(wait_at_the_gate)
        total(waiting.partial(gate=f"/lading/store/blobs/{name}").expand(number=list(range(size))))

    together()


for target, sizes in CROWDS.items():
    for size in sizes:
        crowd(target, size)
