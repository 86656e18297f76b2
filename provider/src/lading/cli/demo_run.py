"""Runs one DAG with ``dag.test()`` and prints a line per finished task; logs go to standard error."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import Any, TextIO


class Progress:
    """A listener of this process: one line when a task starts, one when it ends."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._started = out, time.monotonic()

    def line(self, sign: str, ti: Any) -> None:
        place = f"[{ti.map_index}]" if ti.map_index is not None and ti.map_index >= 0 else ""
        self._out.write(f"      {sign} {time.monotonic() - self._started:6.1f} s  {ti.task_id}{place}\n")
        self._out.flush()


def _listen(progress: Progress) -> None:
    from airflow.listeners import hookimpl
    from airflow.sdk.listener import get_listener_manager

    class Listener:
        @hookimpl
        def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
            progress.line("✓", task_instance)

        @hookimpl
        def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
            progress.line("✗", task_instance)

    get_listener_manager().add_listener(Listener())


def main(dag_id: str) -> int:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with contextlib.redirect_stdout(sys.stderr):
        from airflow.configuration import conf
        from airflow.dag_processing.dagbag import DagBag

        _listen(Progress(out))
        bag = DagBag(dag_folder=f"{conf.get('core', 'dags_folder')}/{dag_id}.py")
        if dag_id not in bag.dags:
            sys.stderr.write(f"{dag_id} did not load: {bag.import_errors}\n")
            return 1
        run = bag.dags[dag_id].test()
    return 0 if str(run.state) == "success" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
