"""Steps to be killed, cleared, timed out and read, run by a scheduler. ``SUPERVISED_NOTES`` is a folder of
files by which a step says what it does, and by which it is told what to do."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Variable, dag, task

from lading import step

NOTES = os.environ["SUPERVISED_NOTES"]
POINTS = (
    "start.intent_saved",
    "venv.spawn.after",
    "start.handle_saved",
    "finish.reported",
    "finish.final_saved",
)
SOON = timedelta(seconds=1)


@dag(schedule=None)
def green() -> None:
    @step
    def numbers() -> list[int]:
        return [1, 2, 3]

    @step(on="venv")
    def total(numbers: list[int], *, weight: int) -> dict[str, int]:
        return {"total": sum(numbers) * weight}

    @task
    def check(found: dict[str, int], numbers: list[int]) -> int:
        if found != {"total": 12} or list(numbers) != [1, 2, 3]:
            raise ValueError(f"{found} of {numbers}")
        return 7

    counted = numbers()
    check(total(counted, weight=2), counted)


def arm(context: Any) -> None:
    """Kill this try's process at the point that the task is named for; once."""
    point = context["ti"].task_id
    fired = Path(NOTES, f"fired-{point}")
    if not fired.exists():
        os.environ |= {"LADING_FAILPOINT": f"{point}:kill9", "LADING_FAILPOINT_FIRED": str(fired)}


@dag(schedule=None)
def killed() -> None:
    def effect(folder: str, name: str) -> str:
        with Path(folder, f"effect-{name}").open("a") as file:
            file.write("once\n")
        return name

    for point in POINTS:
        options = {"task_id": point, "retries": 1, "retry_delay": SOON, "pre_execute": arm}
        step(on="venv", **options)(effect)(NOTES, point)


def note_worker(context: Any) -> None:
    Path(NOTES, f"worker-{context['dag'].dag_id}-{context['ti'].task_id}").write_text(str(os.getpid()))


def sleep_long(folder: str, name: str) -> str:
    import time

    Path(folder, f"{name}.part").write_text(str(os.getpid()))
    Path(folder, f"{name}.part").rename(Path(folder, name))
    for _ in range(3000):
        time.sleep(0.1)
    Path(folder, f"{name}-went-on").touch()
    return name


def sleepers(name: str, **options: Any) -> None:
    for backend in ("local", "venv"):
        more = {"task_id": backend, "pre_execute": note_worker, **options}
        step(on=backend, **more)(sleep_long)(NOTES, f"{name}-{backend}")


@dag(schedule=None)
def marked_failed() -> None:
    sleepers("marked_failed")


@dag(schedule=None)
def sigterm() -> None:
    sleepers("sigterm")


@dag(schedule=None)
def cleared_running() -> None:
    for backend in ("local", "venv"):
        step(on=backend, task_id=backend)(slow_once)(NOTES, f"cleared_running-{backend}")


def slow_once(folder: str, name: str) -> str:
    import time

    begun = Path(folder, name)
    if begun.exists():
        return name
    begun.with_suffix(".part").write_text(str(os.getpid()))
    begun.with_suffix(".part").rename(begun)
    time.sleep(300)
    return name


@dag(schedule=None)
def timed_out() -> None:
    for backend in ("local", "venv"):
        limits = {"execution_timeout": timedelta(seconds=6), "retries": 1, "retry_delay": SOON}
        step(on=backend, task_id=backend, **limits)(slow_once)(NOTES, f"timed_out-{backend}")


def work_when_told(folder: str, name: str) -> str:
    import time

    Path(folder, f"{name}.part").write_text(str(os.getpid()))
    Path(folder, f"{name}.part").rename(Path(folder, name))
    end = time.monotonic() + 120
    while not Path(folder, f"{name}-go").exists():
        if time.monotonic() > end:
            raise TimeoutError("nobody said go")
        time.sleep(0.05)
    with Path(folder, f"{name}-effect").open("a") as file:
        file.write("once\n")
    return name


@dag(schedule=None)
def lost_worker() -> None:
    options = {"task_id": "venv", "pre_execute": note_worker, "retries": 1, "retry_delay": SOON}
    step(on="venv", **options)(work_when_told)(NOTES, "lost_worker-venv")


def compute_natively(folder: str, name: str) -> str:
    """For minutes in C, which comes back to Python for no signal."""
    import hashlib

    Path(folder, f"{name}.part").write_text(str(os.getpid()))
    Path(folder, f"{name}.part").rename(Path(folder, name))
    return hashlib.pbkdf2_hmac("sha256", b"slow", b"hash", 400_000_000).hex()


@dag(schedule=None)
def native() -> None:
    step(on="venv", task_id="venv", pre_execute=note_worker)(compute_natively)(NOTES, "native-venv")


@dag(schedule=None)
def retried() -> None:
    @step(on="venv", retries=1, retry_delay=SOON)
    def flaky(folder: str) -> str:
        tried = Path(folder, "tried")
        if not tried.exists():
            tried.touch()
            raise ValueError("the first time fails")
        return "second"

    flaky(NOTES)


@dag(schedule=None)
def secret() -> None:
    @step
    def show_secret() -> int:
        print(f"password {Variable.get('a_password')} shown")
        return 1

    show_secret()


green()
killed()
marked_failed()
sigterm()
cleared_running()
lost_worker()
native()
timed_out()
retried()
secret()
