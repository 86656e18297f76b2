"""Runs contestants in fresh processes, round by round, in a new random order each time."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.judge import AGAIN, SKIPPED, judge, not_measured
from benchmarks.worker import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.judge import Line
    from benchmarks.model import Area, Contestant, Sample

ROOT = Path(__file__).resolve().parent.parent


class ContestantFailed(Exception):
    """A part of a contestant ended with an error; ``str()`` names it and holds the end of its output."""


class Harness:
    """One benchmark run inside ``workspace``, a folder that nobody else uses."""

    def __init__(self, workspace: Path, *, rounds: int, quick: bool) -> None:
        self.workspace, self.rounds, self.quick = workspace, rounds, quick

    def measure(self, area: Area) -> tuple[list[Line], dict[str, str]]:
        """The judged rows, and by the names of contestants that failed, why."""
        if reason := area.absent():
            report(f"  {area.name} skipped: {reason}")
            return [not_measured(row, SKIPPED) for row in area.rows], {}
        entries = _entries(area)
        failed: dict[str, str] = {}
        rounds: list[dict[str, Sample]] = []
        for number in range(1, self.rounds + 1):
            samples: dict[str, Sample] = {}
            for name, contestant in random.sample(entries, len(entries)):
                if contestant.name not in failed:
                    samples[name] = self._try(contestant, failed)
                    report(f"  {area.name} {number}/{self.rounds}  {name}  {_brief(samples[name])}")
            rounds.append(samples)
        return [
            not_measured(row) if {c.name for c in row.contestants()} & failed.keys() else judge(row, rounds)
            for row in area.rows
        ], failed

    def _try(self, contestant: Contestant, failed: dict[str, str]) -> Sample:
        try:
            return self._run(contestant)
        except ContestantFailed as e:
            failed[contestant.name] = str(e)
            return {}

    def _run(self, contestant: Contestant) -> Sample:
        folder = self.workspace / "contestant"
        folder.mkdir()
        try:
            if contestant.metadata_db:
                shutil.copyfile(self._migrated(), folder / "airflow.db")
            sample: Sample = {}
            for part in contestant.parts:
                sample |= self._part(contestant, part, folder)
            return sample
        finally:
            shutil.rmtree(folder)

    def _part(self, contestant: Contestant, part: str, folder: Path) -> Sample:
        argv = (
            sys.executable,
            "-m",
            "benchmarks.worker",
            part,
            str(folder),
            "quick" if self.quick else "full",
        )
        run = subprocess.run(
            argv, cwd=ROOT, env=environment(folder), capture_output=True, text=True, check=False
        )
        if run.returncode != 0:
            tail = (run.stderr or run.stdout).strip()[-1500:]
            raise ContestantFailed(f"{part} of {contestant.name!r} exited {run.returncode}:\n{tail}")
        sample: Sample = json.loads((folder / SAMPLE).read_text())
        return sample

    def _migrated(self) -> Path:
        """An empty Airflow database, made once per run."""
        home = self.workspace / "migrated"
        if not home.exists():
            home.mkdir()
            report("  making an Airflow metadata database ...")
            argv = (sys.executable, "-m", "airflow", "db", "migrate")
            run = subprocess.run(argv, env=environment(home), capture_output=True, text=True, check=False)
            if run.returncode != 0:
                raise ContestantFailed(f"airflow db migrate exited {run.returncode}:\n{run.stderr[-1500:]}")
        return home / "airflow.db"


def environment(folder: Path) -> Mapping[str, str]:
    """Environment of a process: nothing of this machine's Airflow, everything of its own in ``folder``."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW_", "_AIRFLOW_", "PYTHON"))}
    home = folder.parent / "home"
    (home / "dags").mkdir(parents=True, exist_ok=True)
    return kept | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "provider" / "src")]),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": "bGFkaW5nLWJlbmNobGFkaW5nLWJlbmNobGFkaW5nLWI=",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW__LADING__STORE": f"file://{folder / 'store'}",
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH": f"file://{folder / 'xcom'}",
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD": "0",
        "AIRFLOW__API__SECRET_KEY": "lading-bench",
        "AIRFLOW__API_AUTH__JWT_SECRET": "lading-bench-lading-bench-lading-bench",
    }


def report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _entries(area: Area) -> Sequence[tuple[str, Contestant]]:
    """Each contestant once, and those that are ours a second time as their own control."""
    first = {c.name: c for row in area.rows for c in row.contestants()}
    again = {t.contestant.name + AGAIN: t.contestant for row in area.rows for t in row.ours}
    return sorted((first | again).items())


def _brief(sample: Sample) -> str:
    return (
        "failed" if not sample else "  ".join(f"{name} {value:.4g}" for name, value in sorted(sample.items()))
    )
