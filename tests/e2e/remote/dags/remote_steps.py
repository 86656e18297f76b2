"""Steps elsewhere, deferred and not, to be killed, cleared, timed out and lost.

``SUPERVISED_TARGETS`` names the targets that there are, ``SUPERVISED_FRAIL_TARGETS`` those whose platform
goes away for a while; both with the folder in which jobs have the store, and how many steps are many there.
The id of each DAG begins with its target.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, task

from lading import step

NOTES = os.environ["SUPERVISED_NOTES"]
ORDINARY, FRAIL = "SUPERVISED_TARGETS", "SUPERVISED_FRAIL_TARGETS"
TOLD: dict[str, tuple[str, int]] = json.loads(os.environ[ORDINARY]) | json.loads(os.environ[FRAIL])
OTHER_SCRIPTS = "ßéżøДжअ日本語한글ﬁＡ"
SOON = timedelta(seconds=1)
WAITS = {"deferred": True, "waited": False}
TERMINATED_AT = (
    "deferred-create.after",
    "deferred-start.handle_saved",
    "deferred-wait.ended",
    "waited-start.intent_saved",
    "waited-wait.ended",
)


def sleeper(seconds: float) -> str:
    import time

    print("begun", flush=True)
    time.sleep(seconds)
    return "slept"


def sleeper_once(store: str, name: str, seconds: float, run_id: str | None = None) -> str:
    """Sleeps in its first generation only."""
    import time

    print("begun", flush=True)
    if not begun_again(store, name, str(run_id)):
        time.sleep(seconds)
    return "slept"


def begun_again(store: str, name: str, run_id: str) -> bool:
    """Whether there is a second generation of the step."""
    from pathlib import Path
    from urllib.parse import quote

    attempts = Path(store, "attempts")
    return any(attempts.glob(f"*/{quote(run_id, safe='')}/{name}/-1/2/claim"))


def pair(target: str, seconds: float, **kwargs: Any) -> None:
    """The same step, deferred and not."""
    for name, deferrable in WAITS.items():
        step(task_id=name, on=target, deferrable=deferrable, **kwargs)(sleeper_once)(
            TOLD[target][0], name, seconds
        )


def green(target: str) -> None:
    @step(on=target)
    def numbers() -> list[int]:
        print("counting elsewhere")
        return [1, 2, 3]

    @task
    def check(found: list[int]) -> int:
        if list(found) != [1, 2, 3]:
            raise ValueError(found)
        return 6

    check(numbers())


def divide(n: int) -> float:
    return inverse(n)


def inverse(n: int) -> float:
    return 1 / n


def raised(target: str) -> None:
    for name, deferrable in WAITS.items():
        step(task_id=name, on=target, deferrable=deferrable)(divide)(0)


def every_script(target: str) -> None:
    step(task_id=OTHER_SCRIPTS, on=target)(sleeper)(0)


def note_worker(context: Any) -> None:
    Path(NOTES, f"worker-{context['dag'].dag_id}-{context['ti'].task_id}").write_text(str(os.getpid()))


def arm(context: Any) -> None:
    """SIGTERM for this try's process at the point that the task is named for; once."""
    point = context["ti"].task_id.partition("-")[2]
    if point == "create.after":  # of the backend's own
        target = context["dag"].dag_id.partition("_")[0]
        point = "databricks.submit.after" if target == "databricks" else f"{target}.{point}"
    fired = Path(NOTES, f"fired-{context['dag'].dag_id}-{context['ti'].task_id}")
    if not fired.exists():
        os.environ |= {"LADING_FAILPOINT": f"{point}:sigterm", "LADING_FAILPOINT_FIRED": str(fired)}


def terminated(target: str) -> None:
    options = {"on": target, "retries": 1, "retry_delay": SOON}
    for name in TERMINATED_AT:
        more = {**options, "task_id": name, "pre_execute": arm}
        step(deferrable=WAITS[name.partition("-")[0]], **more)(sleeper)(2)


def stopped(target: str) -> None:
    more = {"retries": 1, "retry_delay": SOON, "pre_execute": note_worker}
    step(task_id="waited", on=target, deferrable=False, **more)(sleeper_once)(TOLD[target][0], "waited", 300)


def wait_for_go(store: str, n: int, run_id: str | None = None) -> int:
    wait_for(store, "go-{}", run_id, 600)
    return n


def wait_for_turn(store: str, n: int, run_id: str | None = None) -> int:
    wait_for(store, f"go-{{}}-{n}", run_id, 6 * 3600)
    return n


def wait_for(store: str, name: str, run_id: str | None, within_s: float) -> None:
    import time
    from pathlib import Path
    from urllib.parse import quote

    end = time.monotonic() + within_s
    while not Path(store, "blobs", name.format(quote(str(run_id), safe=""))).exists():
        if time.monotonic() > end:
            raise TimeoutError("nobody said go")
        time.sleep(0.5)


def wait_for_go_once(store: str, name: str, run_id: str | None = None) -> str:
    """Waits in its first generation only."""
    if not begun_again(store, name, str(run_id)):
        wait_for_go(store, 0, run_id)
    return "went"


def outlived(target: str) -> None:
    for name, deferrable in WAITS.items():
        step(task_id=name, on=target, deferrable=deferrable)(wait_for_go_once)(TOLD[target][0], name)


def many(target: str) -> None:
    store, count = TOLD[target]
    step(task_id="many", on=target)(wait_for_go).partial(store=store).expand(n=list(range(count)))


def crowd(target: str) -> None:
    turns = step(task_id="crowd", on=target)(wait_for_turn).partial(store=TOLD[target][0])
    turns.expand(n=list(range(50)))


def abandoned(target: str) -> None:
    pair(target, 300, pre_execute=note_worker)


DAGS = {
    "green": green,
    OTHER_SCRIPTS: every_script,
    "raised": raised,
    "marked_failed": lambda target: pair(target, 300),
    "deleted": lambda target: pair(target, 300),
    "cleared": lambda target: pair(target, 300),
    "timed_out": lambda target: pair(target, 300, execution_timeout=timedelta(seconds=10)),
    "abandoned": abandoned,
    "killed": lambda target: pair(target, 600),
    "terminated": terminated,
    "stopped": stopped,
    "many": many,
    "crowd": crowd,
}


def make(variable: str, dags: dict[str, Any]) -> None:
    for target in json.loads(os.environ[variable]):
        for name, fill in dags.items():
            with DAG(f"{target}_{name}", schedule=None) as dag:
                fill(target)
            globals()[dag.dag_id] = dag


with DAG("local_raised", schedule=None) as local_raised:
    step(task_id="local", on="local")(divide)(0)
make(ORDINARY, DAGS)
make(FRAIL, {"outlived": outlived})
