"""What the recorded event of a step elsewhere says that it cost is what it did cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import cluster_node
import docker_engine
from lading_runner import values
from lading_runner.store.keys import blob_key
from lading_testkit import run_dag, task_states

if TYPE_CHECKING:
    from lading.lineage.event import LineageEvent
    from lading_runner.contract import ArtifactRef

MIB = 1 << 20
BURNT_S, SLEPT_S, HELD = 1.0, 8.0, 256 * MIB


@pytest.fixture(
    params=[
        pytest.param("docker", marks=pytest.mark.service("docker")),
        pytest.param("kubernetes", marks=pytest.mark.service("kubernetes")),
    ]
)
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    from lading import deployment

    if request.param == "kubernetes":
        request.getfixturevalue("target")
        return "kubernetes"
    docker_engine.require()
    targets = {"docker": {"image": docker_engine.IMAGE}}
    monkeypatch.setenv("AIRFLOW__LADING__TARGETS", json.dumps(targets))
    deployment.settings.cache_clear()
    return "docker"


def events(place: str) -> dict[str, LineageEvent]:
    """Of a DAG's steps that were run there, by task."""
    from airflow.sdk import dag

    from lading import deployment, step
    from lading.lineage.log import read

    @dag(schedule=None)
    def costly():
        @step
        def rows() -> bytes:
            return b"rows of it" * 70_000

        @step
        def parts() -> list[bytes]:
            return [b"a" * 1_000_000, b"b" * 2_000_000]

        @step(on=place)
        def work(rows: bytes, parts: list[bytes]) -> dict[str, object]:
            return {"both": rows + parts[1], "deep": [parts[0], {"rows": rows * 2}], "small": 7}

        @step(on=place)
        def each(part: bytes) -> bytes:
            return part + b"!"

        @step(on=place)
        def burn(seconds: float, pause: float, size: int) -> None:
            import subprocess
            import sys
            import time

            loop = f"import time\nwhile time.process_time() < {seconds}: pass"
            subprocess.run([sys.executable, "-c", loop], check=True)
            end = time.process_time() + seconds
            while time.process_time() < end:
                held = b"x" * size
                del held
            time.sleep(pause)

        found = parts()
        work(rows(), found)
        each.expand(part=found)
        burn(BURNT_S, SLEPT_S, HELD)

    run = run_dag(costly())
    assert set(task_states(run).values()) == {"success"}
    store = deployment.store().objects
    found = [event for event in read(store, dag_id="costly") if event.task.run_id == run.run_id]
    return {event.task.task_id + str(event.task.map_index).replace("-1", ""): event for event in found}


def weight(ref: ArtifactRef) -> int:
    """Bytes of the files that an artifact, with all that is stored beside it, is kept in."""
    from lading import deployment

    store = deployment.store()
    own = cluster_node.store_folder().joinpath(blob_key(ref.digest)).stat().st_size
    if ref.format != values.COLLECTION:
        return own
    parts = values.elements(ref, store).refs
    return own + sum(weight(part) for _, part, inline in parts if inline is values.ABSENT)


@pytest.mark.usefixtures("airflow_db")
def test_bytes_seconds_and_memory_are_those_of_the_job(place: str) -> None:
    found = events(place)
    for name in ("work", "each0", "each1"):
        event = found[name]
        assert event.target == place
        (whole,) = [output for output in event.outputs if output.name == "return_value"]
        moved = (event.profile["bytes_in"], event.profile["bytes_out"])
        assert moved == (sum(weight(one.artifact) for one in event.inputs), weight(whole.artifact)), name
    assert found["work"].profile["bytes_in"] > 3_700_000
    assert found["work"].profile["bytes_out"] > 5_100_000
    assert found["each1"].profile["bytes_out"] == 2_000_001

    burnt = found["burn"]
    assert (burnt.profile["bytes_in"], burnt.profile["bytes_out"]) == (0, 0)
    assert burnt.timings["run_s"] > 2 * BURNT_S + SLEPT_S
    assert 2 * BURNT_S <= burnt.profile["cpu_s"] < 2 * BURNT_S + SLEPT_S / 2
    assert HELD < burnt.profile["peak_rss_bytes"] < HELD + 64 * MIB
    assert found["work"].profile["peak_rss_bytes"] < HELD / 2
