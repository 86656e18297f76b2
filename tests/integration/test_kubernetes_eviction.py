"""Pods that a real cluster takes away: by its eviction API, and by a node whose disk a step fills."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from cluster_node import wait_until
from lading.backends.base import FailureClass
from lading.errors import ConfigError
from lading.resources import Resources

if TYPE_CHECKING:
    import cluster_node
    from fakes.pod_worker import Desks

pytestmark = pytest.mark.service("kubernetes")

AGAIN = """\
def run():
    import time
    from pathlib import Path
    if not any(Path("/lading/store/attempts").glob("*/*/*/*/2/claim")):
        time.sleep(600)
    return 42
"""
FILL = """\
def run():
    import tempfile, time
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x" * 200_000_000)
        file.flush()
        time.sleep(300)
"""


def test_a_step_whose_pod_is_evicted_runs_again(desk: Desks, target: cluster_node.Cluster) -> None:
    one = desk(AGAIN)
    evicted: list[str] = []

    def evict() -> None:
        if wait_until(target.running, 60):
            (pod,) = target.pods()
            target.evict(pod.metadata.name)
            evicted.append(pod.metadata.name)

    thread = threading.Thread(target=evict)
    thread.start()
    result = one.worker().run()
    thread.join()

    assert len(evicted) == 1
    assert result.status == "succeeded"
    assert [end.verdict.failure for end in one.ends[:-1]] == [FailureClass.INFRA]
    assert target.made() == 2
    assert target.left_behind() == []


def test_a_node_that_evicts_a_step_for_its_disk_is_told_with_the_cure(
    desk: Desks, target: cluster_node.Cluster
) -> None:
    one = desk(FILL)
    with pytest.raises(ConfigError, match=r"Evicted: .*ephemeral.*give the step more of it: disk="):
        one.worker(resources=Resources(disk="20MiB")).run()
    assert target.made() == 1
    assert target.left_behind() == []
