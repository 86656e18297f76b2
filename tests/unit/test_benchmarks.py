"""The harness judges as it says, and its table has the shape that it promises; nothing here is timed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.cases import ALL, areas
from benchmarks.harness import Harness
from benchmarks.judge import AGAIN, INCONCLUSIVE, MET, MISSED, NOT_MEASURED, SKIPPED, judge, verdict
from benchmarks.model import Area, Contestant, Kind, Row, Target, Term
from benchmarks.table import HEADER, render

ROOT = Path(__file__).resolve().parents[2]
OURS, PEER = Contestant("ours", ("m:ours",)), Contestant("peer", ("m:peer",))


def row(kind: Kind, at_most: float) -> Row:
    return Row(
        "area", "case", "s", (Term(OURS, "s"),), (Term(PEER, "s", 2.0),), Target(kind, at_most), "peer"
    )


def rounds(*figures: tuple[float, float, float]) -> list[dict[str, dict[str, float]]]:
    """By round: ours, ours again, peer."""
    return [{"ours": {"s": a}, "ours" + AGAIN: {"s": b}, "peer": {"s": c}} for a, b, c in figures]


@pytest.mark.parametrize(
    ("value", "control", "expected"),
    [
        (1.0, 1.0, MET),
        (1.001, 1.0, MISSED),
        (0.5, 0.9, INCONCLUSIVE),
        (9.0, 0.9, INCONCLUSIVE),
        (9.0, 1.051, INCONCLUSIVE),
        (9.0, 1.05, MISSED),
        (0.5, 0.95, MET),
    ],
)
def test_a_stray_control_voids_a_row_and_a_miss_stays_a_miss(
    value: float, control: float, expected: str
) -> None:
    assert verdict(value, 1.0, control) == expected


def test_a_ratio_is_the_median_of_the_rounds_ratios_and_not_the_ratio_of_the_medians() -> None:
    line = judge(row(Kind.RATIO, 1.0), rounds((1, 1, 1), (10, 10, 2), (3, 3, 30)))
    assert line.ratio == 0.5  # of 0.5, 2.5 and 0.05; the ratio of the medians is 3 / 4
    assert (line.ours, line.peer, line.verdict) == (3, 4, MET)


def test_what_is_added_is_compared_round_by_round_too() -> None:
    uneven = rounds((1, 1, 0), (10, 10, 4.4), (3, 3, 1.45))  # added: 1.0, 1.2 and 0.1; of the medians: 0.1
    assert judge(row(Kind.ADDED, 0.5), uneven).verdict == MISSED
    assert judge(row(Kind.ADDED, 1.0), uneven).verdict == MET


def test_the_control_is_ours_against_itself() -> None:
    line = judge(row(Kind.RATIO, 1.0), rounds((1, 0.9, 1), (1, 0.9, 1)))
    assert (line.control, line.verdict) == (0.9, INCONCLUSIVE)


def test_two_counts_of_nothing_are_even() -> None:
    line = judge(row(Kind.OURS, 0), rounds((0, 0, 0)))
    assert (line.control, line.verdict) == (1.0, MET)


def test_a_contestant_that_fails_leaves_its_row_in_the_table_unmeasured(tmp_path: Path) -> None:
    broken = Contestant("broken", ("benchmarks.cases.runner:absent",))
    area = Area("area", (Row("area", "case", "s", (Term(broken, "s"),), (), Target(Kind.OURS, 1)),))
    lines, failed = Harness(tmp_path, rounds=1, quick=True).measure(area)
    assert [line.verdict for line in lines] == [NOT_MEASURED]
    assert "absent" in failed["broken"]
    assert NOT_MEASURED in render(lines)


def test_where_a_platform_is_absent_its_rows_are_skipped_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = (Row("area", "case", "s", (Term(OURS, "s"),), (), Target(Kind.OURS, 1)),)
    area = Area("area", rows, lambda: "no engine listens")
    lines, failed = Harness(tmp_path, rounds=1, quick=True).measure(area)
    assert ([line.verdict for line in lines], failed) == ([SKIPPED], {})
    assert "area skipped: no engine listens" in capsys.readouterr().err
    assert SKIPPED in render(lines)


def test_only_picks_rows_by_area_or_case() -> None:
    assert areas("") == list(ALL)
    assert [row.case for area in areas("heavy modules") for row in area.rows] == [
        "heavy modules that it loads"
    ]
    assert areas("no such thing") == []


def test_a_quick_run_prints_one_table_and_the_same_as_json(tmp_path: Path) -> None:
    out = tmp_path / "table.json"
    argv = [
        sys.executable,
        "benchmarks/run.py",
        "--quick",
        "--rounds",
        "2",
        "--only",
        "start, wall",
        "--json",
        str(out),
    ]
    run = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    header, rule, *lines = [
        [c.strip() for c in line.strip("|").split("|")] for line in run.stdout.splitlines()
    ]
    assert tuple(header) == HEADER
    assert len(rule) == len(HEADER)
    assert [line[0] for line in lines] == ["runner"]
    (found,) = json.loads(out.read_text())["rows"]
    assert found["rounds"] == 2
    assert found["verdict"] in {MET, MISSED, INCONCLUSIVE}
    assert found["ours"] > 0
    assert found["peer"] > 0
    assert lines[0][HEADER.index("verdict")] == found["verdict"]


def test_nothing_to_measure_is_said_with_what_there_is() -> None:
    argv = [sys.executable, "-m", "benchmarks", "--only", "no such thing"]
    run = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "no such thing" in run.stderr
    assert "frame" in run.stderr
