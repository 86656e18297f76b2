"""The command. Exit code 0: every check passed; 1: one failed; 2: something is to be set first."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cloud_smoke import places, report
from tools.cloud_smoke.checks import CHECKS, Check, duplicate_expected
from tools.cloud_smoke.desk import Desk, Pace
from tools.cloud_smoke.report import Progress, Row

from lading import deployment
from lading.cli.terminal import quiet
from lading.cli.versions import versions
from lading.errors import LadingError
from lading_runner.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from tools.cloud_smoke.desk import Place

HELP = """Runs six small jobs on each of Vertex AI and Databricks, all at once: success (of a small DAG), user
error, out of memory, cancel, adopt after kill, duplicate submission; prints what it saw, and removes what it
made.

Targets, connections and the store are those of your own Airflow configuration (AIRFLOW_HOME,
AIRFLOW__LADING__*, AIRFLOW_CONN_*)."""
COST = """What it costs: six machines per target, each for the start of a machine and at most half a minute of
work. vertex: the smallest machine type that holds what the target asks for (n1-highmem-2 where it asks for
nothing), about 2 to 4 billed minutes each. databricks: six serverless runs of about a minute each, or, with
"compute": "classic", six one-node clusters of the target's node type for about 5 minutes each. A target that
asks for a GPU gets one in every job. What still runs two minutes before the time limit is cancelled, so that
all is removed by then; every job has its own limit on its platform, too."""
HEARTBEAT_S = 30.0


def main(argv: Sequence[str] | None = None, pace: Pace | None = None) -> int:
    begun, asked = time.monotonic(), _parser().parse_args(argv)
    progress = Progress()
    with quiet():
        if asked.targets:
            places.use_targets_file(asked.targets)
        try:
            found = places.ready(asked.only or places.BACKENDS)
        except places.Unready as e:
            print(e, file=sys.stderr)
            return 2
        limit_s = asked.limit * 60 - (time.monotonic() - begun)
        rows, left = run(found, pace or Pace(), limit_s, progress, keep=asked.keep)
    facts = {"versions": dict(versions()), "limit_minutes": asked.limit}
    told = json.dumps(report.as_json(rows, left, facts), indent=2)
    if asked.json and asked.json != "-":
        Path(asked.json).write_text(told + "\n")
    print(told if asked.json == "-" else report.table(rows, left))
    return 0 if all(row.ok for row in rows) and not left else 1


def run(
    found: Sequence[Place], pace: Pace, limit_s: float, progress: Progress, *, keep: bool
) -> tuple[list[Row], list[str]]:
    """A row per check, and what could not be removed. All is over after ``limit_s``, but for the call that is
    being answered then."""
    pace, end = pace.within(limit_s), time.monotonic() + limit_s
    work_s, run_id = pace.work_s(limit_s), f"smoke-{uuid.uuid4().hex[:12]}"
    with tempfile.TemporaryDirectory(prefix="lading-cloud-smoke-") as folder:
        desks = [
            (check, Desk(place, check.name, run, Path(folder), pace, work_s, say, removed_by=end))
            for place in found
            for run in [f"{run_id}-{place.target.name}"]  # they may share a store
            for check in CHECKS
            for say in [progress.of(place.target.name, check.name)]
        ]
        with ThreadPoolExecutor(len(desks)) as pool:
            futures = {pool.submit(_row, check, desk): desk for check, desk in desks}
            try:
                _follow(futures, work_s + pace.grace_s, progress)
            except KeyboardInterrupt:
                progress.say("interrupted: what runs is cancelled")
            _stop(futures)
        rows = [future.result() for future in futures]
        progress.say("removing what was made")
        with ThreadPoolExecutor(len(desks)) as pool:
            left = pool.map(
                lambda pair: _clean(pair[0], keep or not pair[1].ok), zip(futures.values(), rows, strict=True)
            )
            return rows, [text for text in left if text]


def _row(check: Check, desk: Desk) -> Row:
    try:
        ok, seen = True, check.run(desk)
    except (LadingError, RunnerError) as e:
        ok, seen = False, str(e)
    except Exception as e:  # noqa: BLE001 # a finding of this check; the others go on
        ok, seen = False, f"{type(e).__name__}: {e}"
    desk.seconds = time.monotonic() - desk.begun
    target, ids = desk.place.target, tuple(desk.links)
    expected = check.expected
    if check.name == "duplicate submission":
        expected = duplicate_expected(target.backend)
    seen = deployment.mask(" ".join(seen.split()))
    desk.say(f"{'passed' if ok else 'FAILED'}: {seen}")
    url = desk.links[ids[0]] if ids else None
    return Row(target.name, target.backend, check.name, expected, seen, ok, round(desk.seconds, 1), ids, url)


def _follow(futures: dict[Future[Row], Desk], limit_s: float, progress: Progress) -> None:
    end = time.monotonic() + limit_s
    while (now := time.monotonic()) < end:
        _, open_ = wait(futures, timeout=min(HEARTBEAT_S, end - now))
        if not open_:
            return
        for future in open_:
            desk = futures[future]
            said = desk.trials[-1].said[-1:] if desk.trials else []
            desk.say(f"waits{': ' if said else ''}{said[0] if said else ''}")


def _stop(futures: dict[Future[Row], Desk]) -> None:
    """After an interruption, and when all patience is over: jobs are cancelled until nobody waits for one."""
    while open_ := {future for future in futures if not future.done()}:
        for future in open_:
            with suppress(LadingError, RunnerError):
                futures[future].stop()
        wait(open_, timeout=5)


def _clean(desk: Desk, keep: bool) -> str | None:
    """What was left behind, and where."""
    try:
        desk.clean("all" if keep else "never")
    except (LadingError, RunnerError) as e:
        where = ", ".join(handle.url or handle.id for handle in desk.handles.values())
        return f"{desk.place.target.name}, {desk.check}: {deployment.mask(str(e))} ({where or 'no job'})"
    return None


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        "make cloud-smoke",
        description=HELP,
        epilog=COST,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--only",
        action="append",
        metavar="TARGET",
        help="vertex, databricks or another target of these; repeat",
    )
    made.add_argument("--targets", metavar="FILE", help="a TOML file of targets, as [lading] targets_file")
    made.add_argument(
        "--json",
        nargs="?",
        const="-",
        metavar="FILE",
        help="JSON instead of the table, or into a file beside it",
    )
    made.add_argument(
        "--limit", type=_minutes, default=10.0, metavar="MINUTES", help="time limit of it all (default 10)"
    )
    made.add_argument(
        "--keep", action="store_true", help="leave jobs of passed checks in the list of Vertex AI, too"
    )
    return made


def _minutes(text: str) -> float:
    value = float(text)
    if not 0 < value <= 60:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 60")
    return value


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupted)
    sys.exit(main())
