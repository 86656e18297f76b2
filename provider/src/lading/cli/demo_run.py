"""Runs one DAG with ``dag.test()`` and prints a line per finished task; logs go to standard error."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from typing import Any, TextIO

_BEAT_S = 10.0  # no longer silence


class Progress:
    """A line per finished task, and one every ten seconds that names what runs."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._started, self._running = out, time.monotonic(), "Airflow starts"
        self._last = self._started
        threading.Thread(target=self._beat, daemon=True).start()

    def begun(self, ti: Any) -> None:
        self._running = f"{_name(ti)} runs"

    def ended(self, sign: str, ti: Any) -> None:
        self._line(sign, _name(ti))

    def _line(self, sign: str, text: str) -> None:
        self._last = time.monotonic()
        self._out.write(f"      {sign} {self._last - self._started:6.1f} s  {text}\n")
        self._out.flush()

    def _beat(self) -> None:
        while True:
            time.sleep(1)
            if time.monotonic() - self._last >= _BEAT_S:
                self._line("…", self._running)


def _name(ti: Any) -> str:
    return ti.task_id if ti.map_index is None or ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]"


def _listen(progress: Progress) -> None:
    from airflow.listeners import hookimpl
    from airflow.sdk.listener import get_listener_manager

    class Listener:
        @hookimpl
        def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
            progress.begun(task_instance)

        @hookimpl
        def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
            progress.ended("✔", task_instance)

        @hookimpl
        def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
            progress.ended("✖", task_instance)

    get_listener_manager().add_listener(Listener())


def main(dag_id: str) -> int:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with contextlib.redirect_stdout(sys.stderr):
        from airflow.configuration import conf
        from airflow.dag_processing.dagbag import DagBag

        progress = Progress(out)
        _listen(progress)
        bag = DagBag(dag_folder=f"{conf.get('core', 'dags_folder')}/{dag_id}.py")
        if dag_id not in bag.dags:
            sys.stderr.write(f"{dag_id} did not load: {bag.import_errors}\n")
            return 1
        run = bag.dags[dag_id].test()
    return 0 if str(run.state) == "success" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
