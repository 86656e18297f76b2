from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from lading.cli import main
from lading.lineage import log
from lading_runner.store import ArtifactStore, open_object_store
from lineage_samples import DAG, RUN, TRAIN, by, event, model, ref, report, sweep

GOLDEN = Path(__file__).parents[1] / "golden" / "cli"
#: What a terminal may be sent: text, line ends, and our own colours.
ALLOWED = re.compile(
    r"(?:[^\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]|\x1b\[[0-9;]*m)*\Z"
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
    """With a run of the sweep, one that failed, and one of another DAG."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("LADING_STORE", tmp_path.as_uri())
    artifacts = ArtifactStore(open_object_store(tmp_path.as_uri()))
    for one in [*sweep(), *report()]:
        log.append(one, artifacts.objects)
    return artifacts


def fail_again(store: ArtifactStore) -> None:
    for one in sweep(failed=3):
        task = one.task.replace(run_id="manual__failed")
        inputs = tuple(i.replace(producer=i.producer.replace(run_id="manual__failed")) for i in one.inputs)
        log.append(one.replace(id=one.id[:-12] + "f" + one.id[-11:], task=task, inputs=inputs), store.objects)


def shown(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> str:
    assert main(argv) == code
    return capsys.readouterr().out


GOLDENS: dict[str, tuple[str, ...]] = {
    "run": ("lineage", "show", "--dag", DAG, "--run", RUN),
    "run_failed": ("lineage", "show", "--dag", DAG, "--run", "manual__failed"),
    "run_expanded": ("lineage", "show", "--dag", DAG, "--run", RUN, "--expand"),
    "trace_model": ("lineage", "trace", model(5).digest[7:15]),
    "trace_page": ("lineage", "trace", ref("page").digest),
    "trace_cut": ("lineage", "trace", ref("page").digest, "--depth", "1"),
    "artifacts": ("artifacts", "list"),
    "artifact": ("artifacts", "show", TRAIN.digest[7:15]),
}


@pytest.mark.parametrize("name", GOLDENS)
def test_what_people_read_is_the_golden_text(
    name: str, store: ArtifactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_again(store)
    text = shown(capsys, *GOLDENS[name]).replace(store.root, "file:///srv/lading")
    assert text == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert max(len(line) for line in text.splitlines()) <= 100


@pytest.mark.parametrize("columns", ["40", "80", "100", "250"])
def test_no_line_is_wider_than_the_terminal(
    columns: str, store: ArtifactStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for argv in (*GOLDENS.values(), ("lineage", "show", "--dag", "report")):
        if "manual__failed" not in argv:
            text = shown(capsys, *argv)
            assert max(len(line) for line in text.splitlines()) <= int(columns)


def test_colours_come_only_where_they_are_wanted(
    store: ArtifactStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = GOLDENS["run"]
    plain = shown(capsys, *argv)
    assert "\x1b" not in plain
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = shown(capsys, *argv)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert coloured != plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown(capsys, *argv) == plain


def test_the_json_of_a_run_names_every_node_that_an_edge_joins(
    store: ArtifactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(shown(capsys, "lineage", "show", "--dag", DAG, "--run", RUN, "--json"))
    assert set(data) == {
        "dag_id", "run_id", "status", "started", "ended", "steps", "artifacts", "edges", "roots", "truncated",
        "store", "damaged",
    }  # fmt: skip
    assert set(data["steps"][0]) == {"id", "event", "earlier", "superseded"}
    assert set(data["artifacts"][0]) == {"id", "artifact", "producer", "identical"}
    steps, artifacts = ({node["id"] for node in data[kind]} for kind in ("steps", "artifacts"))
    assert len(steps) == 14
    assert {(e["step"] in steps, e["artifact"] in artifacts, e["kind"]) for e in data["edges"]} == {
        (True, True, "read"), (True, True, "wrote"),
    }  # fmt: skip


def test_the_json_of_a_trace_goes_both_ways(store: ArtifactStore, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(shown(capsys, "lineage", "trace", model(5).digest[:20], "--json"))
    assert data["digest"] == model(5).digest

    def tasks(way: str) -> set[str]:
        return {step["event"]["task"]["task_id"] for step in data[way]["steps"]}

    assert tasks("ancestry") == {"choose", "train", "settings", "split", "load"}
    assert tasks("descendants") == {"choose", "evaluate", "predict", "publish"}


def test_latest_is_the_run_of_that_dag_that_ended_last(
    store: ArtifactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    log.append(event("load", n=77, at_s=90_000, run_id="manual__newer"), store.objects)
    assert "manual__newer" in shown(capsys, "lineage", "show", "--dag", DAG)
    assert "scheduled__2026-11-21" in shown(capsys, "lineage", "show", "--dag", "report", "--run", "latest")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("lineage", "show", "--dag", DAG, "--run", "nope"), ["'nope'", "there are runs", RUN]),
        (("lineage", "show", "--dag", "nope"), ["'nope'", "digits, report"]),
        (("lineage", "show"), ["needs a DAG", "--dag"]),
        (("lineage", "trace", "abc"), ["'abc'", "4 or more"]),
        (("lineage", "trace", "../../etc"), ["no beginning of a digest"]),
        (("lineage", "trace", "0000000000"), ["no artifact begins with '0000000000'"]),
    ],
)
def test_what_is_not_there_is_said_with_what_is(
    argv: tuple[str, ...], words: list[str], store: ArtifactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 1
    seen = capsys.readouterr()
    assert seen.out == ""
    assert all(word in seen.err for word in words), seen.err
    assert main([*argv, "--json"]) == 1
    assert set(json.loads(capsys.readouterr().err)["error"]) == {"type", "message"}


def test_one_run_id_in_two_dags_needs_the_dag(
    store: ArtifactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    log.append(event("x", n=78, dag_id="other"), store.objects)
    assert main(["lineage", "show", "--run", RUN]) == 1
    assert "digits, other" in capsys.readouterr().err


def test_an_ambiguous_prefix_lists_its_digests(
    store: ArtifactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = TRAIN.digest[7:11]
    twin = ref("x").replace(digest=TRAIN.digest[:11] + "0" * 60)
    log.append(event("x", n=79, outputs={"return_value": twin}), store.objects)
    assert main(["lineage", "trace", digits]) == 1
    err = capsys.readouterr().err
    assert "2 digests" in err
    assert TRAIN.digest in err


def test_a_damaged_event_is_told_and_the_rest_is_shown(
    store: ArtifactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(url2pathname(urlsplit(store.root).path)) / "lineage" / "2026-11-20"
    (folder / "\x1b[31mbad.json").write_bytes(b"{")
    assert main(["lineage", "show", "--dag", DAG, "--run", RUN]) == 0
    seen = capsys.readouterr()
    assert "evaluate" in seen.out
    assert "holds no lineage event" in seen.err
    assert "\x1b" not in seen.err


EVIL = "x\x1b]0;owned\x07\x1b[2J\r\n\x9b31m\u202egnp\u200b\u2028\ud800<script>alert(1)</script>"


def evil_events() -> list[Any]:
    thing = ref("evil", EVIL, EVIL, shape=[EVIL, EVIL], columns=EVIL).replace(size=3)
    error = {"type": EVIL, "message": EVIL, "class": EVIL}
    who = by(EVIL, key=EVIL, element=EVIL)
    common: dict[str, Any] = {
        "run_id": "evil",
        "operator": EVIL,
        "target": EVIL,
        "environment": {"python": EVIL},
    }
    made = event(
        EVIL, outputs={EVIL: thing}, metrics={EVIL: EVIL}, params={EVIL: EVIL}, code={"digest": EVIL},
        external={"inputs": [{"uri": EVIL, "version": EVIL}]}, **common,
    )  # fmt: skip
    read = event(
        EVIL, n=9, at_s=1, inputs={EVIL: (thing, who)}, status="failed", error=error, map_index=2, **common
    )
    more = event(EVIL, n=10, at_s=1, inputs={EVIL: (thing, who)}, map_index=3, metrics={EVIL: 0.5}, **common)
    return [made, read, more]


def test_names_from_events_cannot_steer_a_terminal(
    store: ArtifactStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in evil_events():
        # as a hostile writer would: JSON may name lone surrogates, our own writer cannot
        store.objects.write(one.key(), json.dumps(one.to_json()).encode())
    monkeypatch.setenv("FORCE_COLOR", "1")
    digest = ref("evil").digest
    for argv in (
        ("lineage", "show", "--run", "evil"),
        ("lineage", "show", "--run", "evil", "--expand"),
        ("lineage", "show", "--run", "evil", "--json"),
        ("lineage", "trace", digest),
        ("artifacts", "list"),
        ("artifacts", "show", digest),
        ("artifacts", "get", digest),
        ("lineage", "show", "--run", EVIL.replace("\x00", "")),
    ):
        main(argv)
        seen = capsys.readouterr()
        assert ALLOWED.match(seen.out), argv
        assert ALLOWED.match(seen.err), argv
        assert "owned" in seen.out + seen.err, argv
