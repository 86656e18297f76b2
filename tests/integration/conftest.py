"""What several files of integration tests share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

import cluster_node
from fakes.pod_worker import PodDesk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fakes.pod_worker import Desks


@pytest.fixture(scope="session")
def space() -> Iterator[str]:
    cluster_node.require()
    with cluster_node.namespace(f"lading-{os.getpid()}") as name:
        yield name


@pytest.fixture
def target(space: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[cluster_node.Cluster]:
    from lading import deployment

    made = cluster_node.Cluster(space, monkeypatch)
    made.configure()
    yield made
    made.clear()
    deployment.settings.cache_clear()


@pytest.fixture
def desk(target: cluster_node.Cluster, tmp_path: Path) -> Desks:
    return lambda code, **keys: PodDesk(tmp_path, target.space, code, keys)
