"""The graph of a real run: Airflow's states beside the events of its tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import dag, task, task_group

from api_server import PREFIX, headers, serving
from lading_testkit import run_dag

if TYPE_CHECKING:
    from pathlib import Path


def test_tasks_without_an_event_are_in_the_graph_with_their_state(airflow_db: None, tmp_path: Path) -> None:
    @dag(dag_id="states", schedule=None)
    def states() -> None:
        @task
        def numbers() -> list[int]:
            return [1, 2, 3]

        @task.step
        def double(number: int) -> int:
            if number == 2:
                raise ValueError("two is not allowed\nhere")
            return number * 2

        @task_group
        def last(doubled: list[int]) -> None:
            @task
            def total(values: list[int]) -> int:
                return sum(values)

            total(doubled)

        last(double.expand(number=numbers()))

    with serving(tmp_path / "store") as client:
        run = run_dag(states())
        client.headers.update(headers("viewer"))
        answer = client.get(f"{PREFIX}/dags/states/runs/{quote(run.run_id, safe='')}/graph")
        assert answer.status_code == 200, answer.text
        graph = answer.json()
        assert graph["state"] == "failed"
        by_place = {(s["task_id"], s["map_index"]): s for s in graph["steps"]}
        assert {place: (s["state"], s["status"]) for place, s in by_place.items()} == {
            ("numbers", -1): ("success", "succeeded"),
            ("double", 0): ("success", "succeeded"),
            ("double", 1): ("failed", "failed"),
            ("double", 2): ("success", "succeeded"),
            ("last.total", -1): ("upstream_failed", None),
        }
        assert by_place["double", 1]["error"] == "ValueError: two is not allowed"
        assert (by_place["last.total", -1]["label"], by_place["last.total", -1]["group"]) == ("total", "last")
        tasks = {t["task_id"]: t for t in graph["tasks"]}
        assert list(tasks) == ["numbers", "double", "last.total"]
        assert tasks["double"]["states"] == {"success": 2, "failed": 1}
        assert (tasks["double"]["mapped"], tasks["double"]["operator"]) == (True, "@task.step")
        assert graph["groups"] == [{"id": "last", "label": "last", "parent": None}]
        assert {(d["upstream"], d["downstream"]): d["observed"] for d in graph["dependencies"]} == {
            ("numbers", "double"): True,
            ("double", "last.total"): False,
        }
        values = {(a["task_id"], a["map_index"]): a["value"] for a in graph["artifacts"] if a["has_value"]}
        assert values == {("numbers", -1): [1, 2, 3], ("double", 0): 2, ("double", 2): 6}
        path = f"{PREFIX}/dags/states/runs/{quote(run.run_id, safe='')}/tasks/double?map_index=1"
        attempt = client.get(path).json()["attempts"][0]
        assert [frame["function"] for frame in attempt["error"]["frames"]] == ["double"]
        assert attempt["error"]["frames"][0]["text"] == 'raise ValueError("two is not allowed\\nhere")'
