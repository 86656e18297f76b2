from __future__ import annotations

import json

import pytest

from lading.errors import LadingError
from lading.lineage.graph import LIMIT, ancestry, descendants, run_graph, seconds
from lading.lineage.nodes import ArtifactKey, LineageGraph, StepKey
from lineage_samples import DAG, ROWS, RUN, TRAIN, by, event, model, ref, report, sweep

EVENTS = [*sweep(), *report()]


def step_names(graph: LineageGraph) -> set[str]:
    return {
        f"{s.key.task_id}[{s.key.map_index}]" if s.key.map_index >= 0 else s.key.task_id
        for s in graph.steps.values()
    }


def test_a_run_has_its_steps_and_their_edges() -> None:
    graph = run_graph(sweep())
    assert step_names(graph) == {"load", "split", "settings", "choose", "evaluate", "notify"} | {
        f"train[{n}]" for n in range(8)
    }
    split = StepKey(DAG, RUN, "split", -1).id
    mine = {(e.kind, e.name, e.artifact.step.task_id, e.artifact.key) for e in graph.edges if e.step == split}
    assert mine == {
        ("read", "rows", "load", "return_value"),
        ("wrote", "train", "split", "train"),
        ("wrote", "test", "split", "test"),
    }
    assert (graph.dag_id, graph.run_id, graph.status) == (DAG, RUN, "succeeded")
    assert (graph.started, graph.ended) == ("2026-11-20T12:00:00.690Z", "2026-11-20T12:00:33.000Z")
    assert not graph.truncated


def test_the_latest_attempt_wins_and_the_earlier_ones_are_kept() -> None:
    node = run_graph(list(reversed(sweep()))).steps[StepKey(DAG, RUN, "train", 2).id]
    assert (node.event.status, node.event.task.try_number) == ("succeeded", 2)
    assert [e.status for e in node.earlier] == ["failed"]


def test_a_late_report_of_an_old_attempt_does_not_win() -> None:
    new = event("t", at_s=1, generation=2)
    late = event("t", at_s=9, generation=1, status="cancelled")
    graph = run_graph([new, late])
    assert graph.status == "succeeded"
    assert next(iter(graph.steps.values())).event == new


def test_a_run_failed_if_a_last_attempt_failed() -> None:
    assert run_graph(sweep(failed=3)).status == "failed"
    assert run_graph([event("a", status="skipped")]).status == "skipped"
    assert run_graph([event("a", status="cached"), event("b", status="skipped")]).status == "succeeded"
    assert run_graph([event("a"), event("b", status="cancelled")]).status == "cancelled"


def test_two_steps_with_the_same_bytes_are_two_nodes_marked_identical() -> None:
    graph = run_graph(sweep())
    best = model(5).digest
    nodes = [node for node in graph.artifacts.values() if node.key.digest == best]
    assert {node.key.step.task_id for node in nodes} == {"train", "choose"}
    assert nodes[0].identical == (nodes[1].key,)
    assert nodes[1].identical == (nodes[0].key,)


def test_events_of_several_runs_are_no_run() -> None:
    with pytest.raises(LadingError, match="2 runs"):
        run_graph(EVENTS)
    with pytest.raises(LadingError, match="0 runs"):
        run_graph([])


def test_ancestry_goes_back_to_the_first_step_across_dags() -> None:
    graph = ancestry(EVENTS, ref("page").digest)
    assert step_names(graph) == {
        "publish", "predict", "choose", "load", "split", "settings", *(f"train[{n}]" for n in range(8)),
    }  # fmt: skip
    assert "evaluate" not in step_names(graph)
    assert [key.key for key in graph.roots] == ["return_value"]


def test_what_an_earlier_attempt_made_comes_from_that_attempt() -> None:
    graph = ancestry(EVENTS, ref("old").digest)
    predict = next(s for s in graph.steps.values() if s.key.task_id == "predict")
    assert (predict.event.task.try_number, predict.superseded) == (1, True)


