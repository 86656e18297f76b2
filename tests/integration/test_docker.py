"""Steps in containers of a real Docker engine."""

from __future__ import annotations

import pytest

import docker_engine
from lading_testkit import run_dag, task_states

pytestmark = [pytest.mark.service("docker"), pytest.mark.usefixtures("airflow_db", "docker_target")]


@pytest.fixture(scope="module")
def docker_target() -> None:
    docker_engine.require()


def test_a_step_runs_in_a_container_and_hands_its_value_on() -> None:
    from airflow.sdk import dag

    from lading import step

    @dag(schedule=None)
    def in_docker():
        @step(on="docker", image="lading/python:3.11")
        def where(n: int) -> dict[str, object]:
            import os
            import socket

            print("hello from", socket.gethostname())
            return {"uid": os.getuid(), "host": socket.gethostname(), "n": n}

        @step
        def check(found: dict[str, object]) -> None:
            import socket

            assert found["host"] != socket.gethostname()
            assert found["uid"] != 0
            assert found["n"] == 7

        check(where(7))

    run = run_dag(in_docker())
    assert task_states(run) == {"where": "success", "check": "success"}
