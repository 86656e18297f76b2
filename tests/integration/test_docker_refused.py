"""A Docker engine that says "not now"."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from docker.types import IPAMConfig, IPAMPool

import docker_engine
from docker_engine import Desk
from lading.errors import TransientError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.service("docker")


@pytest.fixture(autouse=True, scope="module")
def engine() -> None:
    docker_engine.require()


def test_what_an_engine_cannot_start_now_is_not_left_lying_about_and_starts_later(tmp_path: Path) -> None:
    api = docker_engine.api()
    pool = IPAMConfig(pool_configs=[IPAMPool(subnet="10.251.77.0/30")])  # room for one container
    network = api.create_network(f"lading-full-{os.getpid()}", ipam=pool)["Id"]
    taken = api.create_container(
        docker_engine.IMAGE, ["sleep", "600"], host_config=api.create_host_config(network_mode=network)
    )["Id"]
    try:
        api.start(taken)
        short = replace(docker_engine.POLICY, transient_s=2)
        desk = Desk(tmp_path, one, target={"network": network}, policy=short)
        with pytest.raises(TransientError, match="no available IPv4 addresses"):
            desk.run()
        assert len(desk.created()) >= 2  # it was asked again
        assert desk.containers() == []

        api.remove_container(taken, force=True)
        assert desk.value(desk.run()) == 1
    finally:
        for container in api.containers(all=True, filters={"network": network}):
            api.remove_container(container["Id"], force=True)
        api.remove_network(network)


def one() -> int:
    return 1