def test_what_two_attempts_made_alike_comes_from_the_newer() -> None:
    tries = [event("t", try_number=n, at_s=n, outputs={"return_value": ROWS}) for n in (1, 2)]
    (node,) = ancestry(tries, ROWS.digest).steps.values()
    assert (node.event.task.try_number, node.superseded) == (2, False)


def test_descendants_go_forward_across_dags() -> None:
    graph = descendants(EVENTS, TRAIN.digest)
    assert step_names(graph) == {
        *(f"train[{n}]" for n in range(8)), "choose", "evaluate", "predict", "publish",
    }  # fmt: skip
    assert {s.event.status for s in graph.steps.values()} == {"succeeded"}


def test_an_element_comes_from_the_step_that_made_the_whole_and_the_whole_goes_into_its_readers() -> None:
    element = ref('{"trees": 3}').digest
    graph = ancestry(EVENTS, element)
    assert step_names(graph) == {"settings"}
    assert [(e.kind, e.artifact.element) for e in graph.edges] == [("wrote", "[3]")]
    whole = descendants(EVENTS, ref("settings").digest)
    assert {f"train[{n}]" for n in range(8)} <= step_names(whole)
    assert sum(e.kind == "read" and e.artifact in whole.roots for e in whole.edges) == 8


def test_an_unknown_producer_is_an_artifact_without_a_step() -> None:
    lonely = event("use", inputs={"x": (ROWS, by("gone"))})
    graph = run_graph([lonely])
    assert list(graph.artifacts) == [
        ArtifactKey(StepKey(DAG, RUN, "gone", -1), "return_value", None, ROWS.digest)
    ]
    assert ancestry([lonely], ROWS.digest).steps == {}


def test_a_digest_that_nobody_knows_gives_an_empty_graph() -> None:
    graph = ancestry(EVENTS, "sha256:" + "0" * 64)
    assert (graph.steps, graph.artifacts, graph.roots) == ({}, {}, ())


def test_a_graph_is_capped_and_says_so_and_has_no_loose_edges() -> None:
    fan = [event("make", outputs={"return_value": ROWS})]
    fan += [event("use", map_index=n, at_s=1, inputs={"x": (ROWS, by("make"))}) for n in range(LIMIT + 10)]
    for graph in (descendants(fan, ROWS.digest), run_graph(fan)):
        assert graph.truncated
        assert len(graph.steps) + len(graph.artifacts) == LIMIT
        assert {e.step for e in graph.edges} <= set(graph.steps)
        assert {e.artifact for e in graph.edges} <= set(graph.artifacts)
    assert not run_graph(fan, limit=None).truncated


def test_a_cut_run_keeps_what_failed() -> None:
    fan = [event("use", map_index=n) for n in range(20)]
    fan[15] = fan[15].replace(status="failed")
    assert "use[15]" in step_names(run_graph(fan, limit=3))


def test_a_step_that_reads_itself_through_history_ends() -> None:
    first = event("t", inputs={"x": (model(1), by("t"))}, outputs={"return_value": model(1)})
    assert len(ancestry([first], model(1).digest).steps) == 1
    assert len(descendants([first], model(1).digest).steps) == 1


def test_the_same_events_in_any_order_give_the_same_json() -> None:
    def facts(graph: LineageGraph) -> list[str]:
        data = graph.to_json()
        return [json.dumps(sorted(data[k], key=json.dumps), sort_keys=True) for k in ("steps", "edges")]

    assert facts(run_graph(sweep())) == facts(run_graph(list(reversed(sweep()))))
    assert facts(ancestry(EVENTS, ref("page").digest)) == facts(ancestry(EVENTS[::-1], ref("page").digest))


def test_strange_timings_do_not_count() -> None:
    odd = event("t", timings={"run_s": float("inf"), "stage_in_s": "x", "stage_out_s": 0.5, "queued_s": 9})
    assert seconds(odd) == 0.5
